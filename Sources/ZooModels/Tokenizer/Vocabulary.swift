/// The tokens and merges of a `tokenizer.json`, checked: every id in range and of one token, every merge of known tokens.
struct Vocabulary {
    /// By the spelling in the file, byte for byte.
    private(set) var ids: ByteStringTable
    /// What each id decodes to; nil for ids that no token has.
    private(set) var bytes: [[UInt8]?]
    let merges: BytePairMerges
    /// Whether words can be cut before each run of `▁` without changing a token.
    let cutsAtMarks: Bool

    /// SentencePiece's space, U+2581.
    static let mark: [UInt8] = [0xE2, 0x96, 0x81]

    init(_ contents: TokenizerFile) throws {
        let (model, file) = (contents.model, contents.file)
        let isByteLevel = contents.preTokenizer.isByteLevel
        var ids = ByteStringTable(capacity: model.vocabulary.count + contents.addedTokens.count)
        var bytes = [[UInt8]?](repeating: nil, count: model.vocabulary.count)
        var byteIds = [Int32](repeating: -1, count: 256)
        var fallbackIds = byteIds
        var characterIds = NumberTable(capacity: isByteLevel ? 0 : model.vocabulary.count)
        var wholeWords = ByteStringTable(capacity: model.ignoresMerges ? model.vocabulary.count : 0)

        for (token, id) in model.vocabulary {
            let raw = Array(token.utf8)
            let spelled = isByteLevel ? ByteAlphabet.bytes(of: token) : raw
            try Self.claim(id, for: spelled ?? raw, in: &bytes, token: token, key: "model.vocab", file: file)
            guard raw.withUnsafeBufferPointer({ ids.insert($0, id) }) == nil else {
                throw TokenizerError(file: file, reason: "model.vocab has the token '\(token)' twice")
            }
            if let byte = TextDecoder.fallbackByte(raw), token.utf8.elementsEqual(Self.fallbackToken(byte).utf8) {
                fallbackIds[Int(byte)] = id
            }
            guard let spelled else { continue }
            if isByteLevel {
                if spelled.count == 1 { byteIds[Int(spelled[0])] = id }
            } else if let scalar = token.unicodeScalars.first, token.unicodeScalars.count == 1 {
                characterIds.set(UInt64(scalar.value), UInt64(id))
            }
            if model.ignoresMerges { spelled.withUnsafeBufferPointer { _ = wholeWords.insert($0, id) } }
        }

        let fallbackCount = fallbackIds.count { $0 >= 0 }
        let fallsBack = model.byteFallback && !isByteLevel && fallbackCount > 0
        if fallsBack, let missing = fallbackIds.firstIndex(of: -1) {
            throw TokenizerError(
                file: file,
                reason:
                    "model.byte_fallback is set, but model.vocab lacks '\(Self.fallbackToken(UInt8(missing)))'; all 256 bytes are needed"
            )
        }
        let isComplete = isByteLevel ? !byteIds.contains(-1) : fallsBack
        if isByteLevel, model.byteFallback, !isComplete {
            throw TokenizerError(
                file: file,
                reason: "model.byte_fallback is set in a byte-level vocabulary that lacks bytes, which is not supported")
        }
        let unknownId = model.unknownToken.flatMap { ids[$0] }
        // A token that is never needed may be missing: some files say "" for none.
        if let unknown = model.unknownToken, unknownId == nil, !isComplete {
            throw TokenizerError(file: file, reason: "model.unk_token is '\(unknown)', which model.vocab lacks")
        }

        var merges = BytePairMerges(
            symbols: isByteLevel ? .bytes(byteIds) : .characters(characterIds, bytes: fallsBack ? fallbackIds : nil),
            unknownId: unknownId, fusesUnknown: model.fusesUnknown, wholeWords: model.ignoresMerges ? wholeWords : nil,
            mergeCount: model.merges.count)
        var marksBegin = !isByteLevel && characterIds[0x2581] != nil && (isComplete || unknownId != nil) && !model.ignoresMerges
        for (rank, merge) in model.merges.enumerated() {
            let joined = merge.left + merge.right
            func id(_ token: String) throws -> Int32 {
                guard let id = ids[token] else {
                    throw TokenizerError(
                        file: file, reason: "model.merges[\(rank)] needs the token '\(token)', which model.vocab lacks")
                }
                return id
            }
            try merges.add(left: id(merge.left), right: id(merge.right), token: id(joined), rank: rank)
            if marksBegin { marksBegin = Self.marksOnlyBegin(joined) }
        }
        (self.ids, self.bytes, self.merges, cutsAtMarks) = (ids, bytes, merges, marksBegin)
        try add(contents.addedTokens, modelCount: model.vocabulary.count, file: file)
    }

    private mutating func add(_ tokens: [AddedToken], modelCount: Int, file: String) throws {
        // `tokenizers` counts on from the ids that it has, whatever the file says.
        var next = Int32(modelCount)
        for (index, added) in tokens.enumerated() {
            let key = "added_tokens[\(index)]"
            defer { next = max(next, added.id + 1) }
            let raw = Array(added.content.utf8)
            if let known = raw.withUnsafeBufferPointer({ ids.insert($0, added.id) }) {
                guard known == added.id else {
                    throw TokenizerError(
                        file: file, reason: "\(key): '\(added.content)' has the id \(added.id) here and \(known) before")
                }
                bytes[Int(known)] = raw
            } else {
                try Self.claim(added.id, for: raw, in: &bytes, token: added.content, key: key, file: file)
                guard added.id == next else {
                    throw TokenizerError(
                        file: file,
                        reason:
                            "\(key): the id of '\(added.content)' is \(added.id); expected \(next), the next one after those before"
                    )
                }
            }
        }
    }

    /// Whether `▁` follows nothing but itself in `token`: then no merge joins it to what stands before it.
    private static func marksOnlyBegin(_ token: String) -> Bool {
        !zip(token.unicodeScalars, token.unicodeScalars.dropFirst()).contains { $0 != "\u{2581}" && $1 == "\u{2581}" }
    }

    private static func fallbackToken(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
    }

    /// Gives `id` to a token, growing the table to it.
    private static func claim(
        _ id: Int32, for token: [UInt8], in bytes: inout [[UInt8]?], token name: String, key: String, file: String
    ) throws {
        let place = Int(id)
        if place >= bytes.count { bytes += [[UInt8]?](repeating: nil, count: place + 1 - bytes.count) }
        guard bytes[place] == nil else {
            let other = String(decoding: bytes[place] ?? [], as: UTF8.self)
            throw TokenizerError(file: file, reason: "\(key): the id \(id) belongs to both '\(other)' and '\(name)'")
        }
        bytes[place] = token
    }
}
