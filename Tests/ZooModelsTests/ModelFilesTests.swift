import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("model folders")
struct ModelFilesTests {
    @Test("a saved network is read back exactly", arguments: Head.allCases)
    func roundTrip(head: Head) throws {
        try withTemporaryFolder { folder in
            let network = try smallModel(head)
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
        arguments: ["tied", "untied", "value", "score"])
    func writesWhatTransformersWrites(name: String) throws {
        try withTemporaryFolder { folder in
            let recorded = try Recorded(name)
            try recorded.network(name == "value" ? .value : name == "score" ? .score : .languageModel).save(to: folder)
            let theirs = try Safetensors.readModel(in: recorded.folder)
            let ours = try Safetensors.readModel(in: folder)
            #expect(ours.mapValues(\.shape) == theirs.mapValues(\.shape))
            #expect(ours.mapValues(\.bytes) == theirs.mapValues(\.bytes))
            func config(_ folder: URL) throws -> NSDictionary {
                let data = try Data(contentsOf: folder.appendingPathComponent("config.json"))
                return try #require(try JSONSerialization.jsonObject(with: data) as? NSDictionary)
            }
            let theirConfig = try config(recorded.folder)
            let ourConfig = try config(folder)
            for key in [
                "architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "rope_theta", "rms_norm_eps",
                "tie_word_embeddings", "hidden_act", "attention_bias", "mlp_bias", "bos_token_id", "eos_token_id", "pad_token_id",
            ] {
                #expect((ourConfig[key] as? NSObject) == (theirConfig[key] as? NSObject), "\(key)")
            }
        }
    }

    /// `make parity` has `transformers` compute these again (parity.py).
    @Test(
        "networks are written for transformers to read",
        .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil, "set ZOO_PARITY to a folder"),
        arguments: Head.allCases)
    func writesForParity(head: Head) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let folder = root.appendingPathComponent(head.rawValue)
        let fresh = try smallModel(head)
        var config = fresh.config
        config.pooling = .last
        config.padToken = 0
        var tensors = Dictionary(uniqueKeysWithValues: fresh.parameters.map { ($0.name, $0.tensor) })
        if head == .value { tensors["score.weight"] = .normal([1, 16], generator: Generator(seed: 2)) }
        let network = try CausalLM(config: config, head: head, tensors: tensors, device: .cpu, trainable: false)
        let batch = randomBatch([9, 4, 17], vocabulary: 29)
        let output: Output = head == .languageModel ? .logp : head == .value ? .value : .score
        let found = try network.forward(batch, [output])[0]
        try network.save(to: folder)
        try Safetensors.write(
            [
                NamedTensor("tokens", Tensor(batch.tokens)), NamedTensor("offsets", Tensor(batch.offsets)),
                NamedTensor("output", found),
            ], to: folder.appendingPathComponent("ours.safetensors"))
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
        #expect((reward as? CausalLM)?.config.pooling == .mean)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let fault: String, key: String, json: String?, says: String
        var testDescription: String { fault }
    }

    @Test(
        "a config.json that cannot be is refused by key",
        arguments: [
            Broken(fault: "another architecture", key: "model_type", json: "\"gpt2\"", says: "model_type is gpt2"),
            Broken(fault: "no architecture", key: "model_type", json: nil, says: "model_type is missing"),
            Broken(
                fault: "scaled rotary embeddings", key: "rope_scaling", json: #"{"rope_type": "llama3", "factor": 8}"#,
                says: "rope_scaling asks for llama3"),
            Broken(fault: "biases", key: "attention_bias", json: "true", says: "attention_bias is"),
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
            Broken(fault: "extra tensor", key: "num_hidden_layers", json: "1", says: "has no place in this network"),
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
            #expect(text.contains(broken.says) && text.contains(folder.path), "\(text)")
        }
    }

    @Test("an incomplete folder is refused by the file that is missing")
    func incomplete() throws {
        try withTemporaryFolder { folder in
            func load() throws -> any Network {
                try loadNetwork(from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            }
            let first = #expect(throws: ModelError.self) { try load() }
            #expect(first?.description.contains("config.json is missing") == true)
            let config = folder.appendingPathComponent("config.json")
            try FileManager.default.copyItem(at: fixtures.appendingPathComponent("tied/config.json"), to: config)
            let second = #expect(throws: TensorError.self) { try load() }
            #expect(second?.description.contains("expected model.safetensors") == true)
            try Data("{".utf8).write(to: config)
            let third = #expect(throws: ModelError.self) { try load() }
            #expect(third?.description.contains("config.json: expected a JSON object") == true)
        }
    }
}
