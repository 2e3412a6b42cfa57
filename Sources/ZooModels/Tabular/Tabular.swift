import Foundation
import ZooTensor

/// A softmax over V tokens for each state (prompt, tokens so far): small enough that the optimum is known exactly.
///
/// A prompt is one token, a completion is exactly H tokens, and there is no end token.
public final class Tabular: GenerativeNetwork {
    public let config: TabularConfig
    public let head: Head
    public let parameters: [NamedTensor]
    public var family: String { "tabular" }

    /// `logits` [states, V], `values` [states] or `scores` [P · V^H], by head.
    let table: Tensor

    init(config: TabularConfig, head: Head, table: Tensor, trainable: Bool) {
        self.config = config
        self.head = head
        self.table = table
        table.requiresGrad = trainable
        parameters = [NamedTensor(Self.name(head), table)]
    }

    /// All zeros: the uniform policy, V = 0, or reward 0.
    public static func initialize(
        config: TabularConfig, head: Head, device: Device = .cpu, trainable: Bool = true
    ) throws -> Tabular {
        try config.validate()
        return Tabular(config: config, head: head, table: .zeros(shape(config, head), device: device), trainable: trainable)
    }

    /// A policy with these logits, `[states, V]` row by row.
    public convenience init(config: TabularConfig, logits: [Float], device: Device = .cpu, trainable: Bool = true) throws {
        try config.validate()
        let shape = Self.shape(config, .languageModel)
        guard logits.count == shape[0] * shape[1] else {
            throw ModelError("tabular: expected \(shape[0] * shape[1]) logits for shape \(shape), found \(logits.count)")
        }
        self.init(
            config: config, head: .languageModel, table: Tensor(logits, shape: shape, device: device), trainable: trainable)
    }

    /// Reads a folder; a value or score table that it lacks is zero.
    public static func load(from folder: URL, head: Head, device: Device, trainable: Bool) throws -> Tabular {
        let config = try TabularConfig(keys: ConfigKeys.read(folder))
        let file = folder.appendingPathComponent("model.safetensors")
        var tensors = try Safetensors.readModel(in: folder)
        if head != .languageModel, tensors[name(head)] == nil {
            tensors = [name(head): .zeros(shape(config, head))]
        }
        var store = ParameterStore(tensors: tensors, device: device, trainable: trainable)
        do {
            let table = try store.take(name(head), shape(config, head))
            try store.finish()
            return Tabular(config: config, head: head, table: table, trainable: trainable)
        } catch let error as ModelError {
            throw ModelError("\(file.path): \(error)")
        }
    }

    public func save(to folder: URL) throws { try writeModel(to: folder, config: config.json, parameters: parameters) }

    public func copy(trainable: Bool) -> any Network {
        Tabular(config: config, head: head, table: table.detached().clone(), trainable: trainable)
    }

    public func supports(_ output: NetworkOutput) -> Bool {
        switch head {
        case .languageModel: output == .logp || output == .entropy || output == .score
        case .value: output == .value
        case .score: output == .score
        }
    }

    public func forward(_ batch: Sequences, _ outputs: [NetworkOutput]) throws -> [Tensor] {
        try batch.validate(vocabulary: max(config.vocabularySize, config.prompts))
        if let output = outputs.first(where: { !supports($0) }) {
            throw ModelError("a tabular network with a \(head.rawValue) head has no output \(output.rawValue)")
        }
        if head == .score {
            let index = try (0..<batch.count).map { try completionIndex(batch, sequence: $0) }
            let scores = table.select(Tensor(index, device: table.device))
            return outputs.map { _ in scores }
        }
        let actions = try actions(batch)
        let rows = table.select(Tensor(actions.states, device: table.device))
        if head == .value { return outputs.map { _ in rows } }
        let inverse = actions.inverseTemperature.map { Tensor($0, shape: [$0.count, 1], device: table.device) }
        let distribution = (inverse.map { rows * $0 } ?? rows).logSoftmax(dim: 1)
        let targets = Tensor(actions.tokens, device: table.device).reshape([-1, 1])
        let logp = distribution.gather(targets, dim: 1).reshape([-1])
        return outputs.map { output in
            switch output {
            case .entropy: -(distribution.exp() * distribution).sum(dim: 1)
            case .score: logp.segmentSum(Tensor(actions.sequences, device: table.device), count: batch.count)
            default: logp
            }
        }
    }

    /// A look-up and a softmax: five operations per token of the vocabulary.
    public func forwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        head == .languageModel ? 5 * Double(config.vocabularySize * batch.maskedCount) : 0
    }

    public var endTokens: [Int32] { [] }

    public func prefillFLOPs(_ drawn: Sequences) -> Double { 0 }

    public func generationFLOPs(_ drawn: Sequences) -> Double { forwardFLOPs(drawn, [.logp]) }

    public func generate(
        prompts: [[Int32]], samplesPerPrompt: Int, settings: SamplerSettings, generator: Generator, isCancelled: () -> Bool
    ) throws -> Generation {
        guard head == .languageModel else { throw ModelError("only a network with a languageModel head samples") }
        guard settings.maxNewTokens >= config.horizon, settings.endTokens.isEmpty else {
            throw ModelError(
                "sampler: a table's completions have exactly \(config.horizon) tokens and no end token; found maxNewTokens "
                    + "\(settings.maxNewTokens) and \(settings.endTokens.count) end token(s)")
        }
        if let wrong = prompts.firstIndex(where: { $0.count != 1 || $0[0] < 0 || Int($0[0]) >= config.prompts }) {
            throw ModelError(
                "prompt \(wrong) is \(prompts[wrong]); a table's prompt is one token from 0 to \(config.prompts - 1)")
        }
        var record = try SampleRecord(prompts: prompts, samplesPerPrompt: samplesPerPrompt, settings: settings)
        let rows = Array(0..<prompts.count * samplesPerPrompt)
        if rows.isEmpty { return record.generation() }
        return try withoutGrad {
            // The whole table's numbers, where these are some of several samples.
            var whole = settings
            whole.maxNewTokens = config.horizon
            whole.shared?.steps = config.horizon
            let uniform = whole.uniform(rows.count, generator: generator, device: table.device)
            var prefixes = [[Int]](repeating: [], count: rows.count)
            for step in 0..<config.horizon {
                let states = rows.map { config.state(prompt: Int(prompts[$0 / samplesPerPrompt][0]), prefix: prefixes[$0]) }
                let logits = table.select(Tensor(states, device: table.device))
                let (tokens, logp) = logits.sampled(uniform.narrow(0, step..<step + 1).reshape([-1]), settings, step: step)
                let drawn: [Int64] = tokens.values()
                _ = try record.append(drawn, logp.floats, rows: rows)
                for row in rows { prefixes[row].append(Int(drawn[row])) }
            }
            return record.generation()
        }
    }

    // MARK: - States

    /// The state that each masked step's action was taken in, in order.
    public func states(of batch: Sequences) throws -> [Int] { try actions(batch).states }

    /// The first state of a prompt.
    public func firstState(ofPrompt prompt: Int) -> Int { prompt * config.statesPerPrompt }

    private struct Actions {
        var states: [Int] = [], tokens: [Int] = [], sequences: [Int] = []
        var inverseTemperature: [Float]?
    }

    private func actions(_ batch: Sequences) throws -> Actions {
        var actions = Actions()
        for sequence in 0..<batch.count {
            let (prompt, completion) = try parts(batch, sequence)
            let first = batch.offsets[sequence] + 1
            for (index, token) in completion.enumerated() where batch.mask[first + index] {
                actions.states.append(config.state(prompt: prompt, prefix: completion.prefix(index)))
                actions.tokens.append(token)
                actions.sequences.append(sequence)
            }
        }
        actions.inverseTemperature = batch.temperature.map { all in actions.sequences.map { 1 / all[$0] } }
        return actions
    }

    private func completionIndex(_ batch: Sequences, sequence: Int) throws -> Int {
        let (prompt, completion) = try parts(batch, sequence)
        guard completion.count == config.horizon else {
            throw ModelError(
                "batch: sequence \(sequence) has \(completion.count) tokens after its prompt; expected \(config.horizon)")
        }
        return prompt * config.completions + completion.reduce(0) { $0 * config.vocabularySize + $1 }
    }

    private func parts(_ batch: Sequences, _ sequence: Int) throws -> (prompt: Int, completion: [Int]) {
        let tokens = batch.tokens[batch.steps(sequence)].map(Int.init)
        guard let prompt = tokens.first, prompt < config.prompts, tokens.count <= config.horizon + 1,
            tokens.dropFirst().allSatisfy({ $0 < config.vocabularySize })
        else {
            throw ModelError(
                "batch: sequence \(sequence) is \(tokens); a table knows one prompt token below \(config.prompts), then at most "
                    + "\(config.horizon) tokens below \(config.vocabularySize)")
        }
        return (prompt, Array(tokens.dropFirst()))
    }

    private static func name(_ head: Head) -> String {
        switch head {
        case .languageModel: "logits"
        case .value: "values"
        case .score: "scores"
        }
    }

    private static func shape(_ config: TabularConfig, _ head: Head) -> [Int] {
        switch head {
        case .languageModel: [config.states, config.vocabularySize]
        case .value: [config.states]
        case .score: [config.prompts * config.completions]
        }
    }
}
