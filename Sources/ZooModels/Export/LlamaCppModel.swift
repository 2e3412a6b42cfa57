import Foundation
import ZooBase
import ZooTensor

/// A language model under llama.cpp's names, for the families whose conventions there are Llama's.
///
/// Source: `convert_hf_to_gguf.py` and `src/llama-model.cpp` of llama.cpp.
struct LlamaCppModel {
    let architecture: String
    let keys: [(name: String, value: GGUFFile.Value)]
    let tensors: [GGUFFile.Entry]

    /// Of families, for people.
    static let known = "llama, mistral, qwen2, qwen3"

    /// What llama.cpp calls a family, and what it does with it.
    private struct Architecture {
        var name: String
        /// Whether queries and keys lie as llama.cpp's first rotation wants them, the two numbers of each pair beside one another.
        var pairsBeside = false
        /// Which linear layers may have a bias.
        var biases: CausalLMConfig.Biases = []
        /// Whether each frequency may be divided by a number of its own.
        var dividesFrequencies = false
    }

    /// - Throws: ``ModelError`` naming what is not in llama.cpp, or not written here.
    init(_ network: CausalLM, as type: ExportType) throws {
        let config = network.config
        let architecture = try Self.architecture(of: config)
        self.architecture = architecture.name
        keys = Self.keys(config, architecture)
        var tensors = try network.parameters.map { parameter in
            try Self.entry(parameter, config, architecture, type)
        }
        if case .llama3 = config.ropeScaling { tensors.append(Self.divisors(config)) }
        self.tensors = tensors
    }

    private static func architecture(of config: CausalLMConfig) throws -> Architecture {
        let architecture: Architecture
        switch config.family {
        case .llama:
            architecture = Architecture(
                name: "llama", pairsBeside: true, biases: [.queryKeyValue, .attentionOutput, .feedForward],
                dividesFrequencies: true)
        case .mistral: architecture = Architecture(name: "llama", pairsBeside: true)
        case .qwen2: architecture = Architecture(name: "qwen2", biases: .queryKeyValue)
        case .qwen3: architecture = Architecture(name: "qwen3")
        default:
            throw ModelError(
                "the family \(config.family.rawValue) is not written as GGUF here; expected one of \(known); llama.cpp's "
                    + "convert_hf_to_gguf.py converts what `zoo export --to hf` writes")
        }
        func refuse(_ what: String) -> ModelError {
            ModelError("llama.cpp has no \(what) for the family \(config.family.rawValue)")
        }
        guard config.biases.isSubset(of: architecture.biases) else { throw refuse("biases in these layers") }
        let isBound = (0..<config.layers).contains { config.window(layer: $0).map { $0 < config.maxPositions } ?? false }
        guard !isBound else { throw refuse("sliding window of \(config.slidingWindow ?? 0) tokens") }
        switch config.ropeScaling {
        case .none, .linear: break
        case .llama3 where architecture.dividesFrequencies: break
        default: throw refuse("rotation scaled in this way (rope_scaling) that is written here")
        }
        return architecture
    }

    private static func keys(
        _ config: CausalLMConfig, _ architecture: Architecture
    ) -> [(name: String, value: GGUFFile.Value)] {
        func number(_ value: Int) -> GGUFFile.Value { .uint32(UInt32(value)) }
        var keys: [(String, GGUFFile.Value)] = [
            ("block_count", number(config.layers)), ("context_length", number(config.maxPositions)),
            ("embedding_length", number(config.hiddenSize)), ("feed_forward_length", number(config.intermediateSize)),
            ("attention.head_count", number(config.heads)), ("attention.head_count_kv", number(config.kvHeads)),
            ("rope.freq_base", .float32(Float(config.ropeTheta))),
            ("attention.layer_norm_rms_epsilon", .float32(Float(config.normEps))),
            ("vocab_size", number(config.vocabularySize)), ("rope.dimension_count", number(config.rotatedWidth)),
        ]
        if config.headWidth * config.heads != config.hiddenSize {
            keys += ["key", "value"].map { ("attention.\($0)_length", number(config.headWidth)) }
        }
        if case .linear(let factor) = config.ropeScaling {
            keys += [("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float32(Float(factor)))]
        }
        return keys.map { ("\(architecture.name).\($0)", $1) }
    }

    // MARK: - Tensors

    private static let ends = ["model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"]
    private static let parts = [
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    ]

    /// `blk.3.attn_q.weight` of `model.layers.3.self_attn.q_proj.weight`.
    private static func name(_ name: String) throws -> String {
        guard let dot = name.lastIndex(of: ".") else { throw ModelError("tensor \(name) has no name in GGUF") }
        let (stem, ending) = (name[..<dot], name[dot...])
        if let end = ends[String(stem)] { return end + ending }
        let words = stem.split(separator: ".", maxSplits: 3)
        guard words.count == 4, stem.hasPrefix("model.layers."), let part = parts[String(words[3])] else {
            throw ModelError("tensor \(name) has no name in GGUF")
        }
        return "blk.\(words[2]).\(part)\(ending)"
    }

    /// As llama.cpp's converter has it, vectors stay in float32, and matrices whose rows are not whole blocks are in float16 instead.
    private static func entry(
        _ parameter: NamedTensor, _ config: CausalLMConfig, _ architecture: Architecture, _ type: ExportType
    ) throws -> GGUFFile.Entry {
        let shape = parameter.tensor.shape
        let name = try name(parameter.name)
        var type = type
        if shape.count < 2 { type = .float32 } else if type == .q8, shape[1] % Q8Blocks.numbers != 0 { type = .float16 }
        let heads = [".attn_q.": config.heads, ".attn_k.": config.kvHeads].first { name.contains($0.key) }?.value
        return GGUFFile.Entry(name: name, shape: shape, type: type.ggufType) { [type] in
            let bytes = try type.bytes(parameter)
            guard architecture.pairsBeside, let heads else { return bytes }
            return withPairsBeside(bytes, rows: shape[0], heads: heads)
        }
    }

    /// Rows of each head: its first half and its second become the first and second of every pair.
    private static func withPairsBeside(_ bytes: [UInt8], rows: Int, heads: Int) -> [UInt8] {
        let (row, width) = (bytes.count / rows, rows / heads)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for head in 0..<heads {
            for pair in 0..<width / 2 {
                for half in 0..<2 {
                    let place = (head * width + half * width / 2 + pair) * row
                    result += bytes[place..<place + row]
                }
            }
        }
        return result
    }

    /// What llama.cpp divides the plain frequencies by.
    private static func divisors(_ config: CausalLMConfig) -> GGUFFile.Entry {
        func frequencies(_ scaling: RopeScaling) -> [Float] {
            scaling.frequencies(width: config.rotatedWidth, theta: config.ropeTheta, positions: config.maxPositions)
        }
        let divisors = zip(frequencies(.none), frequencies(config.ropeScaling)).map { $0 / $1 }
        return GGUFFile.Entry(name: "rope_freqs.weight", shape: [divisors.count], type: .f32) {
            divisors.flatMap { number in withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) } }
        }
    }
}

extension ExportType {
    fileprivate var ggufType: GGUFFile.TensorType {
        switch self {
        case .float32: .f32
        case .bfloat16: .bf16
        case .float16: .f16
        case .q8: .q8
        }
    }

    /// `general.file_type`, what most matrices are.
    var ggufFileType: UInt32 {
        switch self {
        case .float32: 0
        case .float16: 1
        case .q8: 7
        case .bfloat16: 32
        }
    }
}
