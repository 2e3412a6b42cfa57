import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("files of families")
struct FamilyFilesTests {
    /// A copy of a recorded model whose tensors and files `change` may alter; it may write shards and their index itself.
    private func changed(
        _ name: String, head: Head = .languageModel, _ change: (inout [String: Tensor], URL) throws -> Void
    ) throws -> any Network {
        try withTemporaryFolder { folder in
            let source = fixtures.appendingPathComponent(name)
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("config.json"), to: folder.appendingPathComponent("config.json"))
            var tensors = try Safetensors.readModel(in: source)
            try change(&tensors, folder)
            if Safetensors.modelFile(in: folder).pathExtension != "json" {
                try Safetensors.write(
                    tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) },
                    to: folder.appendingPathComponent("model.safetensors"))
            }
            return try loadNetwork(from: folder, head: head, device: .cpu, trainable: false, generator: Generator(seed: 1))
        }
    }

    private func logp(_ network: any Network) throws -> [Float] {
        try network.forward(randomBatch([9, 5], vocabulary: 37), [.logp])[0].floats
    }

    @Test("a file of the trunk alone names its tensors without the prefix", arguments: ["gpt2", "tied", "untied"])
    func withoutPrefix(name: String) throws {
        let expected = try logp(try Recorded(name).network(.languageModel, trainable: false))
        let found = try changed(name) { tensors, _ in
            tensors = Dictionary(
                uniqueKeysWithValues: tensors.map {
                    ($0.key.replacing(/^(model|transformer)\./, with: ""), $0.value)
                })
        }
        #expect(try logp(found) == expected)
        #expect(found.parameters[0].name == (name == "gpt2" ? "transformer.wte.weight" : "model.embed_tokens.weight"))
    }

    @Test("GPT-2's stored masks are passed over, a tensor with another name is not")
    func constants() throws {
        let expected = try logp(try Recorded("gpt2").network(.languageModel, trainable: false))
        let found = try changed("gpt2") { tensors, _ in
            tensors["transformer.h.0.attn.bias"] = .ones([1, 1, 64, 64])
            tensors["transformer.h.1.attn.masked_bias"] = Tensor([-1e4] as [Float])
        }
        #expect(try logp(found) == expected)
        let error = #expect(throws: ModelError.self) {
            try changed("gpt2") { tensors, _ in tensors["transformer.h.0.attn.scale"] = .ones([1]) }
        }
        #expect(error?.description.contains("transformer.h.0.attn.scale does not belong") == true)
    }

    @Test("a tied output projection may lie in the file, alone or beside the embedding, but may not differ from it")
    func tied() throws {
        let expected = try logp(try Recorded("tied").network(.languageModel, trainable: false))
        let beside = try changed("tied") { tensors, _ in tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] }
        let alone = try changed("tied") { tensors, _ in
            tensors["lm_head.weight"] = tensors.removeValue(forKey: "model.embed_tokens.weight")
        }
        #expect(try logp(beside) == expected)
        #expect(try logp(alone) == expected)
        #expect(alone.parameters.allSatisfy { $0.name != "lm_head.weight" })
        let error = #expect(throws: ModelError.self) {
            try changed("tied") { tensors, _ in tensors["lm_head.weight"] = .ones([37, 16]) }
        }
        #expect(error?.description.contains("lm_head.weight differs from model.embed_tokens.weight") == true)
    }

    @Test("generation_config.json is carried over as it is, and a copy keeps its end tokens")
    func generationConfig() throws {
        let text = #"{"eos_token_id": [5, 9], "temperature": 0.6, "top_p": 0.9}"#
        let network = try changed("tied") { _, folder in
            try Data(text.utf8).write(to: folder.appendingPathComponent("generation_config.json"))
        }
        let copy = try #require(network.copy(trainable: false) as? CausalLM)
        #expect(copy.endTokens == [5, 9])
        try withTemporaryFolder { folder in
            try copy.save(to: folder)
            #expect(
                try String(contentsOf: folder.appendingPathComponent("generation_config.json"), encoding: .utf8) == text)
        }
        #expect((try Recorded("tied").network(.languageModel) as? CausalLM)?.endTokens == [2])
        for (bad, says) in [("[", "expected a JSON object"), (#"{"eos_token_id": "</s>"}"#, "eos_token_id is </s>")] {
            let error = #expect(throws: ModelError.self) {
                try changed("tied") { _, folder in
                    try Data(bad.utf8).write(to: folder.appendingPathComponent("generation_config.json"))
                }
            }
            #expect(error?.description.contains("generation_config.json: \(says)") == true)
        }
    }

    @Test("a new head goes on any family's trunk", arguments: languageModels)
    func newHeads(name: String) throws {
        let critic = try changed(name, head: .value) { _, _ in }
        #expect(try critic.forward(randomBatch([9, 5], vocabulary: 37), [.value])[0].floats.allSatisfy { $0 == 0 })
        let reward = try changed(name, head: .score) { _, _ in }
        #expect(try reward.forward(randomBatch([9, 5], vocabulary: 37), [.score])[0].floats.allSatisfy { $0 != 0 })
    }

    @Test("Gemma's newer key for the activation speaks before the older one")
    func activation() throws {
        func config(_ more: [String: JSONValue]) throws -> CausalLMConfig {
            let shape: [String: JSONValue] = [
                "model_type": "gemma", "vocab_size": 37, "hidden_size": 16, "intermediate_size": 42, "num_hidden_layers": 2,
                "num_attention_heads": 4,
            ]
            return try CausalLMConfig(json: JSONObject(shape.merging(more) { $1 }), file: "config.json")
        }
        #expect(try config(["hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh"]).headWidth == 256)
        #expect(try config([:]).tieEmbeddings)
        // As the first Gemma was released: what the older key calls gelu is its tanh form.
        #expect(try config(["hidden_act": "gelu", "hidden_activation": .null]) == config(["hidden_act": "gelu"]))
        #expect(try config(["hidden_act": "gelu"]).json(head: .languageModel)["hidden_act"] == "gelu_pytorch_tanh")
        for (key, value) in [("hidden_act", "relu"), ("hidden_activation", "gelu")] {
            let error = #expect(throws: ModelError.self) { try config([key: .string(value)]) }
            #expect(error?.description == "config.json: \(key) is \(value); expected \"gelu_pytorch_tanh\"")
        }
    }

    @Test(
        "names that PyTorch's wrappers changed are read, and written as they should be",
        arguments: [
            ("tied", "_orig_mod.$"), ("gpt2", "module.$"), ("phi3", "module._orig_mod.$"), ("gemma3", "model.$"),
            ("gpt2", "model.$"), ("olmo2", "$._checkpoint_wrapped_module"),
        ])
    func wrappers(name: String, wrapper: String) throws {
        let plain = try Recorded(name).network(.languageModel, trainable: false)
        for part in name == "tied" ? ["", "model."] : [""] {
            let found = try changed(name) { tensors, _ in
                tensors = Dictionary(
                    uniqueKeysWithValues: tensors.map { name, tensor in
                        let name = name.hasPrefix(part) ? String(name.dropFirst(part.count)) : name
                        let parts = name.split(separator: ".", maxSplits: 3)
                        // Around the whole, or around a layer.
                        if wrapper.hasPrefix("$"), parts.count == 4 {
                            let layer = wrapper.replacing("$", with: parts[..<3].joined(separator: "."))
                            return ("\(layer).\(parts[3])", tensor)
                        }
                        return (wrapper.hasPrefix("$") ? name : wrapper.replacing("$", with: name), tensor)
                    })
            }
            #expect(try logp(found) == logp(plain))
            #expect(found.parameters.map(\.name) == plain.parameters.map(\.name))
        }
        let error = #expect(throws: ModelError.self) {
            try changed("tied") { tensors, _ in tensors["_orig_mod.model.norm.weight"] = tensors["model.norm.weight"] }
        }
        #expect(error?.description.contains("tensor model.norm.weight is there twice") == true)
    }

    @Test("older files' rotary frequencies are passed over, in shards and their index too")
    func rotaryConstants() throws {
        let plain = try Recorded("untied").network(.languageModel, trainable: false)
        let found = try changed("untied") { tensors, folder in
            for layer in 0..<2 { tensors["model.layers.\(layer).self_attn.rotary_emb.inv_freq"] = .ones([6]) }
            let shards = Dictionary(grouping: tensors.sorted { $0.key < $1.key }) { $0.key.contains("layers.1") ? "b" : "a" }
            var map: [String: JSONValue] = [:]
            for (shard, part) in shards {
                try Safetensors.write(
                    part.map { NamedTensor($0.key, $0.value) }, to: folder.appendingPathComponent("\(shard).safetensors"))
                for (name, _) in part { map[name] = .string("\(shard).safetensors") }
            }
            try Data(JSONValue.object(["weight_map": .object(map)]).text().utf8).write(
                to: folder.appendingPathComponent("model.safetensors.index.json"))
        }
        #expect(try logp(found) == logp(plain))
    }

    @Test("a weight of whole numbers is refused by name")
    func wholeNumbers() throws {
        let error = #expect(throws: ModelError.self) {
            try changed("tied") { tensors, _ in
                tensors["model.norm.weight"] = Tensor([Int32](repeating: 1, count: 16))
            }
        }
        #expect(error?.description.contains("model.norm.weight is int32; expected float32") == true)
    }

    @Test(
        "no mutation of a model's files brings the reader down",
        arguments: ["llama3", "qwen2", "gpt2", "gemma", "smollm3", "gemma3", "phi3"])
    func mutations(name: String) throws {
        var generator = MutationGenerator(seed: UInt64(name.count))
        let batch = randomBatch([6, 3], vocabulary: 37)
        var refused = 0
        try withTemporaryFolder { folder in
            let source = fixtures.appendingPathComponent(name)
            let names = try FileManager.default.contentsOfDirectory(atPath: source.path).filter { $0 != "expected.safetensors" }
            let files = try names.map { ($0, try Data(contentsOf: source.appendingPathComponent($0))) }
            for (name, data) in files { try data.write(to: folder.appendingPathComponent(name)) }
            for round in 0..<600 {
                // The configuration twice as often as the rest: weights hold mostly numbers, any of which are as good.
                let (victim, data) =
                    round.isMultiple(of: 2)
                    ? files[generator.below(files.count)] : files.first { $0.0 == "config.json" } ?? files[0]
                let file = folder.appendingPathComponent(victim)
                try generator.mutated(data).write(to: file)
                do {
                    let network = try loadNetwork(
                        from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
                    _ = try network.forward(batch, [.logp])
                } catch {
                    refused += 1
                    #expect(error is ModelError || error is TensorError || error is FileError, "round \(round): \(error)")
                    #expect("\(error)".count < 2000)
                }
                try data.write(to: file)
            }
        }
        #expect((100..<600).contains(refused))
    }
}

/// SplitMix64 (Steele et al. 2014), and ways to spoil a file with it.
struct MutationGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }

    /// `data` with one to three faults, most of them near its start, where headers are.
    mutating func mutated(_ data: Data) -> Data {
        var bytes = [UInt8](data)
        for _ in 0...below(3) where !bytes.isEmpty {
            let place = below(below(2) == 0 ? min(bytes.count, 1500) : bytes.count)
            switch below(7) {
            case 0: bytes[place] ^= 1 << UInt8(below(8))
            case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(40)))
            case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(40))], at: below(bytes.count))
            case 4: bytes.removeLast(below(bytes.count))
            case 5:
                let words = [
                    "99999999999999999999", "-1", "0", "1e308", "null", "[[[[", "{\"a\":", "\"", "\\u0000", "9223372036854775807",
                ]
                bytes.insert(contentsOf: Array(words[below(words.count)].utf8), at: place)
            default:
                // A digit for a digit keeps the text well-formed and makes the numbers lie.
                if let digit = bytes[place...].firstIndex(where: { (0x30...0x39).contains($0) }) {
                    bytes[digit] = 0x30 + UInt8(below(10))
                }
            }
        }
        return Data(bytes)
    }
}
