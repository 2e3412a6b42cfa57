import Foundation
import ZooBase

/// What the files beside `tokenizer.json` say: which tokens are marks, and which tokens there are besides.
///
/// Read as `transformers` reads them: where `tokenizer_config.json` has `added_tokens_decoder`, it decides over the two others; without
/// one `special_tokens_map.json` overrules it and `added_tokens.json` adds to it. Where none names a begin or end token, `transformers`
/// takes those of the model's class; here the ids of `config.json` name them.
struct CompanionFiles {
    /// The files, by name, as they were read.
    let contents: [String: Data]
    /// The special tokens by their keys: `bos_token`, `eos_token`, ...
    private(set) var named: [String: String] = [:]
    /// Tokens that take the place of those with the same content in `tokenizer.json`, or are added to them.
    private(set) var redefined: [AddedToken] = []
    /// Tokens that are added where `tokenizer.json` has none with the same content; the id is -1 where no file gives one.
    private(set) var added: [AddedToken] = []
    /// Whether `tokenizer_config.json` has `added_tokens_decoder`.
    private(set) var hasDecoder = false
    /// Whether `tokenizer_config.json` asks for the begin token before a text; nil if it does not say.
    private(set) var addsBegin: Bool?
    /// `bos_token_id`, `eos_token_id` and `pad_token_id` of `config.json`, where they are to be used.
    private(set) var ids: [String: Int32] = [:]

    /// The keys of special tokens, in the order of `transformers`.
    private static let keys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
    static let config = "tokenizer_config.json"
    static let map = "special_tokens_map.json"
    private static let addedTokens = "added_tokens.json"
    private static let model = "config.json"

    init(in folder: URL) throws {
        var contents: [String: Data] = [:]
        for name in Self.names(in: folder) where name != Self.model {
            contents[name] = try Tokenizer.read(folder.appendingPathComponent(name))
        }
        try self.init(contents, in: folder)
    }

    /// The files in `folder` that decide: `config.json` among them, which names the marks where no other does.
    static func names(in folder: URL) -> [String] {
        [config, map, addedTokens, model].filter {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }
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
            for member in try map?.members() ?? [] where member.value.isNull { marks[member.key] = nil }
            for token in try Self.extras(map) where !extras.contains(where: { $0.content.utf8.elementsEqual(token.content.utf8) })
            {
                extras.append(token)
            }
        }
        named = try marks.mapValues(\.content).merging(Self.names(of: config)) { first, _ in first }
        hasDecoder = decoder != nil
        addsBegin = try config?.member("add_bos_token")?.bool()
        if let split = try config?.member("split_special_tokens"), try split.bool() {
            throw split.error(" is true, which is not supported")
        }
        // By their bytes: Swift takes strings for equal that are composed in other ways.
        let special = Set((named.values + extras.map(\.content)).map { Array($0.utf8) })
        if let decoder {
            redefined = try decoder.members().map { member in
                let place = JSONPlace(member.value, path: "\(decoder.path).\(member.key)", file: decoder.file)
                guard let id = Int32(member.key), id >= 0 else { throw place.error(": expected a token's id as the key") }
                var token = try AddedToken(mark: place, isSpecial: false)
                token.special = token.special || special.contains(Array(token.content.utf8))
                token.id = id
                return token
            }
            redefined.sort { $0.id < $1.id }
        } else if let more = try json(Self.addedTokens) {
            added = try more.members().map { member in
                let place = JSONPlace(member.value, path: member.key, file: more.file)
                let isSpecial = special.contains(Array(member.key.utf8))
                return AddedToken(
                    id: try tokenId(place, of: member.key, below: 1 << 24), content: member.key, normalized: !isSpecial,
                    special: isSpecial)
            }
            added.sort { $0.id < $1.id }
        }
        added += Self.keys.compactMap { marks[$0] } + extras
        if named["bos_token"] == nil, named["eos_token"] == nil, try Self.hasMarksOfItsClass(config) {
            ids = try Self.ids(in: folder)
        }
    }

    /// Whether the class that `tokenizer_config.json` names, or the model's where it names none, has marks of its own.
    private static func hasMarksOfItsClass(_ config: JSONPlace?) throws -> Bool {
        guard let name = try config?.member("tokenizer_class")?.string() else { return true }
        return !["PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"].contains(name)
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
            where !result.contains(where: { $0.content.utf8.elementsEqual(token.content.utf8) }) {
                result.append(token)
            }
        }
        return result
    }

    /// Special tokens that have names of their own, such as `image_token`.
    private static func names(of config: JSONPlace?) throws -> [String: String] {
        var result: [String: String] = [:]
        for member in try config?.member("extra_special_tokens")?.value.object?.members ?? [] {
            result[member.key] = member.value.string ?? member.value["content"]?.string
        }
        return result
    }

    private static func ids(in folder: URL) throws -> [String: Int32] {
        let file = folder.appendingPathComponent(model)
        guard FileManager.default.fileExists(atPath: file.path) else { return [:] }
        let keys = try ConfigKeys.read(file: file).keys
        var result: [String: Int32] = [:]
        for key in ["bos_token", "eos_token", "pad_token"] {
            result[key] = try keys.tokens("\(key)_id").first
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
        var places = Dictionary(addedTokens.enumerated().map { (Array($1.content.utf8), $0) }) { first, _ in first }
        let wanted = Set(tokens.map { Array($0.content.utf8) })
        let known = Dictionary(
            model.vocabulary.lazy.map { (Array($0.token.utf8), $0.id) }.filter { wanted.contains($0.0) }
        ) { first, _ in first }
        let ids = Set(addedTokens.map(\.id))
        var next = max(Int32(model.vocabulary.count), (addedTokens.map(\.id).max() ?? -1) + 1)
        for (index, token) in tokens.enumerated() where !token.content.isEmpty {
            var token = token
            let bytes = Array(token.content.utf8)
            if let place = places[bytes] {
                guard index < companions.redefined.count else {
                    if !companions.hasDecoder, token.special { addedTokens[place].special = true }
                    continue
                }
                token.id = addedTokens[place].id
                token.special = token.special || addedTokens[place].special
                addedTokens[place] = token
                continue
            }
            // An id of added_tokens.json that tokenizer.json gives to another token is that one's.
            guard index < companions.redefined.count || !ids.contains(token.id) else { continue }
            token.id = known[bytes] ?? next
            next = max(next, token.id + 1)
            places[bytes] = addedTokens.count
            addedTokens.append(token)
        }
    }
}
