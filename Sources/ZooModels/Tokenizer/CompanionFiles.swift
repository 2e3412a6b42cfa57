import Foundation
import ZooBase

/// What the files beside `tokenizer.json` say: which tokens are marks, and which tokens there are besides.
///
/// Read as `transformers` reads them: where `tokenizer_config.json` has `added_tokens_decoder`, that is the whole truth; otherwise
/// `special_tokens_map.json` overrules it and `added_tokens.json` adds to it. Only where there is no `tokenizer_config.json`
/// do the ids of `config.json` name the begin, end and padding token.
struct CompanionFiles {
    /// The files, by name, as they were read.
    let contents: [String: Data]
    /// The special tokens by their keys: `bos_token`, `eos_token`, ...
    private(set) var named: [String: String] = [:]
    /// Tokens that take the place of those with the same content in `tokenizer.json`, or are added to them.
    private(set) var redefined: [AddedToken] = []
    /// Tokens that are added where `tokenizer.json` has none with the same content; the id is -1 where no file gives one.
    private(set) var added: [AddedToken] = []
    /// Whether `tokenizer_config.json` asks for the begin token before a text; nil if it does not say.
    private(set) var addsBegin: Bool?
    /// `bos_token_id`, `eos_token_id` and `pad_token_id` of `config.json`, where they are to be used.
    private(set) var ids: [String: Int32] = [:]

    /// The keys of special tokens, in the order of `transformers`.
    private static let keys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
    static let config = "tokenizer_config.json"
    static let map = "special_tokens_map.json"
    private static let addedTokens = "added_tokens.json"

    init(in folder: URL) throws {
        var contents: [String: Data] = [:]
        for name in [Self.config, Self.map, Self.addedTokens] {
            let file = folder.appendingPathComponent(name)
            if FileManager.default.fileExists(atPath: file.path) { contents[name] = try Tokenizer.read(file) }
        }
        try self.init(contents, in: folder)
    }

    /// - Parameter folder: for errors, and for `config.json`.
    init(_ contents: [String: Data], in folder: URL) throws {
        self.contents = contents
        func json(_ name: String) throws -> JSONPlace? {
            try contents[name].map { try JSONPlace.read($0, file: folder.appendingPathComponent(name).path) }
        }
        let config = try json(Self.config)
        let decoder = try config?.member("added_tokens_decoder")
        var (marks, extras) = (try Self.marks(config), try Self.extras(config))
        if decoder == nil {
            let map = try json(Self.map)
            marks.merge(try Self.marks(map)) { $1 }
            for token in try Self.extras(map) where !extras.contains(where: { $0.content == token.content }) {
                extras.append(token)
            }
        }
        named = marks.mapValues(\.content)
        addsBegin = try config?.member("add_bos_token")?.bool()
        let special = Set(named.values).union(extras.map(\.content))
        if let decoder {
            redefined = try decoder.members().map { member in
                let place = JSONPlace(member.value, path: "\(decoder.path).\(member.key)", file: decoder.file)
                guard let id = Int32(member.key), id >= 0 else { throw place.error(": expected a token's id as the key") }
                var token = try AddedToken(mark: place, isSpecial: false)
                token.special = token.special || special.contains(token.content)
                token.id = id
                return token
            }
            redefined.sort { $0.id < $1.id }
        } else if let more = try json(Self.addedTokens) {
            added = try more.members().map { member in
                let place = JSONPlace(member.value, path: member.key, file: more.file)
                let isSpecial = special.contains(member.key)
                return AddedToken(
                    id: try tokenId(place, of: member.key, below: 1 << 24), content: member.key, normalized: !isSpecial,
                    special: isSpecial)
            }
            added.sort { $0.id < $1.id }
        }
        added += Self.keys.compactMap { marks[$0] } + extras
        if config == nil, named["bos_token"] == nil, named["eos_token"] == nil { ids = try Self.ids(in: folder) }
    }

    private static func marks(_ json: JSONPlace?) throws -> [String: AddedToken] {
        var result: [String: AddedToken] = [:]
        for key in keys { result[key] = try json?.member(key).map { try AddedToken(mark: $0) } }
        return result
    }

    /// `additional_special_tokens`, which newer files call `extra_special_tokens`: a list, or a mapping with names.
    private static func extras(_ json: JSONPlace?) throws -> [AddedToken] {
        var result: [AddedToken] = []
        for key in ["additional_special_tokens", "extra_special_tokens"] {
            guard let place = try json?.member(key) else { continue }
            let places =
                place.value.object == nil
                ? try place.elements()
                : try place.members().map { JSONPlace($0.value, path: "\(place.path).\($0.key)", file: place.file) }
            for token in try places.map({ try AddedToken(mark: $0) })
            where !result.contains(where: { $0.content == token.content }) {
                result.append(token)
            }
        }
        return result
    }

    private static func ids(in folder: URL) throws -> [String: Int32] {
        let file = folder.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: file.path) else { return [:] }
        let keys = try ConfigKeys.read(file: file).keys
        var result: [String: Int32] = [:]
        for key in ["bos_token", "eos_token", "pad_token"] {
            result[key] = try? keys.tokens("\(key)_id").first  // the model's own reader reports what is wrong there
        }
        return result
    }
}

extension AddedToken {
    /// A token's text, or an object with its text and how it is found.
    fileprivate init(mark json: JSONPlace, isSpecial: Bool = true) throws {
        guard case .object = json.value else {
            self.init(id: -1, content: try json.string(), special: true)
            return
        }
        func flag(_ key: String, _ fallback: Bool = false) throws -> Bool { try json.member(key)?.bool() ?? fallback }
        let content = try json.required("content").string()
        let special = try isSpecial || flag("special")
        self.init(
            id: -1, content: content, singleWord: try flag("single_word"), stripsLeft: try flag("lstrip"),
            stripsRight: try flag("rstrip"), normalized: try flag("normalized", !special), special: special)
    }
}

extension TokenizerFile {
    /// The token of an id, as the file spells it.
    func token(of id: Int32) -> String? {
        addedTokens.first { $0.id == id }?.content ?? model.vocabulary.first { $0.id == id }?.token
    }

    /// Adds tokens as `tokenizers` does: those of the model keep their ids, others get the next ones, whatever theirs are.
    mutating func add(_ companions: CompanionFiles) {
        let tokens = companions.redefined + companions.added
        guard !tokens.isEmpty else { return }
        var places = Dictionary(addedTokens.enumerated().map { ($1.content, $0) }) { first, _ in first }
        let wanted = Set(tokens.map(\.content))
        let known = Dictionary(model.vocabulary.lazy.filter { wanted.contains($0.token) }.map { ($0.token, $0.id) }) { first, _ in
            first
        }
        let ids = Set(addedTokens.map(\.id))
        var next = max(Int32(model.vocabulary.count), (addedTokens.map(\.id).max() ?? -1) + 1)
        for (index, token) in tokens.enumerated() where !token.content.isEmpty {
            var token = token
            if let place = places[token.content] {
                guard index < companions.redefined.count else { continue }
                token.id = addedTokens[place].id
                token.special = token.special || addedTokens[place].special
                addedTokens[place] = token
                continue
            }
            // An id of added_tokens.json that tokenizer.json gives to another token is that one's.
            guard index < companions.redefined.count || !ids.contains(token.id) else { continue }
            token.id = known[token.content] ?? next
            next = max(next, token.id + 1)
            places[token.content] = addedTokens.count
            addedTokens.append(token)
        }
    }
}
