import Foundation

extension CausalLMConfig {
    /// Reads `config.json`; throws if a key is missing, has the wrong type or asks for something unsupported.
    public init(json: [String: Any], file: String) throws {
        let keys = ConfigKeys(json: json, file: file)
        guard let family = (json["model_type"] as? String).flatMap(Family.init(rawValue:)) else {
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
        if traits.hasRotaryPositions { (ropeTheta, ropeScaling) = try keys.rope() }
        let activation = traits.activation.rawValue
        // The first of the names that the file has decides.
        let said = try [names.newerActivation, names.activation].compactMap { $0 }.first { try keys.text($0) != nil }
        if let said, try keys.text(said) != activation { throw keys.refuse(said, "\"\(activation)\"") }
        try traits.read(&self, keys)
        if let text = try keys.text("pooling") {
            guard let known = Pooling(rawValue: text) else { throw keys.refuse("pooling", "\"last\" or \"mean\"") }
            pooling = known
        }
        try validate(file: file)
    }

    /// What `config.json` holds for a network with this head.
    public func json(head: Head) -> [String: Any] {
        let traits = family.traits
        let names = traits.keys
        var json: [String: Any] = [
            "model_type": family.rawValue, "vocab_size": vocabularySize, names.hidden: hiddenSize,
            names.intermediate: intermediateSize, names.layers: layers, names.heads: heads, names.positions: maxPositions,
            names.normEps: normEps, names.activation: traits.activation.rawValue, "tie_word_embeddings": tieEmbeddings,
            "initializer_range": initializerRange, "torch_dtype": "float32",
        ]
        if let key = names.kvHeads { json[key] = kvHeads }
        if let key = names.headWidth { json[key] = headWidth }
        if traits.hasRotaryPositions {
            json["rope_theta"] = ropeTheta
            json["rope_scaling"] = ropeScaling.json
        }
        json.merge(traits.write(self)) { _, own in own }
        json["bos_token_id"] = bosToken.map { Int($0) }
        json["pad_token_id"] = padToken.map { Int($0) }
        switch eosTokens.count {
        case 0: break
        case 1: json["eos_token_id"] = Int(eosTokens[0])
        default: json["eos_token_id"] = eosTokens.map { Int($0) }
        }
        switch head {
        case .languageModel: json["architectures"] = [traits.className + traits.languageModelSuffix]
        case .value: json["architectures"] = [traits.className + "ForTokenClassification"]
        case .score where pooling == .mean:
            json["architectures"] = [traits.className + "ForTokenClassification"]
            json["pooling"] = pooling.rawValue
        case .score: json["architectures"] = [traits.className + "ForSequenceClassification"]
        }
        if head != .languageModel {
            json["id2label"] = ["0": head.rawValue]
            json["label2id"] = [head.rawValue: 0]
        }
        return json
    }
}
