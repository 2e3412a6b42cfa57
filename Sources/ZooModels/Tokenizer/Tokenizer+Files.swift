import Foundation
import ZooBase

extension Tokenizer {
    /// Writes `tokenizer.json` and the other files that `transformers.AutoTokenizer` reads.
    ///
    /// What was read is written back byte for byte; marks that `config.json` names are written to `special_tokens_map.json`.
    /// - Parameter folder: a model folder; created if missing.
    /// - Throws: ``FileError`` if a file cannot be written.
    public func write(to folder: URL) throws {
        try OutputFile.createFolder(folder)
        try OutputFile.write(fileData, to: folder.appendingPathComponent("tokenizer.json"))
        var files = companions
        // Where the tokenizer goes without its model, as with an adapter, its marks go with it.
        if takesMarksFromModel { files[CompanionFiles.map] = try Self.companions(for: specialTokens)[CompanionFiles.map] }
        for (name, data) in files { try OutputFile.write(data, to: folder.appendingPathComponent(name)) }
    }

    /// The names of the files beside a folder's `tokenizer.json` that its tokens and marks depend on.
    public static func companions(in folder: URL) -> [String] { CompanionFiles.names(in: folder) }

    /// The bytes of a file. Half a gigabyte is thirty times the largest tokenizer in use.
    static func read(_ file: URL) throws -> Data { try InputFile.data(file, atMost: 512 << 20) }

    /// The files beside a new `tokenizer.json`.
    static func companions(for marks: SpecialTokens) throws -> [String: Data] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        var file = CompanionFile(bosToken: marks.bos, eosToken: marks.eos, padToken: marks.pad)
        let map = try encoder.encode(file)
        file.tokenizerClass = "PreTrainedTokenizerFast"
        file.cleanUpTokenizationSpaces = false
        // Without it `transformers` makes token_type_ids too, which a decoder's `generate` refuses.
        file.modelInputNames = ["input_ids", "attention_mask"]
        return [CompanionFiles.config: try encoder.encode(file), CompanionFiles.map: map]
    }
}

/// What is written of `special_tokens_map.json`, and with the last three keys of `tokenizer_config.json`.
private struct CompanionFile: Encodable {
    var bosToken: String?
    var eosToken: String?
    var padToken: String?
    var tokenizerClass: String?
    var cleanUpTokenizationSpaces: Bool?
    var modelInputNames: [String]?

    enum CodingKeys: String, CodingKey {
        case bosToken = "bos_token"
        case eosToken = "eos_token"
        case padToken = "pad_token"
        case tokenizerClass = "tokenizer_class"
        case cleanUpTokenizationSpaces = "clean_up_tokenization_spaces"
        case modelInputNames = "model_input_names"
    }
}
