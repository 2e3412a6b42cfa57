import ZooTensor

extension SamplerSettings {
    /// Throws if a setting is out of its range.
    func validate(vocabulary: Int? = nil) throws {
        func refuse(_ name: String, _ value: Any, _ expected: String) -> ModelError {
            ModelError("sampler: \(name) is \(value); expected \(expected)")
        }
        if maxNewTokens < 0 { throw refuse("maxNewTokens", maxNewTokens, "a number from 0") }
        if !(temperature >= 0 && temperature.isFinite) { throw refuse("temperature", temperature, "a number from 0") }
        if !(topP > 0 && topP <= 1) { throw refuse("topP", topP, "a number above 0, up to 1") }
        if topK < 0 { throw refuse("topK", topK, "a number from 0") }
        if minNewTokens < 0 || minNewTokens > maxNewTokens {
            throw refuse("minNewTokens", minNewTokens, "a number from 0 to maxNewTokens (\(maxNewTokens))")
        }
    }
}

extension Sequences {
    /// Prompts alone, nothing masked.
    init(prompts: [[Int32]]) {
        var offsets = [0]
        for prompt in prompts { offsets.append(offsets[offsets.count - 1] + prompt.count) }
        self.init(
            offsets: offsets, tokens: Array(prompts.joined()), mask: Array(repeating: false, count: offsets[offsets.count - 1]))
    }
}

extension Tensor {
    /// Samples one token per row of these logits at new step `step`; the log-probability is that of the uncut distribution.
    func sampled(_ uniform: Tensor, _ settings: SamplerSettings, step: Int) -> (tokens: Tensor, logp: Tensor) {
        let plain = { (logits: Tensor) in
            logits.sample(uniform: uniform, temperature: settings.temperature, topK: settings.topK, topP: settings.topP)
        }
        guard step < settings.minNewTokens, !settings.endTokens.isEmpty else { return plain(self) }
        var barred = [Float](repeating: 0, count: size(1))
        for token in settings.endTokens where barred.indices.contains(Int(token)) { barred[Int(token)] = -.infinity }
        let tokens = plain(self + Tensor(barred, device: device)).tokens
        let scaled = settings.temperature > 0 ? self / settings.temperature : self
        return (tokens, scaled.logSoftmax(dim: 1).gather(tokens.reshape([-1, 1]), dim: 1).reshape([-1]))
    }
}

extension SamplerSettings {
    /// The random numbers of the samples, `[maxNewTokens, count]`. Each has its own column, so that it does not depend on which others
    /// are unfinished.
    func uniform(_ count: Int, generator: Generator, device: Device) -> Tensor {
        guard let shared else { return Tensor.uniform([maxNewTokens, count], generator: generator, device: device) }
        return Tensor.uniform([shared.steps, shared.count], generator: generator, device: device)
            .narrow(0, 0..<maxNewTokens).select(Tensor(shared.rows, device: device), dim: 1)
    }
}

/// What was sampled so far, by output index.
struct SampleRecord {
    private let prompts: [[Int32]]
    private let samplesPerPrompt: Int
    private let settings: SamplerSettings
    private let ends: Set<Int32>
    private var tokens: [[Int32]]
    private var logp: [[Float]]
    private var finished: [Bool]

    init(prompts: [[Int32]], samplesPerPrompt: Int, settings: SamplerSettings) throws {
        try settings.validate()
        guard samplesPerPrompt >= 0 else {
            throw ModelError("sampler: samplesPerPrompt is \(samplesPerPrompt); expected a number from 0")
        }
        if let empty = prompts.firstIndex(where: \.isEmpty) {
            throw ModelError(
                "prompt \(empty) is empty; sampling needs at least one token to start from, such as the model's bos_token_id")
        }
        self.prompts = prompts
        self.samplesPerPrompt = samplesPerPrompt
        self.settings = settings
        ends = Set(settings.endTokens)
        let count = prompts.count * samplesPerPrompt
        tokens = Array(repeating: [], count: count)
        logp = Array(repeating: [], count: count)
        finished = Array(repeating: false, count: count)
    }

    /// Adds what several steps drew for `rows`, as if each had been read at once: what a row drew after its end is forgotten.
    mutating func append(_ steps: [(tokens: Tensor, logp: Tensor)], rows: [Int]) throws -> Set<Int> {
        if steps.count == 1 { return try append(steps[0].tokens.values(), steps[0].logp.floats, rows: rows) }
        // One read each for all steps.
        let tokens: [Int64] = Tensor.concatenate(steps.map(\.tokens)).values()
        let logp = Tensor.concatenate(steps.map(\.logp)).floats
        var going = Set(rows)
        for step in steps.indices {
            let own = step * rows.count..<(step + 1) * rows.count
            going = try append(Array(tokens[own]), Array(logp[own]), rows: rows)
        }
        return going
    }

    /// Adds one token to each of `rows` that is not finished; returns those that continue. Throws if its probability is not a number.
    mutating func append(_ new: [Int64], _ newLogp: [Float], rows: [Int]) throws -> Set<Int> {
        var going = Set<Int>()
        for (index, row) in rows.enumerated() where !finished[row] {
            guard newLogp[index].isFinite else {
                throw ModelError(
                    "sampling: the log-probability of token \(tokens[row].count + 1) of sample \(row) is \(newLogp[index]): the model's "
                        + "logits are NaN or infinite; its weights are damaged or have diverged"
                        + (settings.temperature > 0 ? ", or the temperature (\(settings.temperature)) is too low" : ""))
            }
            let token = Int32(new[index])
            tokens[row].append(token)
            logp[row].append(newLogp[index])
            if ends.contains(token) || settings.ends?(tokens[row]) == true { finished[row] = true } else { going.insert(row) }
        }
        return going
    }

    func generation() -> Generation {
        var offsets = [0]
        var all: [Int32] = []
        var mask: [Bool] = []
        for row in tokens.indices {
            let prompt = prompts[row / samplesPerPrompt]
            all += prompt + tokens[row]
            mask += Array(repeating: false, count: prompt.count) + Array(repeating: true, count: tokens[row].count)
            offsets.append(all.count)
        }
        // A greedy sample is scored like any other, at temperature 1.
        let temperature = settings.temperature > 0 ? Float(settings.temperature) : 1
        return Generation(
            sequences: Sequences(
                offsets: offsets, tokens: all, mask: mask, temperature: Array(repeating: temperature, count: tokens.count)),
            logp: Array(logp.joined()), finished: finished)
    }
}
