import Foundation
import ZooBase
import ZooTensor

extension CausalLM {
    /// Writes `config.json`, `generation_config.json` if there was one, and `model.safetensors`, as `save(to:)` does, with every number
    /// rounded to `type`.
    ///
    /// - Throws: ``ModelError`` for blocks, or if a number is too large for the type.
    public func export(to folder: URL, as type: ExportType) throws {
        guard type != .q8 else { throw ModelError("\(type.rawValue) is llama.cpp's; expected float32, bfloat16 or float16") }
        var config = config.json(head: head)
        config["torch_dtype"] = .string(type.rawValue)
        let parameters = try parameters.map { NamedTensor($0.name, try type.cast($0)) }
        try writeModel(to: folder, config: config, parameters: parameters, generation: generation)
    }

    /// Writes the model and its tokenizer as one file in llama.cpp's format.
    ///
    /// - Parameters:
    ///   - about: what the file says of itself, under `general.`: `name`, `license`, …
    ///   - tokenizer: the folder of the tokenizer.
    ///   - chatTemplate: the text of the model's template.
    /// - Throws: ``ModelError`` or ``TokenizerError`` where llama.cpp has no such model or tokenizer; nothing is written then.
    public func exportGGUF(
        to file: URL, as type: ExportType, about: [(key: String, text: String)], tokenizer: URL, chatTemplate: String?
    ) throws {
        precondition(head == .languageModel && adaptation == nil, "a merged language model is exported")
        let model = try LlamaCppModel(self, as: type)
        let ends = generation.map(\.endTokens).flatMap { $0.isEmpty ? nil : $0 } ?? config.eosTokens
        let words = try LlamaCppTokenizer(in: tokenizer, rows: config.vocabularySize, ends: ends, template: chatTemplate)
        var gguf = GGUFFile()
        gguf.keys =
            [("general.architecture", .string(model.architecture)), ("general.type", .string("model"))]
            + about.map { ("general.\($0.key)", .string($0.text)) }
            + [("general.file_type", .uint32(type.ggufFileType)), ("general.quantization_version", .uint32(2))] + model.keys
            + words.keys
        gguf.tensors = model.tensors
        try gguf.write(to: file)
    }
}
