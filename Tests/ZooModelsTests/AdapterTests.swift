import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("LoRA adapters")
struct AdapterTests {
    /// A recorded adapter over its base, as it is trained.
    private func adapted(_ recorded: Recorded, head: Head = .languageModel, trainable: Bool = true) throws -> CausalLM {
        let folder = try AdapterFolder(recorded.folder)
        return try CausalLM(adapting: base(of: folder), with: folder, head: head, trainable: trainable)
    }

    private func base(of folder: AdapterFolder) throws -> CausalLM {
        try CausalLM.load(from: folder.base(), head: .languageModel, device: .cpu, trainable: false, generator: nil)
    }

    private func fresh(_ base: CausalLM, head: Head = .languageModel, _ change: (inout LoRAConfig) -> Void = { _ in }) throws
        -> CausalLM
    {
        var config = LoRAConfig()
        config.targets = .allLinear
        change(&config)
        return try CausalLM(adapting: base, named: "base", config: config, head: head, generator: Generator(seed: 9))
    }

    // MARK: - Parity with PEFT

    static let patterns = ["lora-patterns", "lora-layers", "lora-ends", "lora-saved", "lora-gpt2-saved"]
    static let recorded = ["lora-standard", "lora-all-linear", "lora-gpt2", "lora-qwen2"] + patterns

    @Test("log-probabilities, entropies and every gradient of an adapter that peft saved are PyTorch's", arguments: recorded)
    func parity(name: String) throws {
        let recorded = try Recorded(name)
        let network = try adapted(recorded)
        let outputs = try network.forward(recorded.batch, [.logp, .entropy])
        #expect(distance(outputs[0].floats, try #require(recorded.numbers["logp"]).floats) < 2e-5)
        #expect(distance(outputs[1].floats, try #require(recorded.numbers["entropy"]).floats) < 2e-5)
        backward(
            outputs,
            gradients: [try #require(recorded.numbers["logp_weight"]), try #require(recorded.numbers["entropy_weight"])])
        #expect(recorded.wrongGradients(network) == [])
        #expect(network.parameters.count == recorded.numbers.keys.count { $0.hasPrefix("grad.") })
        #expect(network.frozen.allSatisfy { $0.tensor.gradient == nil })
    }

    @Test("greedy continuations are those of peft's generate", arguments: recorded)
    func greedy(name: String) throws {
        let recorded = try Recorded(name)
        let prompts = (0..<recorded.batch.count).map { Array(recorded.batch.tokens[recorded.batch.steps($0)]) }
        let settings = SamplerSettings(maxNewTokens: 8, temperature: 0, endTokens: [2], minNewTokens: 8)
        let found = try adapted(recorded, trainable: false).generate(
            prompts: prompts, samplesPerPrompt: 1, settings: settings, generator: Generator(seed: 1), isCancelled: { false })
        let continuations = (0..<prompts.count).flatMap { index in
            found.sequences.tokens[found.sequences.steps(index)].dropFirst(prompts[index].count).map(Int.init)
        }
        #expect(continuations == (try #require(recorded.numbers["greedy"])).integers)
    }

    @Test("an adapter's folder reads as the model that it makes of its base", arguments: recorded)
    func merged(name: String) throws {
        let recorded = try Recorded(name)
        let network = try recorded.network(.languageModel, trainable: false)
        #expect(network.frozen.isEmpty)
        #expect(!network.parameters.contains { $0.name.contains("lora") })
        let logp = try network.forward(recorded.batch, [.logp])[0].floats
        #expect(distance(logp, try #require(recorded.numbers["logp"]).floats) < 2e-5)
    }

    @Test("what peft wrote is written back tensor for tensor, and its config key for key", arguments: recorded)
    func writesWhatPEFTWrites(name: String) throws {
        try withTemporaryFolder { folder in
            let recorded = try Recorded(name)
            try adapted(recorded).save(to: folder)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                    == ["adapter_config.json", "adapter_model.safetensors"])
            func tensors(_ folder: URL) throws -> [String: Tensor] {
                // The base's own embedding and head, which peft puts beside an adapter of theirs, are not the adapter's.
                try Safetensors.read(folder.appendingPathComponent("adapter_model.safetensors"))
                    .filter { !$0.key.contains("base_layer") }
            }
            let (theirs, ours) = (try tensors(recorded.folder), try tensors(folder))
            #expect(ours.mapValues(\.shape) == theirs.mapValues(\.shape))
            #expect(ours.mapValues(\.dtype) == theirs.mapValues(\.dtype))
            #expect(ours.mapValues(\.bytes) == theirs.mapValues(\.bytes))
            let (theirConfig, ourConfig) = (try config(recorded.folder), try config(folder))
            for (key, value) in ourConfig where !["lora_dropout", "base_model_name_or_path"].contains(key) {
                #expect((value as? NSObject) == (theirConfig[key] as? NSObject), "\(key)")
            }
            let base = try AdapterFolder(recorded.folder).base()
            #expect(ourConfig["base_model_name_or_path"] as? String == base.path)
        }
    }

    private func config(_ folder: URL) throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appendingPathComponent("adapter_config.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// `make parity` has `peft` read this and compute it again (parity_adapters.py).
    @Test(
        "adapters are written for peft to read",
        .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil, "set ZOO_PARITY to a folder"),
        arguments: [false, true])
    func adapterWritesForPEFT(rslora: Bool) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let place = root.appendingPathComponent(rslora ? "adapter-rslora" : "adapter")
        let folder = place.appendingPathComponent("base")
        try smallModel().save(to: folder)
        let base = try CausalLM.load(from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
        var config = LoRAConfig()
        config.r = 3
        config.alpha = 7
        config.usesRSLoRA = rslora
        config.targets = rslora ? .allLinear : .standard
        let network = try CausalLM(
            adapting: base, named: folder.path, config: config, head: .languageModel, generator: Generator(seed: 4))
        fill(network)
        try write(network, for: place)
    }

    /// An adapter, what it makes of its base, and its log-probabilities, for peft to compare.
    private func write(_ network: CausalLM, for place: URL) throws {
        try network.save(to: place.appendingPathComponent("ours"))
        try ModelMerging.write(place.appendingPathComponent("ours"), to: place.appendingPathComponent("merged"))
        let batch = randomBatch([9, 4, 17], vocabulary: 29)
        try Safetensors.write(
            [
                NamedTensor("tokens", Tensor(batch.tokens)), NamedTensor("offsets", Tensor(batch.offsets)),
                NamedTensor("output", try network.forward(batch, [.logp])[0]),
            ], to: place.appendingPathComponent("ours.safetensors"))
    }

    @Test(
        "adapters that are trained further are written for peft to read, with the patterns of their files",
        .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil, "set ZOO_PARITY to a folder"), arguments: patterns)
    func adapterWritesForPEFTWithPatterns(name: String) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let place = root.appendingPathComponent("adapter-\(name)")
        let folder = place.appendingPathComponent("base")
        let recorded = try Recorded(name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: AdapterFolder(recorded.folder).base(), to: folder)
        let base = try CausalLM.load(from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
        let network = try CausalLM(
            adapting: base, from: folder, with: AdapterFolder(recorded.folder), head: .languageModel, trainable: true)
        let generator = Generator(seed: 5)
        for parameter in network.parameters {
            let change = Tensor.normal(parameter.tensor.shape, generator: generator) * 0.1
            parameter.tensor.copy(from: withoutGrad { parameter.tensor + change })
        }
        try write(network, for: place)
    }

    @Test("a reward model's adapter scores as peft's does, with the head that the file holds")
    func reward() throws {
        let recorded = try Recorded("lora-score")
        for trainable in [false, true] {
            let network = try recorded.network(.score, trainable: trainable)
            let scores = try network.forward(recorded.batch, [.score])[0].floats
            #expect(distance(scores, try #require(recorded.numbers["score"]).floats) < 2e-5)
        }
        // Over a language model that others use, whose weights it shares.
        let folder = try AdapterFolder(recorded.folder)
        let shared = try base(of: folder)
        let judge = try CausalLM(adapting: CausalLM(scoring: shared), with: folder, head: .score, trainable: false)
        #expect(
            try distance(judge.forward(recorded.batch, [.score])[0].floats, #require(recorded.numbers["score"]).floats) < 2e-5)
        let own = Set(shared.parameters.map { ObjectIdentifier($0.tensor) })
        #expect(judge.frozen.count { !own.contains(ObjectIdentifier($0.tensor)) } == 1)
        let error = #expect(throws: ModelError.self) { try recorded.network(.languageModel) }
        #expect(error?.description.contains("task_type is SEQ_CLS, an adapter of a reward model") == true)
        // A language model's adapter has no such head, and a frozen judge needs one.
        let headless = #expect(throws: ModelError.self) { try Recorded("lora-standard").network(.score, trainable: false) }
        #expect(headless?.description.contains("score.weight is missing: a model without a reward head") == true)
    }

    @Test("a critic takes a policy's adapter without its head", arguments: patterns)
    func criticOfPatterns(name: String) throws {
        let recorded = try Recorded(name)
        let critic = try adapted(recorded, head: .value)
        #expect(!critic.parameters.contains { $0.name.contains("lm_head") })
        #expect(try critic.forward(recorded.batch, [.value])[0].floats.allSatisfy { $0 == 0 })
        #expect((critic.copy(trainable: false) as? CausalLM)?.hasLayout(of: critic) == true)
    }

    /// Writes the merged model of an adapter.
    private enum ModelMerging {
        static func write(_ adapter: URL, to folder: URL) throws {
            try loadNetwork(from: adapter, head: .languageModel, device: .cpu, trainable: false, generator: nil).save(to: folder)
        }
    }

    /// Gives every B random entries.
    private func fill(_ network: CausalLM, seed: UInt64 = 6) {
        let generator = Generator(seed: seed)
        for parameter in network.parameters where parameter.name.contains("lora_B") {
            parameter.tensor.copy(from: Tensor.normal(parameter.tensor.shape, generator: generator) * 0.3)
        }
    }

    // MARK: - A new adapter

    @Test("a new adapter changes nothing, its B has a gradient and its A has none")
    func beginsAtTheBase() throws {
        let base = try smallModel().copy(trainable: false)
        let network = try fresh(try #require(base as? CausalLM))
        let ends = try fresh(try #require(base as? CausalLM)) { $0.targets = .named(["embed_tokens", "lm_head", "up_proj"]) }
        let batch = randomBatch([9, 4, 17], vocabulary: 29)
        let logp = try network.forward(batch, [.logp])[0]
        #expect(logp.floats == (try base.forward(batch, [.logp])[0].floats))
        #expect(distance(try ends.forward(batch, [.logp])[0].floats, logp.floats) < 1e-6)
        backward([logp], gradients: [Tensor.ones([logp.count])])
        for parameter in network.parameters {
            let gradient = try #require(parameter.tensor.gradient).floats
            #expect(gradient.contains { $0 != 0 } == parameter.name.contains("lora_B"), "\(parameter.name)")
        }
    }

    @Test("A is uniform in ±1/√in, the Kaiming draw of nn.Linear, and B is 0")
    func beginning() throws {
        let base = try #require(try smallModel().copy(trainable: false) as? CausalLM)
        let network = try fresh(base) { $0.r = 16 }
        for parameter in network.parameters {
            let values = parameter.tensor.floats
            guard parameter.name.contains("lora_A") else {
                #expect(values.allSatisfy { $0 == 0 })
                continue
            }
            let bound = 1 / Float(parameter.tensor.size(1)).squareRoot()
            #expect(values.allSatisfy { abs($0) <= bound })
            #expect((values.max() ?? 0) > 0.8 * bound && (values.min() ?? 0) < -0.8 * bound)
            // The variance of a uniform distribution over ±b is b²/3.
            let variance = values.reduce(0) { $0 + $1 * $1 } / Float(values.count)
            #expect(abs(variance / (bound * bound / 3) - 1) < 0.25, "\(parameter.name)")
        }
    }

    @Test("the scale is alpha / r, or alpha / √r")
    func scale() {
        var config = LoRAConfig()
        #expect((config.r, config.alpha, config.scale) == (8, 8, 1))
        config.alpha = 32
        config.r = 16
        #expect(config.scale == 2)
        config.usesRSLoRA = true
        #expect(config.scale == 8)
    }

    @Test(
        "targets are those of the family, all, or those named",
        arguments: [
            (LoRAConfig.Targets.standard, 4), (.allLinear, 14), (.named(["up_proj"]), 2), (.named(["k_proj", "q_proj"]), 4),
            (.named(["model.layers.1.self_attn.o_proj"]), 1), (.named(["lm_head", "embed_tokens"]), 2),
            (.pattern(#".*\.1\..*(q|k)_proj"#), 2), (.pattern("lm_head|.*o_proj"), 3),
        ])
    func targets(targets: LoRAConfig.Targets, count: Int) throws {
        let base = try #require(try smallModel().copy(trainable: false) as? CausalLM)
        #expect(try fresh(base) { $0.targets = targets }.parameters.count == 2 * count)
    }

    @Test("a target that the model does not have is refused by name")
    func unknownTarget() throws {
        let base = try #require(try smallModel().copy(trainable: false) as? CausalLM)
        let error = #expect(throws: ModelError.self) { try fresh(base) { $0.targets = .named(["q_proj", "c_attn"]) } }
        #expect(error?.description.contains("no projection 'c_attn'; it has down_proj") == true, "\(error?.description ?? "")")
    }

    // MARK: - One base

    @Test("adapters over one base hold that base's very tensors, and training one leaves it and the others as they are")
    func sharedBase() throws {
        let base = try #require(try smallModel().copy(trainable: false) as? CausalLM)
        let policy = try fresh(base)
        let critic = try fresh(base, head: .value)
        let copy = policy.copy(trainable: false)
        for network in [policy, critic, copy] {
            #expect(network.frozen.map(\.name) == base.parameters.map(\.name))
            #expect(zip(network.frozen, base.parameters).allSatisfy { $0.tensor === $1.tensor })
        }

        let batch = randomBatch([9, 4, 17], vocabulary: 29)
        let weights = base.parameters.map(\.tensor.bytes)
        let atStart = try base.forward(batch, [.logp])[0].floats
        #expect(try critic.forward(batch, [.value])[0].floats.allSatisfy { $0 == 0 })
        let optimizer = AdamW(parameters: policy.parameters)
        for _ in 0..<2 {
            let logp = try policy.forward(batch, [.logp])[0]
            backward([logp], gradients: [Tensor.ones([logp.count])])
            optimizer.step(learningRate: 0.01)
            optimizer.zeroGradients()
        }
        #expect(base.parameters.map(\.tensor.bytes) == weights)
        #expect(try base.forward(batch, [.logp])[0].floats == atStart)
        #expect(try copy.forward(batch, [.logp])[0].floats == atStart)
        #expect(distance(try policy.forward(batch, [.logp])[0].floats, atStart) > 1e-3)
        #expect(optimizer.state.keys.allSatisfy { $0.hasPrefix("base_model.model.model.layers.") })
    }

    @Test("a critic's value is differentiated to its adapter and head by finite differences")
    func critic() throws {
        let base = try #require(try smallModel().copy(trainable: false) as? CausalLM)
        let critic = try fresh(base, head: .value) { $0.r = 2 }
        let generator = Generator(seed: 8)
        for parameter in critic.parameters {
            parameter.tensor.copy(from: Tensor.normal(parameter.tensor.shape, generator: generator) * 0.3)
        }
        let batch = randomBatch([7, 5], vocabulary: 29)
        let values = try critic.forward(batch, [.value])[0]
        backward([values], gradients: [Tensor.ones([values.count])])
        for parameter in critic.parameters {
            try expectSlope(of: parameter, step: 4e-4, generator) { try critic.forward(batch, [.value])[0] }
        }
    }

    @Test("operations: an adapter adds 2 r (in + out) a row, and nothing is counted for the gradient of a frozen weight")
    func flops() throws {
        let base = try #require(try smallModel().copy(trainable: false) as? CausalLM)
        let network = try fresh(base) {
            $0.r = 4
            $0.targets = .named(["q_proj"])
        }
        // One sequence of 11 steps: 10 rows are read, in both layers.
        let batch = randomBatch([11], vocabulary: 29)
        let forward = base.forwardFLOPs(batch, [.logp])
        #expect(network.forwardFLOPs(batch, [.logp]) == forward + 2 * 10 * 2 * 4 * (16 + 16))
        // Once, for 10 rows: the second layer's queries, keys and values, 2 · 16 · (16 + 8 + 8), both layers' output projections and
        // feed-forwards, 2 · 16 · (16 + 3 · 24), and the head, 2 · 16 · 29. Twice: the adapters, 2 · 4 · (16 + 16), and attention,
        // 4 · 16 for each of 55 pairs of rows.
        let once = 10 * (1024 + 2 * 2816 + 928)
        let twice = 2 * (10 * 256 + 55 * 64)
        #expect(network.backwardFLOPs(batch, [.logp]) == Double(once + 2 * twice))
        #expect(base.backwardFLOPs(batch, [.logp]) == 2 * forward)
    }
}
