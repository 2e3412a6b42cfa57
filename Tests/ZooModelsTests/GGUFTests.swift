import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("a model in llama.cpp's format")
struct GGUFTests {
    private static let tokenizers =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../TokenizerTests/Fixtures")

    /// A tokenizer's folder: one of the recorded, or one that is trained here.
    private func tokenizer(
        _ name: String? = nil, _ companions: [String: String] = [:], in folder: URL
    ) throws -> URL {
        let place = folder.appendingPathComponent("tokenizer")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        if let name {
            try FileManager.default.copyItem(
                at: Self.tokenizers.appendingPathComponent("\(name).tokenizer.json"),
                to: place.appendingPathComponent("tokenizer.json"))
        } else {
            try Tokenizer.train(on: ["aaab aaab abc"], vocabularySize: 262).write(to: place)
        }
        for (file, text) in companions { try Data(text.utf8).write(to: place.appendingPathComponent(file)) }
        return place
    }

    private func model(
        _ family: Family = .llama, rows: Int = 264, hidden: Int = 32, _ change: (inout CausalLMConfig) -> Void = { _ in }
    ) throws -> CausalLM {
        var config = CausalLMConfig(
            family: family, vocabularySize: rows, hiddenSize: hidden, intermediateSize: 64, layers: 2, heads: 4, kvHeads: 2,
            maxPositions: 96, initializerRange: 0.35)
        change(&config)
        return try CausalLM.initialize(config: config, head: .languageModel, generator: Generator(seed: 1))
    }

    /// The file of a model and a tokenizer, read again.
    private func read(
        _ network: CausalLM, as type: ExportType = .float32, _ tokenizer: String? = nil, _ companions: [String: String] = [:],
        template: String? = nil
    ) throws -> GGUFReader {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("model.gguf")
            try network.exportGGUF(
                to: file, as: type, about: [("name", "tiny")], tokenizer: self.tokenizer(tokenizer, companions, in: folder),
                chatTemplate: template)
            return try GGUFReader(file)
        }
    }

    private func refusal(_ network: CausalLM, _ tokenizer: String? = nil, _ companions: [String: String] = [:]) -> String {
        do {
            _ = try read(network, tokenizer, companions)
            return ""
        } catch { return "\(error)" }
    }

    @Test("has the sizes under llama.cpp's names, and every tensor once")
    func keys() throws {
        let network = try model { $0.tieEmbeddings = false }
        let file = try read(network, template: "{{ messages }}")
        let expected: [String: GGUFReader.Value] = [
            "general.architecture": .text("llama"), "general.type": .text("model"), "general.name": .text("tiny"),
            "general.file_type": .number(0), "general.quantization_version": .number(2), "llama.block_count": .number(2),
            "llama.context_length": .number(96), "llama.embedding_length": .number(32),
            "llama.feed_forward_length": .number(64), "llama.attention.head_count": .number(4),
            "llama.attention.head_count_kv": .number(2), "llama.rope.freq_base": .float(10_000),
            "llama.attention.layer_norm_rms_epsilon": .float(1e-5), "llama.vocab_size": .number(264),
            "llama.rope.dimension_count": .number(8), "tokenizer.chat_template": .text("{{ messages }}"),
        ]
        for (key, value) in expected { #expect(file.keys[key] == value, "\(key)") }
        #expect(file.keys["llama.attention.key_length"] == nil)
        let blocks = (0..<2).flatMap { block in
            [
                "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "attn_norm", "ffn_norm",
            ].map { "blk.\(block).\($0).weight" }
        }
        #expect(Set(file.tensors.keys) == Set(blocks + ["token_embd.weight", "output_norm.weight", "output.weight"]))
        // The longest stride last: 64 rows of 32 numbers.
        #expect(file.tensors["blk.0.ffn_up.weight"]?.sizes == [32, 64])
        #expect(try read(model()).tensors["output.weight"] == nil)
        #expect(try read(model { $0.headWidth = 16 }).keys["llama.attention.key_length"] == .number(16))
    }

    @Test("of Llama, the two rows that a position turns together lie beside one another; of Qwen they stay")
    func rotation() throws {
        for (family, pairs) in [(Family.llama, true), (.mistral, true), (.qwen2, false), (.qwen3, false)] {
            let network = try model(family)
            let file = try read(network)
            for (part, name, heads) in [("q_proj", "attn_q", 4), ("k_proj", "attn_k", 2), ("v_proj", "attn_v", 0)] {
                let parameter = try #require(
                    network.parameters.first { $0.name == "model.layers.1.self_attn.\(part).weight" })
                let rows = stride(from: 0, to: parameter.tensor.count, by: 32).map {
                    Array(parameter.tensor.floats[$0..<$0 + 32])
                }
                var expected = rows
                if pairs {
                    // Row 2i of a head of 8 is its row i, row 2i + 1 is row i + 4.
                    for head in 0..<heads {
                        for row in 0..<8 { expected[8 * head + row] = rows[8 * head + row / 2 + row % 2 * 4] }
                    }
                }
                #expect(try file.floats("blk.1.\(name).weight") == expected.flatMap(\.self), "\(family) \(name)")
            }
        }
        #expect(try read(model(.qwen3)).tensors["blk.0.attn_q_norm.weight"]?.sizes == [8])
        #expect(try read(model(.qwen2)).tensors["blk.0.attn_q.bias"]?.sizes == [32])
    }

    @Test("a block of 8 bits is its largest number / 127 and whole numbers, halves rounded away from 0")
    func blocks() throws {
        let network = try model()
        let row: [Float] = [127, -127, 2.5, -2.5, 0.49, 1.5] + [Float](repeating: 0, count: 26)
        let parameter = try #require(network.parameters.first { $0.name == "model.layers.0.mlp.up_proj.weight" })
        parameter.tensor.copy(
            from: Tensor((0..<64).flatMap { $0 == 3 ? [Float](repeating: 0, count: 32) : row }, shape: [64, 32]))
        let file = try read(network, as: .q8)
        let tensor = try #require(file.tensors["blk.0.ffn_up.weight"])
        #expect(tensor.type == 8 && file.keys["general.file_type"] == .number(7))
        let block = Array(tensor.bytes.prefix(34))
        #expect(block[0..<2] == [0x00, 0x3C])  // 1 in float16
        #expect(block[2..<9].map { Int8(bitPattern: $0) } == [127, -127, 3, -3, 0, 2, 0])
        #expect(tensor.bytes.dropFirst(3 * 34).prefix(34).allSatisfy { $0 == 0 })
        // What is lost of a number is half a step at most, and what the scale loses in float16.
        for other in network.parameters where other.tensor.shape.count == 2 && other.name.hasSuffix("gate_proj.weight") {
            let exact = other.tensor.floats
            let found = try file.floats("blk.\(other.name.contains(".0.") ? 0 : 1).ffn_gate.weight")
            for start in stride(from: 0, to: exact.count, by: 32) {
                let most = exact[start..<start + 32].map(abs).max() ?? 0
                for index in start..<start + 32 { #expect(abs(exact[index] - found[index]) <= most * (0.5 / 127 + 0.0005)) }
            }
        }
    }

    @Test("vectors stay in float32, and rows that are not whole blocks are in float16")
    func types() throws {
        for (type, number) in [(ExportType.float32, UInt32(0)), (.float16, 1), (.bfloat16, 30), (.q8, 8)] {
            let file = try read(model(), as: type)
            for (name, tensor) in file.tensors {
                #expect(tensor.type == (tensor.sizes.count == 1 ? 0 : number), "\(type) \(name)")
            }
        }
        let odd = try read(model(hidden: 40), as: .q8)
        #expect(odd.tensors["blk.0.ffn_up.weight"]?.type == 1 && odd.tensors["blk.0.ffn_down.weight"]?.type == 8)
    }

    @Test("a number that the type does not hold is refused by its tensor's name")
    func overflow() throws {
        let network = try model()
        let parameter = try #require(network.parameters.first { $0.name == "model.layers.1.mlp.down_proj.weight" })
        parameter.tensor.copy(from: .full(70_000, parameter.tensor.shape))
        #expect(throws: Never.self) { _ = try read(network, as: .bfloat16) }
        #expect { _ = try read(network, as: .float16) } throws: {
            "\($0)".contains("model.layers.1.mlp.down_proj.weight has numbers above 65504")
        }
        #expect {
            try withTemporaryFolder { try network.export(to: $0, as: .float16) }
        } throws: {
            "\($0)".contains("mlp.down_proj")
        }
    }

    @Test("Llama 3's frequencies are divided by 1 where they are fast, by the factor where they are slow")
    func frequencies() throws {
        let network = try model(hidden: 64) {
            $0.ropeScaling = .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 64)
        }
        // A head of 16: frequencies 10000^(-i/8), wavelengths 2π · 10^(i/2). Up to 64 / 4 = 16 they stay, from 64 on they are divided by 8.
        let divisors = try read(network).floats("rope_freqs.weight")
        #expect(divisors.count == 8 && divisors[0] == 1)
        for index in 3..<8 { #expect(abs(divisors[index] - 8) < 1e-4) }
        // 19.9: (64 / 19.869 - 1) / 3 = 0.7404 of it stays.
        #expect(abs(divisors[1] - 1 / (0.7404 + 0.2596 / 8)) < 1e-3)
        let linear = try read(model { $0.ropeScaling = .linear(factor: 2) })
        #expect(linear.keys["llama.rope.scaling.factor"] == .float(2) && linear.tensors["rope_freqs.weight"] == nil)
    }

    @Test("what llama.cpp would compute in another way is refused")
    func otherModels() throws {
        #expect(refusal(try model(.gemma)).contains("family gemma is not written as GGUF here; expected one of llama, mistral"))
        #expect(refusal(try model(.mistral) { $0.slidingWindow = 8 }).contains("no sliding window of 8 tokens"))
        #expect(refusal(try model(.mistral) { $0.slidingWindow = 96 }) == "")
        #expect(refusal(try model { $0.ropeScaling = .yarn(.init(factor: 2)) }).contains("rope_scaling"))
        #expect(refusal(try model(.qwen3) { $0.biases = .attention }).contains("no biases in these layers"))
    }

    // MARK: - Tokenizers

    @Test("the tokenizer has tokens, kinds, merges and marks; rows without a token are unused")
    func tokenizer() throws {
        let file = try read(model())
        guard case .texts(let tokens)? = file.keys["tokenizer.ggml.tokens"],
            case .numbers(let types)? = file.keys["tokenizer.ggml.token_type"]
        else { throw CocoaError(.coderValueNotFound) }
        #expect(tokens.count == 264 && types.count == 264)
        #expect(tokens[0..<3] == ["<bos>", "<eos>", "<pad>"] && types[0..<4] == [3, 3, 3, 1])
        // Of aaab, Ġaaab and Ġabc: aa four times, then ab three times, then aaab twice.
        #expect(file.keys["tokenizer.ggml.merges"] == .texts(["a a", "a b", "aa ab"]))
        #expect(tokens[263] == "[PAD263]" && types[263] == 5)
        for (key, value) in [
            "model": GGUFReader.Value.text("gpt2"), "pre": .text("gpt-2"), "bos_token_id": .number(0), "eos_token_id": .number(1),
            "padding_token_id": .number(2), "add_bos_token": .flag(true), "add_eos_token": .flag(false),
        ] { #expect(file.keys["tokenizer.ggml.\(key)"] == value, "\(key)") }
    }

    @Test(
        "each way to cut words has llama.cpp's name",
        arguments: [("plain", "gpt-2"), ("digits", "smollm"), ("llama3", "llama-bpe"), ("qwen2", "qwen2")])
    func words(tokenizer: String, name: String) throws {
        let file = try read(model(rows: 700), tokenizer, ["tokenizer_config.json": #"{"add_bos_token": false}"#])
        #expect(file.keys["tokenizer.ggml.pre"] == .text(name))
        #expect(file.keys["tokenizer.ggml.add_bos_token"] == .flag(false))
    }

    @Test(
        "a tokenizer that llama.cpp would read in another way is refused",
        arguments: [
            ("llama2", "a vocabulary of characters"), ("prefix-space", "a space before every text"),
            ("o200k", "a normalizer and pre-tokenizer that are none of gpt-2"), ("nfc-template", "a normalizer"),
            ("added", "the token '<word>'"), ("bloom", "a normalizer and pre-tokenizer"),
        ])
    func otherTokenizers(tokenizer: String, words: String) throws {
        let refused = refusal(try model(rows: 800), tokenizer)
        #expect(refused.contains("tokenizer.json: has \(words)"), "\(refused)")
        #expect(refusal(try model(rows: 300), "plain").contains("for which the model's 300 rows are too few"))
    }

    @Test("a model's further end tokens are named as ends of a turn")
    func ends() throws {
        let file = try read(model { $0.eosTokens = [1, 2, 5] })
        for (kind, id) in [("eos", UInt64(1)), ("eot", 2), ("eom", 5)] {
            #expect(file.keys["tokenizer.ggml.\(kind)_token_id"] == .number(id))
        }
    }
}
