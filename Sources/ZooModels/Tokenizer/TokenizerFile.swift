import Foundation

/// `tokenizer.json` as Hugging Face `tokenizers` writes it: the parts that decide which ids a text gets.
struct TokenizerFile: Codable {
    struct Model: Codable {
        var type: String?
        var dropout: Double?
        var unknownToken: String?
        var continuingSubwordPrefix: String?
        var endOfWordSuffix: String?
        var fuseUnknown: Bool?
        var byteFallback: Bool?
        var ignoreMerges: Bool?
        var vocabulary: [String: TokenId]
        var merges: [Merge]

        enum CodingKeys: String, CodingKey {
            case type, dropout, merges
            case unknownToken = "unk_token"
            case continuingSubwordPrefix = "continuing_subword_prefix"
            case endOfWordSuffix = "end_of_word_suffix"
            case fuseUnknown = "fuse_unk"
            case byteFallback = "byte_fallback"
            case ignoreMerges = "ignore_merges"
            case vocabulary = "vocab"
        }
    }

    /// The id of a token. Read as a number of any kind, so that a wrong one can be named with its token.
    struct TokenId: Codable, Sendable, Equatable {
        var number: Double

        init(_ id: Int) { number = Double(id) }
        init(from decoder: any Decoder) throws { number = try decoder.singleValueContainer().decode(Double.self) }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(Int64(number))
        }
    }

    /// Written as `["a", "b"]`, or as `"a b"` before tokenizers 0.20.
    struct Merge: Codable {
        var left: String
        var right: String

        init(left: String, right: String) {
            self.left = left
            self.right = right
        }

        init(from decoder: any Decoder) throws {
            let parts: [String]
            if let line = try? decoder.singleValueContainer().decode(String.self) {
                parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            } else {
                parts = try decoder.singleValueContainer().decode([String].self)
            }
            guard parts.count == 2 else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "expected two tokens, found \(parts.count)"))
            }
            self.init(left: parts[0], right: parts[1])
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode([left, right])
        }
    }

    /// A normalizer, pre-tokenizer, post-processor or decoder: its kind, and the settings of the kinds that load.
    struct Component: Codable {
        struct Pattern: Codable {
            var regex: String?
            enum CodingKeys: String, CodingKey { case regex = "Regex" }
        }

        /// A place in a post-processor's template: `{"Sequence": …}` or `{"SpecialToken": {"id": …}}`.
        struct TemplatePiece: Codable {
            struct Reference: Codable { var id: String }
            var sequence: Reference?
            var specialToken: Reference?
            enum CodingKeys: String, CodingKey {
                case sequence = "Sequence"
                case specialToken = "SpecialToken"
            }
        }

        struct TemplateToken: Codable { var ids: [TokenId] }

        var type: String
        var addPrefixSpace: Bool?
        var trimOffsets: Bool?
        var usesRegex: Bool?
        var individualDigits: Bool?
        var pattern: Pattern?
        var behavior: String?
        var invert: Bool?
        var normalizers: [Component]?
        var pretokenizers: [Component]?
        var processors: [Component]?
        var single: [TemplatePiece]?
        var specialTokens: [String: TemplateToken]?

        enum CodingKeys: String, CodingKey {
            case type, pattern, behavior, invert, normalizers, pretokenizers, processors, single
            case addPrefixSpace = "add_prefix_space"
            case trimOffsets = "trim_offsets"
            case usesRegex = "use_regex"
            case individualDigits = "individual_digits"
            case specialTokens = "special_tokens"
        }

        init(type: String) { self.type = type }
    }

    var version: String?
    var addedTokens: [AddedToken]?
    var normalizer: Component?
    var preTokenizer: Component?
    var postProcessor: Component?
    var decoder: Component?
    var model: Model

    enum CodingKeys: String, CodingKey {
        case version, normalizer, decoder, model
        case addedTokens = "added_tokens"
        case preTokenizer = "pre_tokenizer"
        case postProcessor = "post_processor"
    }

    /// Reads the file's bytes; an error names `file` and the key.
    init(data: Data, file: String) throws {
        do {
            self = try JSONDecoder().decode(TokenizerFile.self, from: data)
        } catch let error as DecodingError {
            throw TokenizerError(file: file, reason: error.sentence(about: data))
        }
    }

    init(addedTokens: [AddedToken], preTokenizer: Component, decoder: Component, model: Model) {
        version = "1.0"
        self.addedTokens = addedTokens
        self.preTokenizer = preTokenizer
        self.decoder = decoder
        self.model = model
    }
}

extension DecodingError {
    /// What is wrong in the JSON `data`, beginning with the key.
    func sentence(about data: Data) -> String {
        switch self {
        case .typeMismatch(let type, let context): return "\(Self.place(context)): expected \(Self.name(of: type))"
        case .valueNotFound(let type, let context):
            return "\(Self.place(context)): expected \(Self.name(of: type)), found null"
        case .keyNotFound(let key, let context): return "\(Self.place(context, key)) is missing"
        case .dataCorrupted(let context):
            return "\(Self.place(context)): \(Self.syntaxError(in: data) ?? context.debugDescription)"
        @unknown default: return "\(self)"
        }
    }

    private static func place(_ context: Context, _ last: (any CodingKey)? = nil) -> String {
        let path = (context.codingPath + (last.map { [$0] } ?? [])).map { key in
            key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
        }.joined()
        return path.isEmpty ? "the file" : String(path.drop { $0 == "." })
    }

    /// Where JSON breaks off. JSONDecoder knows it too, but does not say so on every platform.
    private static func syntaxError(in data: Data) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: data)
            return nil
        } catch {
            return "not valid JSON: \((error as NSError).userInfo["NSDebugDescription"] ?? error)"
        }
    }

    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Int.Type, is Double.Type: "a number"
        case is Bool.Type: "true or false"
        default: "\(type)".hasPrefix("Dictionary") ? "an object" : "\(type)".hasPrefix("Array") ? "an array" : "\(type)"
        }
    }
}
