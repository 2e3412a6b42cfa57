import Foundation
import ZooBase

extension ConfigKeys {
    /// Refuses by name a `config.json` of something else than a language model's, before its keys are read.
    ///
    /// - Parameters:
    ///   - folder: where it lies, for what else lies there.
    ///   - head: what the model is wanted for.
    func refuseOtherModels(in folder: URL, for head: Head) throws {
        if let part = json["_class_name"]?.string {
            throw ModelError(
                "\(file): one part of an image pipeline (\(part)); give the pipeline's folder, which has model_index.json")
        }
        try refuseParts()
        try refuseQuantised(folder)
        if json["is_encoder_decoder"]?.bool == true {
            throw ModelError("\(file): \(called), an encoder-decoder; expected a decoder-only language model")
        }
        if let type = json["model_type"]?.string, Self.encoders.contains(type) {
            throw ModelError(
                "\(file): \(called), an encoder, which does not continue text; expected a decoder-only language model")
        }
        let isEmbedder = ["modules.json", "config_sentence_transformers.json"].contains {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }
        if isEmbedder, head == .languageModel {
            throw ModelError(
                "\(folder.path): a folder of sentence-transformers, which embeds texts (\(called)); expected a language model")
        }
        try refuseOtherHeads(for: head)
    }

    /// `config.json` of a model in several parts has one object for each.
    private func refuseParts() throws {
        let parts = json.members.filter { Self.parts.contains($0.key) && $0.value.object != nil }
        guard !parts.isEmpty else { return }
        func type(_ part: JSONObject.Member) -> String? { part.value.object?["model_type"]?.string }
        let names = parts.map { part in part.key + (type(part).map { " (\($0))" } ?? "") }
        let text = parts.first { ["text_config", "llm_config", "language_config"].contains($0.key) }
        let advice =
            text.map {
                "; its text part is a \(type($0) ?? "language") model: save that alone with transformers (its language_model and lm_head)"
            } ?? ""
        throw ModelError(
            "\(file): \(called), a model of several parts: \(names.joined(separator: ", ")); only models of text alone are read"
                + advice)
    }

    private func refuseQuantised(_ folder: URL) throws {
        let advice = "give the model in 16 or 32 bits, or dequantise it with transformers: from_pretrained(…).dequantize()"
        if let settings = json["quantization_config"]?.object {
            let loadedBits = [4, 8].first { settings["load_in_\($0)bit"]?.bool == true }
            let bits = settings["bits"]?.integer ?? loadedBits
            let method = settings["quant_method"]?.string ?? (loadedBits == nil ? "an unknown method" : "bitsandbytes")
            throw ModelError(
                "\(file): quantization_config: the weights are quantised by \(method)\(bits.map { " to \($0) bits" } ?? ""); \(advice)"
            )
        }
        for name in ["quantize_config.json", "quant_config.json"]
        where FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path) {
            throw ModelError("\(folder.path): \(name) says that the weights are quantised; \(advice)")
        }
    }

    /// `architectures` names the class that wrote the weights, and so what lies on top of them.
    private func refuseOtherHeads(for head: Head) throws {
        guard let name = json["architectures"]?.array?.first?.string else { return }
        if head == .languageModel, !["ForCausalLM", "LMHeadModel", "Model"].contains(where: name.hasSuffix) {
            let classifiers = ["ForSequenceClassification", "ForTokenClassification", "RewardModel"]
            let isClassifier = classifiers.contains(where: name.hasSuffix)
            throw ModelError(
                "\(file): architectures is \(name)\(isClassifier ? ", a classifier or reward model" : ""): it has no head that predicts "
                    + "tokens; expected a language model, such as one ending in ForCausalLM")
        }
        if head == .score, name.hasSuffix("ForSequenceClassification") {
            let labels = json["id2label"]?.object?.keys.count ?? json["num_labels"]?.integer ?? 1
            guard labels == 1 else {
                throw ModelError("\(file): \(name) has \(labels) labels (id2label); a reward model has one")
            }
        }
    }

    /// What the folder says that it holds.
    private var called: String {
        let type = json["model_type"]?.string.map { "model_type \($0)" } ?? "a model without a model_type"
        return type + (json["architectures"]?.array?.first?.string.map { " (\($0))" } ?? "")
    }

    private static let parts: Set<String> = [
        "text_config", "llm_config", "language_config", "vision_config", "audio_config", "thinker_config", "talker_config",
        "speech_config", "visual",
    ]

    /// `model_type` of widespread encoders.
    private static let encoders: Set<String> = [
        "bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "camembert", "mpnet",
        "modernbert", "nomic_bert", "xlnet", "longformer", "big_bird", "clip", "siglip", "vit", "wav2vec2",
    ]
}
