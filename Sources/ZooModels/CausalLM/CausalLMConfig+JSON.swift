import Foundation
import ZooBase

extension CausalLMConfig {
    /// Reads `config.json`; throws if a key is missing, has the wrong type or asks for something unsupported.
    public init(json: JSONObject, file: String) throws {
        let keys = ConfigKeys(json: json, file: file)
        guard let family = (json["model_type"]?.string).flatMap(Family.init(rawValue:)) else {
            throw keys.refuse("model_type", "one of \(Family.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let traits = family.traits
        let names = traits.keys
        let defaults = traits.defaults
        try keys.refuseUnsupported(except: traits)
        let hidden = try keys.size(names.hidden)
        let intermediate = try keys.optionalSize(names.intermediate) ?? defaults.intermediate.map { $0 &* hidden }
        self.init(
            family: family, vocabularySize: try keys.size("vocab_size"), hiddenSize: hidden,
            intermediateSize: try intermediate ?? keys.size(names.intermediate), layers: try keys.size(names.layers),
            heads: try keys.size(names.heads), kvHeads: try names.kvHeads.flatMap { try keys.integer($0) },
            headWidth: try names.headWidth.flatMap { try keys.integer($0) ?? defaults.headWidth },
            maxPositions: try keys.integer(names.positions) ?? defaults.positions,
            normEps: try keys.number(names.normEps) ?? defaults.normEps,
            tieEmbeddings: try keys.flag("tie_word_embeddings") ?? defaults.tieEmbeddings,
            initializerRange: try keys.number("initializer_range") ?? 0.02, bosToken: try keys.tokens("bos_token_id").first,
            eosTokens: try keys.tokens("eos_token_id"), padToken: try keys.tokens("pad_token_id").first)
        if traits.hasRotaryPositions {
            let rope = try keys.rope(traits)
            (ropeTheta, ropeScaling, rotatedPart, localRopeTheta) = (rope.theta, rope.scaling, rope.part, rope.localTheta)
        }
        try keys.check(traits.activation, names)
        for option in traits.options { try option.read(&self, keys) }
        if let text = try keys.text("pooling") {
            guard let known = Pooling(rawValue: text) else { throw keys.refuse("pooling", "\"last\" or \"mean\"") }
            pooling = known
        }
        try validate(file: file)
    }

    /// What `config.json` holds for a network with this head.
    public func json(head: Head) -> JSONObject {
        let traits = family.traits
        let names = traits.keys
        var json: JSONObject = [
            "model_type": .string(family.rawValue), "vocab_size": .integer(vocabularySize), names.hidden: .integer(hiddenSize),
            names.intermediate: .integer(intermediateSize), names.layers: .integer(layers), names.heads: .integer(heads),
            names.positions: .integer(maxPositions), names.normEps: .number(normEps),
            names.activation: .string(traits.activation.rawValue), "tie_word_embeddings": .bool(tieEmbeddings),
            "initializer_range": .number(initializerRange), "torch_dtype": "float32",
        ]
        if let key = names.kvHeads { json[key] = .integer(kvHeads) }
        if let key = names.headWidth { json[key] = .integer(headWidth) }
        if traits.hasRotaryPositions {
            json["rope_theta"] = .number(ropeTheta)
            json["rope_scaling"] = ropeScaling.json(kindKey: traits.ropeKindKey)
            if case .longRoPE(let long) = ropeScaling, let original = long.originalPositions {
                json["original_max_position_embeddings"] = .integer(original)
            }
        }
        for member in traits.options.flatMap({ $0.write(self).members }) { json[member.key] = member.value }
        if traits.defaults.hasTokens {
            for key in ["bos_token_id", "eos_token_id", "pad_token_id"] { json[key] = .null }
        }
        if let bosToken { json["bos_token_id"] = .integer(Int(bosToken)) }
        if let padToken { json["pad_token_id"] = .integer(Int(padToken)) }
        switch eosTokens.count {
        case 0: break
        case 1: json["eos_token_id"] = .integer(Int(eosTokens[0]))
        default: json["eos_token_id"] = .array(eosTokens.map { .integer(Int($0)) })
        }
        let className =
            switch head {
            case .languageModel: traits.languageModelClass ?? traits.className + "ForCausalLM"
            case .score where pooling == .last: traits.className + "ForSequenceClassification"
            case .value, .score: traits.className + "ForTokenClassification"
            }
        json["architectures"] = [.string(className)]
        if head == .score, pooling == .mean { json["pooling"] = .string(pooling.rawValue) }
        if head != .languageModel {
            json["id2label"] = ["0": .string(head.rawValue)]
            json["label2id"] = .object(JSONObject([(head.rawValue, 0)]))
        }
        return json
    }
}
