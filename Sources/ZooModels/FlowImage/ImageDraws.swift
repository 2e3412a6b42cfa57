import ZooTensor

/// The random numbers of sampled images. Where they are some of several, the numbers of all are drawn and theirs are taken.
struct ImageDraws {
    private let prompts: Range<Int>
    private let samples: Range<Int>
    /// Prompts and samples of all that belong together.
    private let all: (prompts: Int, samples: Int)
    private let generator: Generator

    /// - Parameter shared: which samples these are, neighbours of whole prompts; nil: all.
    init(_ prompts: Int, _ perPrompt: Int, _ shared: SharedDraws?, _ generator: Generator) {
        let first = perPrompt > 0 ? (shared?.rows.first ?? 0) / perPrompt : 0
        self.prompts = first..<first + prompts
        samples = first * perPrompt..<(first + prompts) * perPrompt
        all = shared.map { (perPrompt > 0 ? $0.count / perPrompt : prompts, $0.count) } ?? (prompts, prompts * perPrompt)
        self.generator = generator
    }

    /// One per prompt.
    func seeds() -> [UInt64] {
        Array((0..<all.prompts).map { _ in UInt64(generator.integer(below: Int(Int32.max))) }[prompts])
    }

    /// Standard normal, [prompts, size].
    func ofPrompts(_ size: Int, _ device: Device) -> Tensor { normal(all.prompts, prompts, size, device) }

    /// Standard normal, [samples, size].
    func ofSamples(_ size: Int, _ device: Device) -> Tensor { normal(all.samples, samples, size, device) }

    private func normal(_ count: Int, _ rows: Range<Int>, _ size: Int, _ device: Device) -> Tensor {
        let drawn = Tensor.normal([count, size], generator: generator, device: device)
        return rows.count == count ? drawn : drawn.narrow(0, rows)
    }
}
