import Foundation
import ZooBase

extension Tokenizer {
    static let configName = "tokenizer_config.json"
    static let mapName = "special_tokens_map.json"

    /// Writes `tokenizer.json` and the other files that `transformers.AutoTokenizer` reads.
    ///
    /// What was read is written back byte for byte.
    /// - Parameter folder: a model folder; created if missing.
    /// - Throws: ``FileError`` if a file cannot be written.
    public func write(to folder: URL) throws {
        try OutputFile.createFolder(folder)
        try OutputFile.write(fileData, to: folder.appendingPathComponent("tokenizer.json"))
        for (name, data) in companions { try OutputFile.write(data, to: folder.appendingPathComponent(name)) }
    }

    /// Whether `tokenizer_config.json` asks for the begin token before a text; nil if it does not say.
    static func addsBegin(_ companions: [String: Data], beside file: String) throws -> Bool? {
        guard let data = companions[configName] else { return nil }
        let config = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(configName).path
        return try JSONPlace.read(data, file: config).member("add_bos_token")?.bool()
    }

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
        return [configName: try encoder.encode(file), mapName: map]
    }
}

/// What is written of `special_tokens_map.json`, and with the last two keys of `tokenizer_config.json`.
private struct CompanionFile: Encodable {
    var bosToken: String?
    var eosToken: String?
    var padToken: String?
    var tokenizerClass: String?
    var cleanUpTokenizationSpaces: Bool?

    enum CodingKeys: String, CodingKey {
        case bosToken = "bos_token"
        case eosToken = "eos_token"
        case padToken = "pad_token"
        case tokenizerClass = "tokenizer_class"
        case cleanUpTokenizationSpaces = "clean_up_tokenization_spaces"
    }
}

extension Tokenizer.SpecialTokens {
    /// Reads the marks: `tokenizer_config.json` first, `special_tokens_map.json` for what it does not say.
    init(companions: [String: Data], folder: URL) throws {
        self.init()
        for name in [Tokenizer.configName, Tokenizer.mapName] {
            guard let data = companions[name] else { continue }
            let file = folder.appendingPathComponent(name).path
            let json = try JSONPlace.read(data, file: file)
            bos = try bos ?? json.member("bos_token").map(Self.mark)
            eos = try eos ?? json.member("eos_token").map(Self.mark)
            pad = try pad ?? json.member("pad_token").map(Self.mark)
        }
    }

    /// Written as a string, or as an object with `content`.
    private static func mark(_ json: JSONPlace) throws -> String {
        if case .object = json.value { return try json.required("content").string() }
        return try json.string()
    }
}
