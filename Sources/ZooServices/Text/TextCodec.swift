import Foundation
import ZooBase
import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Text to tokens and back, for one model family.
package protocol TextCodec: Reader {
    /// The tokens of a text that continues `context`; of a whole text if that is empty or the begin token.
    func encode(_ text: String, after context: [Int32]) throws -> [Int32]
    /// What the tokens add to the text of `context`; special tokens are left out.
    func decode(_ tokens: [Int32], after context: [Int32]) -> String
    /// Prepended to every text that does not start with it. nil: a text's own first token is context.
    var begin: Int32? { get }
    /// The start of an empty text if `begin` is nil; nil if there is no such token.
    var start: Int32? { get }
    /// Appended to every text that does not end with it.
    var end: Int32? { get }
    /// Like ``decode(_:after:)``, with special tokens spelled out.
    func spelled(_ tokens: [Int32], after context: [Int32]) -> String
    /// Any of them ends a sampled sequence.
    var ends: [Int32] { get }
    /// The model has rows for the ids below it; nil: for all of the tokenizer.
    var rows: Int? { get }
}

extension TextCodec {
    package var start: Int32? { begin }
    package var rows: Int? { nil }
    package func spelled(_ tokens: [Int32], after context: [Int32]) -> String { decode(tokens, after: context) }

    /// Why a model that uses `other` would misread tokens of this codec; nil if it reads them correctly.
    package func misreading(by other: any Reader) -> String? {
        switch (self, other) {
        case (is NumberCodec, is NumberCodec): return nil
        case (let own as TokenizerCodec, let other as TokenizerCodec):
            if own.identity == other.identity { return nil }
            return own.tokenizer.firstToken(unknownTo: other.tokenizer).map {
                "token \($0.id) is '\($0.token)' for the policy and different or absent there"
            }
        default: return Self.otherKind
        }
    }
    package var ends: [Int32] { end.map { [$0] } ?? [] }
}

extension GenerativeNetwork {
    /// The tokens that end a sample: those named by the model's own files and by its codec.
    package func endTokens(with own: [Int32]) -> [Int32] { endTokens + own.filter { !endTokens.contains($0) } }
}

/// The codec of a language model: its `tokenizer.json`.
package struct TokenizerCodec: TextCodec {
    let tokenizer: Tokenizer
    /// Identity of the tokenizer: a hash of its files, or that of its source if it was trained here.
    let identity: String
    /// Where the chat template is: the folder of the tokenizer (nil if trained here), and its replacement.
    private let folder: URL?
    package private(set) var rows: Int?
    private var chat = ChatSettings()

    init(tokenizer: Tokenizer, identity: String, folder: URL? = nil) {
        self.tokenizer = tokenizer
        self.identity = identity
        self.folder = folder
    }

    /// The codec of a language model's folder, or of an adapter's.
    package init(ofModel folder: URL) throws {
        try self.init(contentsOf: tokenizerFile(of: folder))
        rows = try ZooModels.vocabularySize(of: folder)
    }

    /// - Parameter url: a `tokenizer.json`, or its folder.
    package init(contentsOf url: URL) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? url.appending(path: "tokenizer.json") : url
        self.init(
            tokenizer: try Tokenizer(contentsOf: file), identity: try Self.hash(of: file),
            folder: file.deletingLastPathComponent())
    }

    /// A hash of a `tokenizer.json`, or the folder of one, and of what is read beside it.
    static func hash(of url: URL) throws -> String {
        let isFolder = try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
        let file = isFolder ? url.appending(path: "tokenizer.json") : url
        let folder = file.deletingLastPathComponent()
        var parts = ["tokenizer \(try FileHashes.hash(of: file))"]
        for name in Tokenizer.companions(in: folder) + ChatTemplate.files(in: folder) {
            parts.append("\(name) \(try FileHashes.hash(of: folder.appending(path: name)))")
        }
        return sha256(Data(parts.joined(separator: "\n").utf8))
    }

    /// This codec for a stage: with the stage's chat template, if it has one, and only its variables.
    package func with(_ chat: ChatSettings?) -> TokenizerCodec {
        var codec = self
        codec.chat = ChatSettings(template: chat?.template ?? self.chat.template, variables: chat?.variables ?? [:])
        return codec
    }

    /// The number of rows that an embedding needs for all ids.
    package var vocabularySize: Int { tokenizer.vocabularySize }

    /// Reads the chat template; nil if there is none.
    package func chatTemplate() throws -> ChatTemplate? { try chatTokens()?.template }

    func chatTokens() throws -> ChatTokens? {
        var values = tokenizer.namedTokens.mapValues(JSONValue.string)
        values.merge(chat.variables.mapValues(\.withWholeNumbers)) { $1 }
        let template =
            if let folder { try ChatTemplate.find(in: folder, override: chat.template, values: values) } else {
                try chat.template.map { try ChatTemplate(contentsOf: $0, values: values) }
            }
        return template.map { ChatTokens(tokenizer: tokenizer, template: $0) }
    }

    package func encode(_ text: String, after context: [Int32]) throws -> [Int32] { tokenizer.encode(text, after: context) }
    package func decode(_ tokens: [Int32], after context: [Int32]) -> String { tokenizer.decode(tokens, after: context) }
    package func spelled(_ tokens: [Int32], after context: [Int32]) -> String {
        tokenizer.decode(tokens, after: context, skipSpecialTokens: false)
    }
    package var begin: Int32? { tokenizer.prefixToken }
    package var start: Int32? { tokenizer.bosToken }
    package var end: Int32? { tokenizer.eosToken }
    /// Includes the end of a turn in the chat template, which need not be the tokenizer's end token (Gemma's is not).
    package var ends: [Int32] {
        // A template that cannot be read is reported where a conversation needs it.
        let turn = (try? chatTokens())?.endOfTurn
        return ([end, turn].compactMap(\.self) as [Int32]).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    package func write(to target: URL) throws {
        try tokenizer.write(to: target)
        if let template = chat.template {
            return try OutputFile.write(InputFile.data(template), to: target.appending(path: ChatTemplate.file))
        }
        guard let folder else { return }
        for name in ChatTemplate.files(in: folder) {
            let copy = target.appending(path: name)
            try OutputFile.createFolder(copy.deletingLastPathComponent())
            try OutputFile.write(InputFile.data(folder.appending(path: name)), to: copy)
        }
    }
}

/// The codec of the tabular model: numbers separated by spaces are the tokens themselves.
package struct NumberCodec: TextCodec {
    package init() {}

    package func encode(_ text: String, after context: [Int32]) throws -> [Int32] {
        try text.split(separator: " ").map { word in
            guard let token = Int32(word), token >= 0 else {
                throw DataError(
                    "tabular data", "'\(word)' is not a token; expected whole numbers from 0, separated by spaces")
            }
            return token
        }
    }

    package func decode(_ tokens: [Int32], after context: [Int32]) -> String { tokens.map { "\($0)" }.joined(separator: " ") }
    package var begin: Int32? { nil }
    package var end: Int32? { nil }
    package func write(to folder: URL) throws {}
}
