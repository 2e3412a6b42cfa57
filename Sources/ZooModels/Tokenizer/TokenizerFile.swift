import Foundation
import ZooBase

/// `tokenizer.json` as Hugging Face `tokenizers` writes it: the parts that decide which ids a text gets, and its text back.
///
/// What is not supported is refused by name: a tokenizer that is read wrongly would give other ids without a word. The
/// settings `truncation` and `padding` are the caller's business, as in `transformers`, and not read.
struct TokenizerFile {
    struct Model {
        var unknownToken: String?
        var fusesUnknown = false
        var byteFallback = false
        var ignoresMerges = false
        var vocabulary: [(token: String, id: Int32)]
        var merges: [(left: String, right: String)]
    }

    var addedTokens: [AddedToken]
    var normalizer: Normalizer
    var preTokenizer: PreTokenizer
    /// The ids added before and after a text when special tokens are requested.
    var template: (prefix: [Int32], suffix: [Int32])
    /// Whether the file specifies what is added around a text, even if nothing.
    var hasTemplate: Bool
    var decoder: TextDecoder.Rule
    var model: Model
    /// The file's name, for errors.
    let file: String

    /// Reads the file's bytes.
    /// - Throws: ``TokenizerError``, naming `file` and the key.
    init(data: Data, file: String) throws {
        let json = try JSONPlace.read(data, file: file)
        let modelJSON = try json.required("model")
        try Model.checkKind(modelJSON)
        let addedJSON = try json.member("added_tokens")?.elements() ?? []
        let tokenCount = try modelJSON.required("vocab").members().count + addedJSON.count
        // An embedding has a row per id: one far beyond the count of tokens is a broken file, not a vocabulary.
        let idLimit = max(1 << 16, min(1 << 24, 4 * tokenCount))
        self.file = file
        addedTokens = try addedJSON.map { try AddedToken($0, idLimit: idLimit) }
        normalizer = try json.member("normalizer").map(Normalizer.init) ?? Normalizer()
        preTokenizer = try PreTokenizer(json.member("pre_tokenizer"))
        let postProcessor = try json.member("post_processor")
        template = try postProcessor.map { try Self.template($0, idLimit: idLimit) } ?? ([], [])
        hasTemplate = postProcessor != nil
        decoder = try TextDecoder.Rule(json.member("decoder"))
        model = try Model(modelJSON, idLimit: idLimit)
    }

    private static func template(_ json: JSONPlace, idLimit: Int) throws -> (prefix: [Int32], suffix: [Int32]) {
        let kind = try json.required("type")
        switch try kind.string() {
        case "ByteLevel": return ([], [])  // moves offsets, not ids
        case "Sequence":
            return try json.required("processors").elements().map { try template($0, idLimit: idLimit) }
                .reduce(into: ([], [])) { $0 = ($1.prefix + $0.0, $0.1 + $1.suffix) }
        case "TemplateProcessing":
            var (prefix, suffix): ([Int32], [Int32]) = ([], [])
            var texts = 0
            for piece in try json.required("single").elements() {
                if let sequence = try piece.member("Sequence") {
                    guard try sequence.required("id").string() == "A" else {
                        throw sequence.error(": only A is supported in single")
                    }
                    texts += 1
                    continue
                }
                let name = try piece.required("SpecialToken").required("id").string()
                guard let tokens = try json.member("special_tokens")?.member(name) else {
                    throw json.error(".single names '\(name)', which special_tokens lacks")
                }
                let ids = try tokens.required("ids").elements().map { try tokenId($0, of: name, below: idLimit) }
                if texts > 0 { suffix += ids } else { prefix += ids }
            }
            guard texts == 1 else { throw json.error(".single: expected the sequence A once, found it \(texts) times") }
            return (prefix, suffix)
        case let other:
            throw unsupported(other, kind, loads: "null, ByteLevel, TemplateProcessing, Sequence of these")
        }
    }
}

extension TokenizerFile.Model {
    /// Refuses other models by their names, before their vocabularies look wrong.
    static func checkKind(_ json: JSONPlace) throws {
        // Older files of Unigram models have no type.
        var kind = try json.member("type")?.string()
        if kind == nil, try json.member("unk_id") != nil || json.member("vocab")?.value.array != nil { kind = "Unigram" }
        guard let kind, kind != "BPE" else { return }
        throw json.error(
            ".type '\(kind)' is not supported; what loads: BPE, the kind of the decoder-only models (Unigram is T5's and XLM-R's, "
                + "WordPiece BERT's)")
    }

    init(_ json: JSONPlace, idLimit: Int) throws {
        if let dropout = try json.member("dropout"), try dropout.number() != 0 {
            throw dropout.error(" is set, which is not supported")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            guard let affix = try json.member(key), try !affix.string().isEmpty else { continue }
            throw affix.error(" is set, which is not supported")
        }
        unknownToken = try json.member("unk_token")?.string()
        fusesUnknown = try json.member("fuse_unk")?.bool() ?? false
        byteFallback = try json.member("byte_fallback")?.bool() ?? false
        ignoresMerges = try json.member("ignore_merges")?.bool() ?? false

        // Locations are built only for errors: there are hundreds of thousands of entries.
        let vocabularyJSON = try json.required("vocab")
        vocabulary = try vocabularyJSON.members().map { member in
            let place = JSONPlace(member.value, path: "\(vocabularyJSON.path)", file: json.file)
            guard member.value.number != nil else {
                throw JSONPlace(member.value, path: "\(vocabularyJSON.path).\(member.key)", file: json.file).wrong("a number")
            }
            return (member.key, try tokenId(place, of: member.key, below: idLimit))
        }
        let mergesJSON = try json.required("merges")
        guard case .array(let merges) = mergesJSON.value else { throw mergesJSON.wrong("an array") }
        self.merges = []
        self.merges.reserveCapacity(merges.count)
        for (rank, merge) in merges.enumerated() {
            self.merges.append(try Self.merge(merge, rank, mergesJSON))
        }
    }

    /// Written as `["a", "b"]`, or as `"a b"` before tokenizers 0.20.
    private static func merge(_ json: JSONValue, _ rank: Int, _ merges: JSONPlace) throws -> (left: String, right: String) {
        let place = { JSONPlace(json, path: "\(merges.path)[\(rank)]", file: merges.file) }
        switch json {
        case .array(let parts):
            guard parts.count == 2 else { throw place().error(": expected two tokens, found \(parts.count)") }
            guard case .string(let left) = parts[0], case .string(let right) = parts[1] else {
                throw place().error(": expected two strings")
            }
            return (left, right)
        case .string(let line):
            let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw place().error(": expected two tokens, found \(parts.count)") }
            return (String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self))
        default: throw place().wrong("an array of two strings")
        }
    }
}

/// The number at `json` as the id of `token`.
func tokenId(_ json: JSONPlace, of token: String, below limit: Int) throws -> Int32 {
    let number = try json.number()
    guard let id = Int32(exactly: number), 0..<limit ~= Int(id) else {
        let found = Int64(exactly: number).map { "\($0)" } ?? "\(number)"
        throw json.error(": the id of '\(token)' is \(found); expected a whole number from 0 to \(limit - 1)")
    }
    return id
}

/// The refusal of the component that `kind`, its key `type`, names.
func unsupported(_ name: String, _ kind: JSONPlace, loads: String) -> TokenizerError {
    TokenizerError(
        file: kind.file, reason: "\(kind.path.dropLast(".type".count)) '\(name)' is not supported; what loads: \(loads)")
}
