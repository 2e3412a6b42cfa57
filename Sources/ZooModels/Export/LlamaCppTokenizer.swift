import Foundation
import ZooBase

/// A tokenizer as llama.cpp reads one from a GGUF file.
///
/// llama.cpp has byte-level BPE (`gpt2`) and knows by name how each model cuts text into words. What it would read in another way is
/// refused: it would give other ids without a word.
struct LlamaCppTokenizer {
    /// llama.cpp's types of tokens.
    private enum TokenType: Int32 {
        case normal = 1
        /// A mark, which is not printed.
        case control = 3
        /// Found in a text before it is cut into words.
        case userDefined = 4
        case unused = 5
    }

    /// The keys that begin with `tokenizer.`.
    let keys: [(name: String, value: GGUFFile.Value)]

    /// - Parameters:
    ///   - folder: the model's, or that of its tokenizer.
    ///   - rows: of the embedding; the ids from the tokenizer's last to there are unused.
    ///   - ends: the tokens that end a sample, of the model's files.
    ///   - template: the chat template's text.
    /// - Throws: ``TokenizerError`` that names the file and what llama.cpp has not.
    init(in folder: URL, rows: Int, ends: [Int32], template: String?) throws {
        let place = folder.appendingPathComponent("tokenizer.json")
        let tokenizer = try Tokenizer(contentsOf: place)
        var file = try TokenizerFile(data: tokenizer.fileData, file: place.path)
        file.add(try CompanionFiles(in: folder))
        let name = try Self.preTokenizer(of: file)
        guard tokenizer.vocabularySize <= rows else {
            throw file.unknown("\(tokenizer.vocabularySize) tokens, for which the model's \(rows) rows are too few")
        }
        var tokens = (0..<rows).map { "[PAD\($0)]" }
        var types = [Int32](repeating: TokenType.unused.rawValue, count: rows)
        for (token, id) in file.model.vocabulary {
            tokens[Int(id)] = token
            types[Int(id)] = TokenType.normal.rawValue
        }
        for token in file.addedTokens {
            guard !token.stripsLeft, !token.stripsRight, !token.singleWord else {
                throw file.unknown("the token '\(token.content)' that takes spaces with it or is found only as a word of its own")
            }
            tokens[Int(token.id)] = token.content
            types[Int(token.id)] = (token.special ? TokenType.control : .userDefined).rawValue
        }
        var keys: [(String, GGUFFile.Value)] = [
            ("model", .string("gpt2")), ("pre", .string(name)), ("tokens", .strings(tokens)), ("token_type", .int32s(types)),
            ("merges", .strings(file.model.merges.map { "\($0.left) \($0.right)" })),
        ]
        func add(_ kind: String, _ id: Int32?) {
            if let id { keys.append(("\(kind)_token_id", .uint32(UInt32(id)))) }
        }
        // The end of a text is the tokenizer's own where it has one; llama.cpp has names for two ends besides.
        let all = ([tokenizer.eosToken].compactMap(\.self) + ends).reduce(into: [Int32]()) {
            if !$0.contains($1) { $0.append($1) }
        }
        add("bos", tokenizer.bosToken)
        for (kind, id) in zip(["eos", "eot", "eom"], all) { add(kind, id) }
        add("unknown", tokenizer.namedTokens["unk_token"].flatMap(tokenizer.id(of:)))
        add("padding", tokenizer.padToken)
        keys.append(("add_bos_token", .bool(tokenizer.prefixToken != nil)))
        keys.append(("add_eos_token", .bool(!file.template.suffix.isEmpty)))
        keys.append(("add_space_prefix", .bool(false)))
        self.keys =
            keys.map { ("tokenizer.ggml.\($0)", $1) } + (template.map { [("tokenizer.chat_template", .string($0))] } ?? [])
        guard file.template.suffix.isEmpty || file.template.suffix == [tokenizer.eosToken].compactMap(\.self) else {
            throw file.unknown("a post-processor that ends a text with other tokens than the end token")
        }
        guard file.template.prefix.isEmpty || file.template.prefix == [tokenizer.bosToken].compactMap(\.self) else {
            throw file.unknown("a post-processor that begins a text with other tokens than the begin token")
        }
    }

    /// The names of what can be exported, for people.
    static let known = "gpt-2, smollm, llama-bpe (Llama 3), qwen2"

    /// llama.cpp's name for how a text is cut into words.
    private static func preTokenizer(of file: TokenizerFile) throws -> String {
        let rule = file.preTokenizer
        guard rule.isByteLevel, case .byteLevel = file.decoder, !file.model.byteFallback else {
            throw file.unknown("a vocabulary of characters (SentencePiece's)")
        }
        guard case .never = rule.prefix else { throw file.unknown("a space before every text (add_prefix_space)") }
        var isComposed = false
        if case .nfc? = file.normalizer.steps.first, file.normalizer.steps.count == 1 { isComposed = true }
        let isPlain = file.normalizer.steps.isEmpty
        switch (rule.pattern, rule.splits.count) {
        case (.gpt2, 0) where isPlain && !file.model.ignoresMerges: return "gpt-2"
        case (.gpt2, 1) where isPlain && !file.model.ignoresMerges && rule.splits[0].isEachDigit: return "smollm"
        // Llama 3 takes a word that is a token whole, and llama.cpp does so for this name.
        case (.grouped(3), 0) where isPlain && file.model.ignoresMerges: return "llama-bpe"
        // llama.cpp does not compose characters as NFC does: texts that are composed already get the same ids.
        case (.grouped(1), 0) where (isPlain || isComposed) && !file.model.ignoresMerges: return "qwen2"
        default: throw file.unknown("a normalizer and pre-tokenizer that are none of \(known)")
        }
    }
}

extension TextSplit {
    /// Whether every digit becomes a piece of its own.
    fileprivate var isEachDigit: Bool {
        if case .digits = separator, case .isolated = behavior { return !isInverted }
        return false
    }
}

extension TokenizerFile {
    fileprivate func unknown(_ what: String) -> TokenizerError {
        TokenizerError(file: file, reason: "has \(what), which GGUF cannot say here; export the model with --to hf")
    }
}
