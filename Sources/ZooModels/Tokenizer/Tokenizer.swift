import Foundation
import ZooBase

/// Byte-pair encoding, byte-level or of characters with byte fallback, as Hugging Face `tokenizers` computes it from the same
/// `tokenizer.json`.
///
/// ```swift
/// let tokenizer = try Tokenizer(contentsOf: modelFolder)
/// let ids = tokenizer.encode("A quiet, moving film")
/// tokenizer.decode(ids)  // "A quiet, moving film"
/// ```
/// What is in the file and not supported is refused by name when it is loaded. Safe from any thread.
public final class Tokenizer: Sendable {
    /// The tokens that a language model treats as marks, by the names of `tokenizer_config.json`.
    public struct SpecialTokens: Sendable, Equatable {
        /// The begin token; nil if the model has none.
        public var bos: String?
        /// Ends a text.
        public var eos: String?
        /// Fills a batch.
        public var pad: String?

        public init(bos: String? = nil, eos: String? = nil, pad: String? = nil) {
            self.bos = bos
            self.eos = eos
            self.pad = pad
        }

        /// `<bos>`, `<eos>` and `<pad>`.
        public static let standard = SpecialTokens(bos: "<bos>", eos: "<eos>", pad: "<pad>")

        var all: [String] {
            [bos, eos, pad].compactMap { $0 }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
    }

    /// The number of rows that an embedding needs: the largest id plus one.
    public let vocabularySize: Int
    /// The marks that ``CompanionFiles`` name.
    public let specialTokens: SpecialTokens
    /// All special tokens by the keys of `tokenizer_config.json`: `bos_token`, `unk_token`, ...
    public let namedTokens: [String: String]
    /// The id that begins a text, where there is one.
    public let bosToken: Int32?
    /// The begin token where it is put in front of every text, as `transformers` does it: `add_bos_token` of `tokenizer_config.json`
    /// decides, else whether the file's post-processor has it; if neither exists, it is added. nil: nothing is added.
    public let prefixToken: Int32?
    /// The id that ends a text, where there is one.
    public let eosToken: Int32?
    /// The id that fills a batch, where there is one.
    public let padToken: Int32?

    /// `tokenizer.json` as it was read or created, to be written back unchanged.
    let fileData: Data
    /// Whether the marks are those of `config.json`.
    let takesMarksFromModel: Bool
    /// The other files, by name, as they were read.
    let companions: [String: Data]

    private let ids: ByteStringTable
    let specialIds: Set<Int32>
    /// By id.
    let addedTokens: [Int32: AddedToken]
    let merges: BytePairMerges
    let cutsAtMarks: Bool
    let normalizer: Normalizer
    let preTokenizer: PreTokenizer
    let decoder: TextDecoder
    let addedBeforeNormalizing: AddedTokenFinder
    let addedAfterNormalizing: AddedTokenFinder
    let template: (prefix: [Int32], suffix: [Int32])
    let caches = WordCaches()

    /// Reads `tokenizer.json`, and the marks from the files beside it.
    ///
    /// - Parameter url: the file, or the folder that holds it.
    /// - Throws: ``TokenizerError``, naming the file and the key, or ``FileError``.
    public convenience init(contentsOf url: URL) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
        let file = isFolder.boolValue ? url.appendingPathComponent("tokenizer.json") : url
        guard exists, FileManager.default.fileExists(atPath: file.path) else {
            throw FileError(.noInput, file.path, "no such file; a model folder has a tokenizer.json")
        }
        try self.init(
            data: Self.read(file), file: file.path, companions: CompanionFiles(in: file.deletingLastPathComponent()))
    }

    init(data: Data, file: String, companions: CompanionFiles) throws {
        var contents = try TokenizerFile(data: data, file: file)
        contents.add(companions)
        let vocabulary = try Vocabulary(contents)
        ids = vocabulary.ids
        vocabularySize = vocabulary.bytes.count
        merges = vocabulary.merges
        cutsAtMarks = vocabulary.cutsAtMarks
        normalizer = contents.normalizer
        preTokenizer = contents.preTokenizer
        template = contents.template
        decoder = TextDecoder(contents.decoder, tokens: vocabulary.bytes)
        for id in template.prefix + template.suffix where Int(id) >= vocabularySize {
            throw TokenizerError(file: file, reason: "post_processor: no token has the id \(id)")
        }

        let added = contents.addedTokens
        specialIds = Set(added.filter(\.special).map(\.id))
        addedTokens = Dictionary(added.map { ($0.id, $0) }) { $1 }
        addedBeforeNormalizing = AddedTokenFinder(added.filter { !$0.normalized }.map { (Array($0.content.utf8), $0) })
        let normalizer = contents.normalizer
        addedAfterNormalizing = AddedTokenFinder(
            added.filter(\.normalized).map { token in
                let raw = Array(token.content.utf8)
                return (raw.withUnsafeBufferPointer { normalizer.normalize($0)?.bytes } ?? raw, token)
            })

        func mark(_ key: String) throws -> (text: String, id: Int32)? {
            if let text = companions.named[key], let id = vocabulary.ids[text] { return (text, id) }
            guard let id = companions.ids[key] else { return nil }
            guard let text = contents.token(of: id) else {
                // A batch is filled without it.
                if key == "pad_token" { return nil }
                throw TokenizerError(file: file, reason: "\(key)_id of config.json is \(id), which no token here has")
            }
            return (text, id)
        }
        let (bos, eos, pad) = (try mark("bos_token"), try mark("eos_token"), try mark("pad_token"))
        specialTokens = SpecialTokens(bos: bos?.text, eos: eos?.text, pad: pad?.text)
        let marks = ["bos_token": bos?.text, "eos_token": eos?.text, "pad_token": pad?.text].compactMapValues(\.self)
        namedTokens = companions.named.merging(marks) { $1 }
        takesMarksFromModel = !companions.ids.isEmpty
        (bosToken, eosToken, padToken) = (bos?.id, eos?.id, pad?.id)
        let begin = bosToken
        let prefixes =
            companions.addsBegin ?? (!contents.hasTemplate || template.prefix.contains { $0 == begin })
        prefixToken = prefixes ? begin : nil
        fileData = data
        self.companions = companions.contents
    }

    /// The id of `token`, as the file spells it (`"Ġthe"`, `"<eos>"`).
    public func id(of token: String) -> Int32? { ids[token] }

    /// A token, as its file spells it, that `other` does not know by the same id; nil if `other` reads every id of this tokenizer
    /// as the same token. It may have more tokens, and other rules of cutting a text into them.
    public func firstToken(unknownTo other: Tokenizer) -> (token: String, id: Int32)? {
        ids.firstDifference(from: other.ids).map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
    }

    /// The text of `ids`; bytes that are not valid UTF-8 become U+FFFD, and ids that no token has are left out.
    ///
    /// Added tokens of a byte-level vocabulary come back as they are spelled, where Hugging Face turns letters such as `é` in
    /// them into broken bytes.
    /// - Parameter skipSpecialTokens: leaves out tokens that the file marks as special.
    public func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool = true) -> String {
        decoder.decode(ids) { skipSpecialTokens && specialIds.contains($0) }
    }

    /// What `ids` add to the text of `context`, whose last bytes may belong to a character that `ids` complete.
    ///
    /// SentencePiece's decoders take the space off a text's first token, so tokens decoded apart would lose the space between them
    /// and what stands before.
    public func decode(
        _ ids: some Collection<Int32>, after context: some Collection<Int32>, skipSpecialTokens: Bool = true
    ) -> String {
        let before = decode(context, skipSpecialTokens: skipSpecialTokens)
        let whole = decode(Array(context) + Array(ids), skipSpecialTokens: skipSpecialTokens)
        let shared = zip(before.unicodeScalars, whole.unicodeScalars).prefix { $0 == $1 }.count
        return String(String.UnicodeScalarView(whole.unicodeScalars.dropFirst(shared)))
    }
}
