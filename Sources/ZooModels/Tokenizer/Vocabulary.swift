/// The tokens and merges of a `tokenizer.json`, checked: every id in range and of one token, every merge of known tokens.
struct Vocabulary {
    private(set) var ids: [String: Int32]
    /// What each id decodes to; nil for ids that no token has.
    private(set) var bytes: [[UInt8]?]
    private(set) var merges: BytePairMerges

    init(_ contents: TokenizerFile, file: String) throws {
        let model = contents.model
        ids = [:]
        ids.reserveCapacity(model.vocabulary.count)
        bytes = [[UInt8]?](repeating: nil, count: model.vocabulary.count)
        var byteIds = [Int32?](repeating: nil, count: 256)
        var wholeWords: [[UInt8]: Int32] = [:]
        // By UTF-8, not by String: the ids of canonically equivalent tokens must not meet.
        var idsByUTF8: [[UInt8]: Int32] = [:]
        idsByUTF8.reserveCapacity(model.vocabulary.count)

        for (token, value) in model.vocabulary {
            let id = try contents.checkedId(value, of: token, key: "model.vocab", file: file)
            let spelled = ByteAlphabet.bytes(of: token)
            try Self.claim(id, for: spelled ?? Array(token.utf8), in: &bytes, token: token, key: "model.vocab", file: file)
            ids[token] = id
            idsByUTF8[Array(token.utf8)] = id
            guard let spelled else { continue }
            if spelled.count == 1 { byteIds[Int(spelled[0])] = id }
            if model.ignoreMerges ?? false { wholeWords[spelled] = id }
        }

        var unknownId: Int32?
        if let unknown = model.unknownToken {
            unknownId = ids[unknown]
            // An empty vocabulary entry for it is how some files say that there is none.
            guard unknownId != nil || byteIds.allSatisfy({ $0 != nil }) else {
                throw TokenizerError(file: file, reason: "model.unk_token is '\(unknown)', which model.vocab lacks")
            }
        }

        merges = BytePairMerges(byteIds: byteIds, unknownId: unknownId, wholeWords: wholeWords)
        merges.reserveCapacity(model.merges.count)
        for (rank, merge) in model.merges.enumerated() {
            func id(_ token: String) throws -> Int32 {
                guard let id = idsByUTF8[Array(token.utf8)] else {
                    throw TokenizerError(
                        file: file, reason: "model.merges[\(rank)] needs the token '\(token)', which model.vocab lacks")
                }
                return id
            }
            try merges.add(left: id(merge.left), right: id(merge.right), token: id(merge.left + merge.right), rank: rank)
        }

        for (index, added) in (contents.addedTokens ?? []).enumerated() {
            let key = "added_tokens[\(index)]"
            let id = try contents.checkedId(added.id, of: added.content, key: key, file: file)
            guard !added.content.isEmpty else { throw TokenizerError(file: file, reason: "\(key).content is empty") }
            if let known = ids[added.content], known != id {
                throw TokenizerError(
                    file: file, reason: "\(key): '\(added.content)' has the id \(id) here and \(known) before")
            }
            let raw = Array(added.content.utf8)
            if ids[added.content] == nil {
                try Self.claim(id, for: raw, in: &bytes, token: added.content, key: key, file: file)
                ids[added.content] = id
            } else {
                bytes[Int(id)] = raw
            }
        }
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
