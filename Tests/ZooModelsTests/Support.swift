import Foundation
import Testing
import ZooModels
import ZooTensor

/// Where this target's recorded models lie; `make parity` has others of its own.
let fixtures =
    ProcessInfo.processInfo.environment["ZOO_FIXTURES"].map { URL(fileURLWithPath: $0) }
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

/// The recorded language models: every family, and what its options change.
let languageModels = [
    "tied", "untied", "llama3", "qwen2", "qwen3", "mistral", "gemma", "gpt2", "smollm3", "gemma2", "gemma3", "olmo2", "granite",
    "phi3",
]

/// A folder of its own that is removed after `body`.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("zoo-models-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// A model that `transformers` saved, and the numbers that PyTorch gave for it.
struct Recorded {
    let folder: URL
    let numbers: [String: Tensor]
    let batch: Sequences

    init(_ name: String) throws {
        folder = fixtures.appendingPathComponent(name)
        numbers = try Safetensors.read(folder.appendingPathComponent("expected.safetensors"))
        var offsets = [0]
        for length in numbers["lengths"]?.integers ?? [] { offsets.append(offsets[offsets.count - 1] + length) }
        batch = Sequences(
            offsets: offsets, tokens: numbers["tokens"]?.values() ?? [], mask: (numbers["mask"]?.integers ?? []).map { $0 == 1 },
            temperature: numbers["temperature"]?.floats)
    }

    func network(_ head: Head, trainable: Bool = true) throws -> any Network {
        try loadNetwork(from: folder, head: head, device: .cpu, trainable: trainable, generator: nil)
    }

    /// Every recorded gradient that differs from the network's by more than `tolerance` of its largest entry.
    func wrongGradients(_ network: any Network, tolerance: Float = 1e-4) -> [String] {
        network.parameters.compactMap { parameter in
            guard let expected = numbers["grad." + parameter.name]?.floats else { return "\(parameter.name): not recorded" }
            let found = parameter.tensor.gradient?.floats ?? []
            let scale = max(1e-2, expected.map(abs).max() ?? 0)
            let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
            return found.count == expected.count && worst <= tolerance * scale
                ? nil : "\(parameter.name): off by \(worst) of \(scale)"
        }
    }
}

/// The largest absolute difference; infinite where the counts differ.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

/// A small language model with fresh weights, large enough that tokens differ in probability.
func smallModel(_ head: Head = .languageModel, seed: UInt64 = 1, kvHeads: Int = 2) throws -> CausalLM {
    try CausalLM.initialize(
        config: CausalLMConfig(
            vocabularySize: 29, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 4, kvHeads: kvHeads, maxPositions: 96,
            initializerRange: 0.35),
        head: head, generator: Generator(seed: seed))
}

/// The same of any family, with what is the family's own: windows, scaled frequencies.
func smallModel(_ family: Family, _ head: Head = .languageModel) throws -> CausalLM {
    var config = CausalLMConfig(
        family: family, vocabularySize: 29, hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 4,
        kvHeads: family == .gpt2 ? 4 : 2, maxPositions: 96, tieEmbeddings: family != .mistral, initializerRange: 0.35)
    switch family {
    case .llama: config.biases = [.attention, .feedForward]
    case .mistral: config.slidingWindow = 5
    case .qwen2: (config.slidingWindow, config.fullLayers) = (3, 1)
    case .qwen3: config.ropeScaling = .linear(factor: 2)
    case .smollm3:
        (config.slidingWindow, config.rotatedLayers, config.windowedLayers) = (4, [true, false], [false, true])
        var yarn = RopeScaling.YaRN(factor: 4)
        yarn.originalPositions = 24
        config.ropeScaling = .yarn(yarn)
    case .gemma2:
        (config.slidingWindow, config.windowedLayers) = (3, [true, false])
        (config.scales.queryScalar, config.scales.attentionCap, config.scales.logitCap) = (9, 0.5, 2)
    case .gemma3:
        (config.slidingWindow, config.windowedLayers, config.localRopeTheta) = (3, [true, false], 100)
        (config.scales.queryScalar, config.scales.logitCap) = (9, 3)
    case .granite:
        (config.scales.embedding, config.scales.residual) = (3, 0.4)
        (config.scales.attention, config.scales.logits) = (0.8, 1.5)
    case .phi3:
        (config.slidingWindow, config.rotatedPart) = (5, 0.5)
        var long = RopeScaling.LongRoPE(short: [1.5], long: [3])
        long.originalPositions = 64
        config.ropeScaling = .longRoPE(long)
    case .gemma, .gpt2, .olmo2: break
    }
    let network = try CausalLM.initialize(config: config, head: head, generator: Generator(seed: 1))
    // Biases start at 0 and norms at 1 or 0, where a mistake in either would not show.
    for (index, parameter) in network.parameters.enumerated() where parameter.tensor.shape.count == 1 {
        let noise = Tensor.normal(parameter.tensor.shape, generator: Generator(seed: UInt64(index))) * 0.2
        parameter.tensor.copy(from: withoutGrad { parameter.tensor + noise })
    }
    return network
}

/// Random sequences of these lengths; after the first `prompt` steps all are masked.
func randomBatch(_ lengths: [Int], vocabulary: Int, prompt: Int = 1, seed: UInt64 = 3) -> Sequences {
    let generator = Generator(seed: seed)
    var batch = Sequences(offsets: [0], tokens: [], mask: [])
    for length in lengths {
        batch.tokens += (0..<length).map { _ in Int32(generator.integer(below: vocabulary)) }
        batch.mask += (0..<length).map { $0 >= prompt }
        batch.offsets.append(batch.tokens.count)
    }
    return batch
}

/// Expects that a parameter's gradient of the sum of `values` is its slope in a random direction, by central differences.
func expectSlope(
    of parameter: NamedTensor, step: Double, _ generator: Generator, sourceLocation: SourceLocation = #_sourceLocation,
    _ values: () throws -> Tensor
) throws {
    let direction = Tensor.normal(parameter.tensor.shape, generator: generator)
    let gradient = try #require(parameter.tensor.gradient, "\(parameter.name)", sourceLocation: sourceLocation)
    let slope = (gradient * direction).sum().item
    func total(_ step: Double) throws -> Double {
        let kept = parameter.tensor.detached().clone()
        defer { parameter.tensor.copy(from: kept) }
        parameter.tensor.copy(from: kept + direction * step)
        return try values().sum().item
    }
    let measured = (try total(step) - total(-step)) / (2 * step)
    #expect(
        abs(measured - slope) < 2e-2 * max(1, abs(slope)), "\(parameter.name): \(slope), measured \(measured)",
        sourceLocation: sourceLocation)
}

/// Expects that slices of a batch of images, down to one step, see the same bits of log-probability as were sampled.
func expectSameInSlices(
    _ network: FlowImage, _ found: ImageGeneration, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    for part in [0..<2, 7..<8, 3..<18] {
        var slice = found.sequences
        var seen = 0
        for step in slice.mask.indices where slice.mask[step] {
            slice.mask[step] = part.contains(seen)
            seen += 1
        }
        let logp = try network.forward(slice, [.logp])[0].floats
        #expect(logp == Array(found.logp[part]), sourceLocation: sourceLocation)
    }
}
