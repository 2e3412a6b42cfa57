import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("model folders")
struct ModelFilesTests {
    @Test("a saved network is read back exactly", arguments: Head.allCases, Family.allCases)
    func roundTrip(head: Head, family: Family) throws {
        try withTemporaryFolder { folder in
            let network = try smallModel(family, head)
            try network.save(to: folder)
            let again = try loadNetwork(from: folder, head: head, device: .cpu, trainable: true, generator: nil)
            #expect(again.parameters.map(\.name) == network.parameters.map(\.name))
            for (a, b) in zip(again.parameters, network.parameters) { #expect(a.tensor.bytes == b.tensor.bytes) }
            #expect((again as? CausalLM)?.config == network.config)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["config.json", "model.safetensors"])
        }
    }

    @Test(
        "what transformers wrote is written back tensor for tensor and key for key",
        arguments: [
            "tied", "untied", "value", "score", "llama3", "qwen3", "gemma", "gpt2", "smollm3", "gemma2", "gemma3", "olmo2",
            "granite", "phi3",
        ])
    func writesWhatTransformersWrites(name: String) throws {
        try withTemporaryFolder { folder in
            let recorded = try Recorded(name)
            try recorded.network(name == "value" ? .value : name == "score" ? .score : .languageModel).save(to: folder)
            let theirs = try Safetensors.readModel(in: recorded.folder)
            let ours = try Safetensors.readModel(in: folder)
            #expect(ours.mapValues(\.shape) == theirs.mapValues(\.shape))
            #expect(ours.mapValues(\.bytes) == theirs.mapValues(\.bytes))
            let theirConfig = try config(recorded.folder)
            let ourConfig = try config(folder)
            // What does not concern the network, and neutral values of what is not built here.
            let others: Set<String> = [
                "transformers_version", "use_cache", "dtype", "pretraining_tp", "attention_dropout", "classifier_dropout",
                "reorder_and_upcast_attn", "scale_attn_by_inverse_layer_idx", "summary_activation", "summary_first_dropout",
                "summary_proj_to_labels", "summary_type", "summary_use_proj", "id2label", "label2id", "no_rope_layer_interval",
                "sliding_window_pattern", "_sliding_window_pattern", "use_bidirectional_attention",
            ]
            let dropouts: Set = name == "phi3" ? ["embd_pdrop", "resid_pdrop"] : []
            for (key, value) in theirConfig where !others.union(dropouts).contains(key) && !(value is NSNull) {
                #expect((ourConfig[key] as? NSObject) == (value as? NSObject), "\(key)")
            }
        }
    }

    @Test("half precision and several files are read, float32 in one file is written", arguments: ["qwen2", "mistral"])
    func halfPrecision(name: String) throws {
        try withTemporaryFolder { folder in
            let recorded = try Recorded(name)
            let theirs = try Safetensors.readModel(in: recorded.folder)
            #expect(theirs.values.allSatisfy { $0.dtype == (name == "qwen2" ? .bfloat16 : .float16) })
            try recorded.network(.languageModel).save(to: folder)
            let ours = try Safetensors.read(folder.appendingPathComponent("model.safetensors"))
            #expect(ours.values.allSatisfy { $0.dtype == .float32 })
            #expect(ours.mapValues(\.bytes) == theirs.mapValues { $0.to(.float32).bytes })
            #expect(try config(folder)["torch_dtype"] as? String == "float32")
        }
    }

    private func config(_ folder: URL) throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appendingPathComponent("config.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// `make parity` has `transformers` compute these again (parity.py).
    @Test(
        "networks are written for transformers to read, after a step of training",
        .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil, "set ZOO_PARITY to a folder"),
        arguments: Head.allCases, Family.allCases)
    func writesForParity(head: Head, family: Family) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let folder = root.appendingPathComponent("\(family.rawValue)-\(head.rawValue)")
        let fresh = try smallModel(family, head)
        var config = fresh.config
        config.padToken = 0
        let tensors = Dictionary(uniqueKeysWithValues: fresh.parameters.map { ($0.name, $0.tensor) })
        let network = try CausalLM(config: config, head: head, tensors: tensors, device: .cpu, trainable: true)
        let batch = randomBatch([9, 4, 17], vocabulary: 29)
        let output: NetworkOutput = head == .languageModel ? .logp : head == .value ? .value : .score
        let before = try network.forward(batch, [output])[0]
        backward([before], gradients: [.ones(before.shape)])
        AdamW(parameters: network.parameters).step(learningRate: 0.01)
        let found = try network.forward(batch, [output])[0]
        #expect(distance(found.floats, before.floats) > 1e-3)
        try network.save(to: folder)
        var ours = [
            NamedTensor("tokens", Tensor(batch.tokens)), NamedTensor("offsets", Tensor(batch.offsets)),
            NamedTensor("output", found),
        ]
        if head == .languageModel {
            let prompts = (0..<batch.count).map { Array(batch.tokens[batch.steps($0)]) }
            let greedy = try network.generate(
                prompts: prompts, samplesPerPrompt: 1, settings: SamplerSettings(maxNewTokens: 12, temperature: 0),
                generator: Generator(seed: 1), isCancelled: { false })
            let new = greedy.sequences.mask.indices.filter { greedy.sequences.mask[$0] }
            ours.append(NamedTensor("greedy", Tensor(new.map { greedy.sequences.tokens[$0] }, shape: [batch.count, 12])))
        }
        try Safetensors.write(ours, to: folder.appendingPathComponent("ours.safetensors"))
    }

    /// The same of reward models that pool the mean, whose files say token classification.
    @Test(
        "reward models that pool the mean are written for transformers to read",
        .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil, "set ZOO_PARITY to a folder"),
        arguments: Family.allCases)
    func writesForParityOfMeans(family: Family) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let folder = root.appendingPathComponent("\(family.rawValue)-mean")
        let language = folder.appendingPathExtension("base")
        try smallModel(family).save(to: language)
        let network = try loadNetwork(
            from: language, head: .score, device: .cpu, trainable: true, generator: Generator(seed: 4), pooling: .mean)
        try FileManager.default.removeItem(at: language)
        let batch = randomBatch([9, 4, 17], vocabulary: 29)
        try network.save(to: folder)
        try Safetensors.write(
            [
                NamedTensor("tokens", Tensor(batch.tokens)), NamedTensor("offsets", Tensor(batch.offsets)),
                NamedTensor("output", try network.forward(batch, [.score])[0]),
            ], to: folder.appendingPathComponent("ours.safetensors"))
    }

    @Test("a reward model that pools the mean says so, keeps it, and gives a critic its trunk alone")
    func meanFiles() throws {
        let recorded = try Recorded("untied")
        try withTemporaryFolder { folder in
            let made = try loadNetwork(
                from: recorded.folder, head: .score, device: .cpu, trainable: true, generator: Generator(seed: 4), pooling: .mean)
            try made.save(to: folder)
            let json = try config(folder)
            #expect(json["architectures"] as? [String] == ["LlamaForTokenClassification"])
            #expect(json["pooling"] as? String == "mean")
            func read(_ head: Head, _ pooling: CausalLMConfig.Pooling? = nil) throws -> any Network {
                try loadNetwork(
                    from: folder, head: head, device: .cpu, trainable: true, generator: Generator(seed: 5), pooling: pooling)
            }
            let again = try read(.score)
            #expect(
                try again.forward(recorded.batch, [.score])[0].floats == made.forward(recorded.batch, [.score])[0].floats)
            #expect(try read(.value).forward(recorded.batch, [.value])[0].floats.allSatisfy { $0 == 0 })
            let refused = #expect(throws: ModelError.self) { try read(.score, .last) }
            #expect(refused?.description.contains("was trained to pool 'mean'; expected 'last'") == true)
            let last = try loadNetwork(
                from: recorded.folder, head: .score, device: .cpu, trainable: true, generator: Generator(seed: 4))
            try last.save(to: folder)
            #expect(try config(folder)["architectures"] as? [String] == ["LlamaForSequenceClassification"])
            #expect(try config(folder)["pooling"] == nil)
        }
    }

    @Test("a critic from a language model starts at zero, a reward model with small scores")
    func newHeads() throws {
        let recorded = try Recorded("untied")
        let critic = try recorded.network(.value)
        #expect(try critic.forward(recorded.batch, [.value])[0].floats.allSatisfy { $0 == 0 })
        let reward = try loadNetwork(
            from: recorded.folder, head: .score, device: .cpu, trainable: true, generator: Generator(seed: 4))
        let scores = try reward.forward(recorded.batch, [.score])[0].floats
        #expect(scores.allSatisfy { abs($0) < 4 && $0 != 0 })
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let fault: String, key: String, json: String?, says: String
        var testDescription: String { fault }
    }

    @Test(
        "a config.json that cannot be is refused by key",
        arguments: [
            Broken(
                fault: "another family", key: "model_type", json: "\"gpt_neox\"",
                says: "model_type is gpt_neox; expected one of llama, smollm3, qwen2, qwen3, mistral, gemma, gemma2, "),
            Broken(fault: "no family", key: "model_type", json: nil, says: "model_type is missing"),
            Broken(
                fault: "unknown scaling", key: "rope_scaling", json: #"{"rope_type": "ntk", "factor": 8}"#,
                says: "rope_scaling asks for ntk; supported are default, linear, dynamic, llama3, yarn and longrope"),
            Broken(
                fault: "scaling without its factor", key: "rope_scaling", json: #"{"type": "linear"}"#,
                says: "rope_scaling: factor is missing"),
            Broken(
                fault: "scaling with a key too many", key: "rope_scaling",
                json: #"{"rope_type": "linear", "factor": 2, "mscale": 0.7}"#, says: "rope_scaling: mscale is 0.7"),
            Broken(
                fault: "scaling in the newer key", key: "rope_parameters", json: #"{"rope_type": "ntk", "factor": 2}"#,
                says: "rope_parameters asks for ntk"),
            Broken(
                fault: "yarn without its factor", key: "rope_scaling", json: #"{"rope_type": "yarn", "beta_fast": 8}"#,
                says: "rope_scaling: factor is missing"),
            Broken(
                fault: "a negative end of the ramp", key: "rope_scaling",
                json: #"{"rope_type": "yarn", "factor": 8, "beta_slow": -1}"#, says: "beta_slow is -1; expected a number from 0"),
            Broken(
                fault: "longrope for other heads", key: "rope_scaling",
                json: #"{"rope_type": "longrope", "short_factor": [1], "long_factor": [2], "factor": 4}"#,
                says: "short_factor and long_factor have 1 and 1 numbers; expected 2"),
            Broken(
                fault: "longrope of two lengths", key: "rope_scaling",
                json: #"{"rope_type": "longrope", "short_factor": [1, 1], "long_factor": [2]}"#,
                says: "long_factor is [2]; expected as many numbers as short_factor has (2)"),
            Broken(
                fault: "rotations by layer", key: "rope_parameters", json: #"{"sliding_attention": {"rope_theta": 10}}"#,
                says: "rope_parameters: sliding_attention is"),
            Broken(
                fault: "rotation of a part in the newer key", key: "rope_parameters",
                json: #"{"rope_type": "default", "partial_rotary_factor": 0.5}"#,
                says: "rope_parameters: partial_rotary_factor is 0.5; expected 1"),
            Broken(
                fault: "rotation of a part", key: "partial_rotary_factor", json: "0.5",
                says: "partial_rotary_factor is 0.5; expected 1, or null: no other value is supported here"),
            Broken(fault: "a window Llama lacks", key: "sliding_window", json: "4", says: "sliding_window is 4; expected null"),
            Broken(
                fault: "quantised weights", key: "quantization_config", json: #"{"bits": 4}"#,
                says: "quantization_config: the weights are quantised"),
            Broken(fault: "experts", key: "num_local_experts", json: "8", says: "num_local_experts is 8"),
            Broken(
                fault: "biases that the file lacks", key: "attention_bias", json: "true",
                says: "model.layers.0.self_attn.q_proj.bias is missing"),
            Broken(fault: "a flag as number", key: "mlp_bias", json: "1", says: "mlp_bias is 1; expected true or false"),
            Broken(fault: "a number as flag", key: "hidden_size", json: "true", says: "expected a whole number"),
            Broken(fault: "a token as text", key: "eos_token_id", json: "[2, \"</s>\"]", says: "eos_token_id is"),
            Broken(fault: "another activation", key: "hidden_act", json: "\"gelu\"", says: "hidden_act is gelu"),
            Broken(fault: "missing size", key: "hidden_size", json: nil, says: "hidden_size is missing"),
            Broken(fault: "size as text", key: "vocab_size", json: "\"37\"", says: "vocab_size is 37; expected a whole number"),
            Broken(fault: "fraction", key: "num_hidden_layers", json: "2.5", says: "num_hidden_layers is 2.5"),
            Broken(fault: "heads that do not divide", key: "num_key_value_heads", json: "3", says: "must divide"),
            Broken(fault: "odd head", key: "head_dim", json: "3", says: "head_dim is 3"),
            Broken(
                fault: "misshapen tensor", key: "vocab_size", json: "38",
                says: "model.embed_tokens.weight has shape [37, 16]; expected [38, 16]"),
            Broken(
                fault: "missing tensor", key: "num_hidden_layers", json: "3",
                says: "model.layers.2.input_layernorm.weight is missing"),
            Broken(
                fault: "endless layers", key: "num_hidden_layers", json: "2000000000",
                says: "expected a whole number from 1 to 4096"),
            Broken(
                fault: "endless heads", key: "num_attention_heads", json: "100000000", says: "expected a whole number from 1 to"),
            Broken(
                fault: "endless words", key: "vocab_size", json: "9007199254740992", says: "expected a whole number from 1 to"),
            Broken(
                fault: "endless width", key: "hidden_size", json: "1e300", says: "hidden_size is 1e+300; expected a whole number"),
            Broken(fault: "extra tensor", key: "num_hidden_layers", json: "1", says: "does not belong to this network"),
        ])
    func refusedConfig(broken: Broken) throws {
        try withTemporaryFolder { folder in
            let source = fixtures.appendingPathComponent("tied")
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("model.safetensors"), to: folder.appendingPathComponent("model.safetensors"))
            let data = try Data(contentsOf: source.appendingPathComponent("config.json"))
            var config = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            config[broken.key] = try broken.json.map {
                try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
            }
            try JSONSerialization.data(withJSONObject: config).write(to: folder.appendingPathComponent("config.json"))
            let error = #expect(throws: ModelError.self) {
                try loadNetwork(from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            }
            let text = error?.description ?? ""
            #expect(text.contains(broken.says) && text.hasPrefix(folder.path), "\(text)")
        }
    }

    @Test("an incomplete folder is refused by the file that is missing")
    func incomplete() throws {
        try withTemporaryFolder { folder in
            func load() throws -> any Network {
                try loadNetwork(from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            }
            let first = #expect(throws: FileError.self) { try load() }
            #expect(first?.description.contains("config.json is missing") == true)
            let config = folder.appendingPathComponent("config.json")
            try FileManager.default.copyItem(at: fixtures.appendingPathComponent("tied/config.json"), to: config)
            let second = #expect(throws: FileError.self) { try load() }
            #expect(second?.description.contains("expected model.safetensors") == true)
            try Data("{".utf8).write(to: config)
            let third = #expect(throws: ModelError.self) { try load() }
            #expect(third?.description.contains("config.json: expected a JSON object") == true)
        }
    }
}
