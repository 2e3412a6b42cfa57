/// Reads the components of a `tokenizer.json`. What is not supported is refused by name: a tokenizer that is read
/// wrongly would give other ids without a word.
extension TokenizerFile {
    /// Whether text is brought to Unicode's composed form (NFC) first.
    func normalizesToNFC(file: String) throws -> Bool {
        func check(_ component: Component) throws -> Bool {
            switch component.type {
            case "NFC": return true
            case "Sequence": return try (component.normalizers ?? []).map(check).contains(true)
            default: throw unsupported(component, role: "normalizer", loads: "null, NFC", file: file)
            }
        }
        return try normalizer.map(check) ?? false
    }

    /// The rule that cuts text into words.
    func preTokenizer(file: String) throws -> PreTokenizer {
        guard let preTokenizer else {
            throw TokenizerError(file: file, reason: "pre_tokenizer is null; what loads: \(Self.preTokenizersThatLoad)")
        }
        let steps = preTokenizer.type == "Sequence" ? preTokenizer.pretokenizers ?? [] : [preTokenizer]
        guard let last = steps.last, last.type == "ByteLevel" else {
            throw unsupported(
                steps.last ?? preTokenizer, role: "pre_tokenizer", loads: Self.preTokenizersThatLoad, file: file)
        }
        var result = PreTokenizer(pattern: last.usesRegex ?? true ? .gpt2 : .whole)
        result.addPrefixSpace = last.addPrefixSpace ?? true
        for step in steps.dropLast() {
            switch step.type {
            case "Digits" where result.digits == .untouched:
                result.digits = step.individualDigits ?? false ? .apart : .contiguous
            case "Split":
                guard let pattern = Self.pattern(of: step), case .whole = result.pattern, result.digits == .untouched else {
                    let found = step.pattern?.regex ?? "another pattern"
                    throw TokenizerError(
                        file: file,
                        reason: "pre_tokenizer: Split by '\(found)' is not supported here; "
                            + "what loads: \(Self.preTokenizersThatLoad)")
                }
                result.pattern = pattern
            default:
                throw unsupported(step, role: "pre_tokenizer", loads: Self.preTokenizersThatLoad, file: file)
            }
        }
        return result
    }

    /// The ids that are put before and after a text where special tokens are asked for.
    func template(file: String) throws -> (prefix: [Int32], suffix: [Int32]) {
        var result: (prefix: [Int32], suffix: [Int32]) = ([], [])
        func read(_ component: Component) throws {
            switch component.type {
            case "ByteLevel": return  // moves offsets, not ids
            case "Sequence": try (component.processors ?? []).forEach(read)
            case "TemplateProcessing":
                var sawText = false
                for piece in component.single ?? [] {
                    guard let token = piece.specialToken else {
                        sawText = true
                        continue
                    }
                    guard let ids = component.specialTokens?[token.id]?.ids else {
                        throw TokenizerError(
                            file: file, reason: "post_processor.single names '\(token.id)', which special_tokens lacks")
                    }
                    let checked = try ids.map { try checkedId($0, of: token.id, key: "post_processor", file: file) }
                    if sawText { result.suffix += checked } else { result.prefix += checked }
                }
            default:
                throw unsupported(
                    component, role: "post_processor", loads: "null, ByteLevel, TemplateProcessing, Sequence of these",
                    file: file)
            }
        }
        try postProcessor.map(read)
        return result
    }

    /// Refuses a decoder or a model with settings that would change the ids or the text.
    func checkModelAndDecoder(file: String) throws {
        if let decoder, decoder.type != "ByteLevel" {
            throw unsupported(decoder, role: "decoder", loads: "null, ByteLevel", file: file)
        }
        if let type = model.type, type != "BPE" {
            throw TokenizerError(file: file, reason: "model.type '\(type)' is not supported; what loads: BPE")
        }
        let refused: [(key: String, isSet: Bool)] = [
            ("dropout", (model.dropout ?? 0) != 0),
            ("continuing_subword_prefix", model.continuingSubwordPrefix.map { !$0.isEmpty } ?? false),
            ("end_of_word_suffix", model.endOfWordSuffix.map { !$0.isEmpty } ?? false),
            ("fuse_unk", model.fuseUnknown ?? false),
            ("byte_fallback", model.byteFallback ?? false),
        ]
        for (key, isSet) in refused where isSet {
            throw TokenizerError(
                file: file, reason: "model.\(key) is set, which is not supported: only byte-level BPE without it loads")
        }
    }

    /// `id` as a token id. An embedding has a row per id, so an id in the billions is a broken file, not a vocabulary.
    func checkedId(_ id: TokenId, of token: String, key: String, file: String) throws -> Int32 {
        guard let result = Int32(exactly: id.number), 0..<(1 << 24) ~= result else {
            let found = Int64(exactly: id.number).map { "\($0)" } ?? "\(id.number)"
            throw TokenizerError(
                file: file, reason: "\(key): the id of '\(token)' is \(found); expected a whole number from 0 to \((1 << 24) - 1)"
            )
        }
        return result
    }

    private static let preTokenizersThatLoad =
        "ByteLevel; Sequence of Digits and ByteLevel; Sequence of Split, by the pattern of Llama 3 or Qwen 2, and ByteLevel "
        + "with use_regex false"

    private static func pattern(of split: Component) -> PreTokenizer.Pattern? {
        guard split.behavior == "Isolated", split.invert != true, let regex = split.pattern?.regex else { return nil }
        let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        switch regex {
        case contractions + #"\p{N}{1,3}"# + rest: return .grouped(digits: 3)
        case contractions + #"\p{N}"# + rest: return .grouped(digits: 1)
        default: return nil
        }
    }

    private func unsupported(_ component: Component, role: String, loads: String, file: String) -> TokenizerError {
        TokenizerError(file: file, reason: "\(role) '\(component.type)' is not supported; what loads: \(loads)")
    }
}
