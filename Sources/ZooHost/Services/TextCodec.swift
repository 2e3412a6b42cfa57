import Foundation
import ZooData
import ZooModels

/// Text to tokens and back, for one model family.
protocol TextCodec: Sendable {
    func encode(_ text: String) throws -> [Int32]
    /// Special tokens are left out.
    func decode(_ tokens: [Int32]) -> String
    /// Put before every sequence, so that its first action has something before it.
    var begin: Int32? { get }
    /// Ends a sequence.
    var end: Int32? { get }
    /// Writes what reads the text back beside a model.
    func write(to folder: URL) throws
}

extension TextCodec {
    /// What ends a sample: the token that ends the training texts, and those of the model's own files.
    func endTokens(of network: any GenerativeNetwork) -> [Int32] {
        network.endTokens + (end.map { network.endTokens.contains($0) ? [] : [$0] } ?? [])
    }
}

/// The codec of a language model: its `tokenizer.json`.
struct TokenizerCodec: TextCodec {
    let tokenizer: Tokenizer
    /// Two codecs with the same identity read the same tokens: a hash of the tokenizer's file, or its own for one made here.
    let identity: String

    init(tokenizer: Tokenizer, identity: String) {
        self.tokenizer = tokenizer
        self.identity = identity
    }

    init(contentsOf file: URL) throws {
        self.init(tokenizer: try Tokenizer(contentsOf: file), identity: sha256(try Data(contentsOf: file)))
    }

    func encode(_ text: String) throws -> [Int32] { tokenizer.encode(text) }
    func decode(_ tokens: [Int32]) -> String { tokenizer.decode(tokens, skipSpecialTokens: true) }
    /// A model without a begin token begins with its end token, as GPT-2 does.
    var begin: Int32? { tokenizer.bosToken ?? tokenizer.eosToken }
    var end: Int32? { tokenizer.eosToken }
    func write(to folder: URL) throws { try tokenizer.write(to: folder) }
}

/// The codec of the tabular model: numbers with blanks between them are the tokens themselves.
struct NumberCodec: TextCodec {
    func encode(_ text: String) throws -> [Int32] {
        try text.split(separator: " ").map { word in
            guard let token = Int32(word), token >= 0 else {
                throw DataError(
                    "tabular data", "'\(word)' is not a token; expected whole numbers from 0 with blanks between them")
            }
            return token
        }
    }

    func decode(_ tokens: [Int32]) -> String { tokens.map { "\($0)" }.joined(separator: " ") }
    var begin: Int32? { nil }
    var end: Int32? { nil }
    func write(to folder: URL) throws {}
}
