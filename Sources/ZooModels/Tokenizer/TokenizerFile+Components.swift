extension Normalizer {
    init(_ json: JSONPlace) throws {
        let kind = try json.required("type")
        switch try kind.string() {
        case "NFC": steps = [.nfc]
        case "Prepend": steps = [.prepend(Array(try json.required("prepend").string().utf8))]
        case "Replace":
            let (pattern, content) = try replacement(json)
            steps = [.replace(pattern: pattern, content: content)]
        case "Sequence":
            steps = try json.required("normalizers").elements().flatMap { try Normalizer($0).steps }
            try checkGrowth(
                steps.map { if case .replace(let pattern, let content) = $0 { (pattern, content) } else { ([0], [0]) } }, json)
        case let other: throw unsupported(other, kind, loads: "null, NFC, Prepend, Replace of a string, Sequence of these")
        }
    }
}

extension TextDecoder.Rule {
    private static let loads =
        "null; ByteLevel; Metaspace; Sequence of Replace of a string, ByteFallback, Fuse and Strip, in this order"

    init(_ json: JSONPlace?) throws {
        guard let json else {
            self = .joined
            return
        }
        let kind = try json.required("type")
        switch try kind.string() {
        case "ByteLevel": self = .byteLevel
        case "Metaspace":
            self = .metaspace(try metaspaceMark(json), keepsFirst: try metaspacePrefix(json) == .never)
        case "Sequence", "Replace", "ByteFallback", "Fuse":
            let steps = try kind.string() == "Sequence" ? try json.required("decoders").elements() : [json]
            if steps.count == 1, try kind.string() == "Sequence" {
                try self.init(steps[0])
            } else {
                self = try Self.characters(steps)
            }
        case let other: throw unsupported(other, kind, loads: Self.loads)
        }
    }

    private static func characters(_ steps: [JSONPlace]) throws -> Self {
        var rule = TextDecoder.Characters()
        for step in steps {
            let kind = try step.required("type")
            switch try kind.string() {
            case "Replace" where !rule.fallsBack && !rule.fuses: rule.replacements.append(try replacement(step))
            case "ByteFallback" where !rule.fuses: rule.fallsBack = true
            case "Fuse": rule.fuses = true
            case "Strip" where rule.fuses && rule.strips == nil:
                let content = try step.required("content").string()
                guard content.unicodeScalars.count == 1 else { throw step.error(".content: expected one character") }
                let counts = try ["start", "stop"].map { key in
                    let count = try step.required(key)
                    guard let number = Int(exactly: try count.number()), 0..<1000 ~= number else {
                        throw count.error(": expected a whole number from 0 to 999")
                    }
                    return number
                }
                rule.strips = (Array(content.utf8), counts[0], counts[1])
            case let other: throw unsupported(other, kind, loads: Self.loads)
            }
        }
        if let first = steps.first { try checkGrowth(rule.replacements, first) }
        return .characters(rule)
    }
}

extension PreTokenizer {
    fileprivate static let loads =
        "null; ByteLevel; Sequence of Split, Digits and Punctuation with ByteLevel at its end; Metaspace; Split by a string with "
        + "MergedWithPrevious"

    init(_ json: JSONPlace?) throws {
        self.init()
        guard let json else {
            (pattern, isByteLevel) = (.whole, false)
            return
        }
        let kind = try json.required("type")
        let steps = try kind.string() == "Sequence" ? try json.required("pretokenizers").elements() : [json]
        guard let last = steps.last else { throw json.error(".pretokenizers is empty; what loads: \(Self.loads)") }
        let lastKind = try last.required("type")
        switch try lastKind.string() {
        case "ByteLevel": try readByteLevel(last, after: steps.dropLast())
        case "Metaspace" where steps.count == 1:
            isByteLevel = false
            mark = try metaspaceMark(last)
            prefix = try metaspacePrefix(last)
            replacesSpaces = true
            pattern = try last.member("split")?.bool() ?? true ? .before(mark) : .whole
        case "Split" where steps.count == 1:
            isByteLevel = false
            guard let text = try last.required("pattern").member("String"), try !text.string().isEmpty,
                try last.required("behavior").string() == "MergedWithPrevious", try last.member("invert")?.bool() != true
            else { throw last.error(": this Split is not supported here; what loads: \(Self.loads)") }
            pattern = .after(Array(try text.string().utf8))
        case let other: throw unsupported(other, lastKind, loads: Self.loads)
        }
    }

    private mutating func readByteLevel(_ json: JSONPlace, after steps: ArraySlice<JSONPlace>) throws {
        let usesRegex = try json.member("use_regex")?.bool() ?? true
        pattern = usesRegex ? .gpt2 : .whole
        prefix = try json.member("add_prefix_space")?.bool() ?? true ? .always : .never
        var steps = steps
        // The space would be put before each word of the Split.
        if !usesRegex, prefix == .never, let last = steps.last, let known = try Self.knownPattern(of: last) {
            pattern = known
            steps = steps.dropLast()
        }
        splits = try steps.map(TextSplit.init)
    }

    /// The rule of a Split that is matched by hand.
    private static func knownPattern(of split: JSONPlace) throws -> Pattern? {
        guard try split.required("type").string() == "Split", try split.required("behavior").string() == "Isolated",
            try split.member("invert")?.bool() != true, let regex = try split.required("pattern").member("Regex")?.string()
        else { return nil }
        let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        switch regex {
        case contractions + #"\p{N}{1,3}"# + rest: return .grouped(digits: 3)
        case contractions + #"\p{N}"# + rest: return .grouped(digits: 1)
        default: return nil
        }
    }
}

extension TextSplit {
    init(_ json: JSONPlace) throws {
        let kind = try json.required("type")
        switch try kind.string() {
        case "Digits":
            let areApart = try json.member("individual_digits")?.bool() ?? false
            self.init(separator: .digits, behavior: areApart ? .isolated : .contiguous)
        case "Punctuation":
            self.init(separator: .punctuation, behavior: try Self.behavior(json.member("behavior")) ?? .isolated)
        case "Split":
            let pattern = try json.required("pattern")
            let separator: SplitRegex
            if let text = try pattern.member("String") {
                guard try !text.string().isEmpty else { throw text.error(" is empty") }
                separator = SplitRegex(literal: try text.string())
            } else {
                let regex = try pattern.required("Regex")
                do { separator = try SplitRegex(regex.string()) } catch let fault as SplitRegexParser.Fault {
                    throw regex.error(" \(fault.reason)")
                }
            }
            self.init(
                separator: .regex(separator), behavior: try Self.behavior(json.required("behavior")) ?? .isolated,
                isInverted: try json.member("invert")?.bool() ?? false)
        case let other: throw unsupported(other, kind, loads: PreTokenizer.loads)
        }
    }

    private static func behavior(_ json: JSONPlace?) throws -> Behavior? {
        guard let json else { return nil }
        guard let behavior = Behavior(rawValue: try json.string()) else {
            throw json.error(
                " '\(try json.string())' is not supported; what loads: \(Behavior.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        return behavior
    }
}

/// `pattern` and `content` of a Replace.
private func replacement(_ json: JSONPlace) throws -> (pattern: [UInt8], content: [UInt8]) {
    guard let pattern = try json.required("pattern").member("String") else {
        throw json.error(".pattern: only a String is supported")
    }
    guard try !pattern.string().isEmpty else { throw pattern.error(" is empty") }
    let result = (pattern: Array(try pattern.string().utf8), content: Array(try json.required("content").string().utf8))
    try checkGrowth([result], json)
    return result
}

/// Refuses replacements that together make text hundreds of times as long: a file must not fill the memory.
private func checkGrowth(_ replacements: [(pattern: [UInt8], content: [UInt8])], _ json: JSONPlace) throws {
    let growth = replacements.reduce(1.0) { $0 * max(1, Double($1.content.count) / Double($1.pattern.count)) }
    guard growth <= 256 else { throw json.error(": the replacements make text \(growth) times as long; expected at most 256") }
}

private func metaspaceMark(_ json: JSONPlace) throws -> [UInt8] {
    let mark = try json.required("replacement")
    guard try mark.string().unicodeScalars.count == 1 else { throw mark.error(": expected one character") }
    return Array(try mark.string().utf8)
}

/// `prepend_scheme`; before tokenizers 0.19 `add_prefix_space`.
private func metaspacePrefix(_ json: JSONPlace) throws -> PreTokenizer.Prefix {
    let old = try json.member("add_prefix_space")?.bool()
    guard let scheme = try json.member("prepend_scheme") else { return old == false ? .never : .always }
    switch try scheme.string() {
    case "always": return .always
    case "first": return .first
    case "never": return .never
    case let other: throw scheme.error(" '\(other)' is not supported; what loads: always, first, never")
    }
}
