import Foundation

/// Byte-level byte-pair encoding, as Hugging Face `tokenizers` computes it from the same `tokenizer.json`.
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
        /// Begins a text; nil where the model has no such token.
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
    /// The marks that `tokenizer_config.json` or `special_tokens_map.json` name.
    public let specialTokens: SpecialTokens
    /// The id that begins a text, where there is one.
    public let bosToken: Int32?
    /// The id that ends a text, where there is one.
    public let eosToken: Int32?
    /// The id that fills a batch, where there is one.
    public let padToken: Int32?

    /// `tokenizer.json` as it was read or made, so that it is written back unchanged.
    let fileData: Data
    /// The files beside it, by name, as they were read.
    let companions: [String: Data]

    private let ids: [String: Int32]
    /// The bytes of each id; nil for ids that no token has.
    private let bytes: [[UInt8]?]
    private let specialIds: Set<Int32>
    private let merges: BytePairMerges
    private let preTokenizer: PreTokenizer
    private let normalizesToNFC: Bool
    private let addedBeforeNormalizing: AddedTokenFinder
    private let addedAfterNormalizing: AddedTokenFinder
    private let template: (prefix: [Int32], suffix: [Int32])
    private let cache = WordCache()

    /// Reads `tokenizer.json`, and the marks from the files beside it.
    ///
    /// - Parameter url: the file, or the folder that holds it.
    /// - Throws: ``TokenizerError``, naming the file and the key.
    public convenience init(contentsOf url: URL) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
        let file = isFolder.boolValue ? url.appendingPathComponent("tokenizer.json") : url
        guard exists, FileManager.default.fileExists(atPath: file.path) else {
            throw TokenizerError(file: file.path, reason: "there is no such file; a model folder holds a tokenizer.json")
        }
        let folder = file.deletingLastPathComponent()
        var companions: [String: Data] = [:]
        for name in [Self.configName, Self.mapName] {
            let companion = folder.appendingPathComponent(name)
            if FileManager.default.fileExists(atPath: companion.path) {
                companions[name] = try Self.read(companion)
            }
        }
        let marks = try SpecialTokens(companions: companions, folder: folder)
        try self.init(data: Self.read(file), file: file.path, specialTokens: marks, companions: companions)
    }

    init(data: Data, file: String, specialTokens: SpecialTokens, companions: [String: Data]) throws {
        let contents = try TokenizerFile(data: data, file: file)
        try contents.checkModelAndDecoder(file: file)
        normalizesToNFC = try contents.normalizesToNFC(file: file)
        preTokenizer = try contents.preTokenizer(file: file)
        template = try contents.template(file: file)

        let vocabulary = try Vocabulary(contents, file: file)
        ids = vocabulary.ids
        bytes = vocabulary.bytes
        vocabularySize = vocabulary.bytes.count
        merges = vocabulary.merges
        for id in template.prefix + template.suffix where Int(id) >= vocabularySize {
            throw TokenizerError(file: file, reason: "post_processor: no token has the id \(id)")
        }

        let added = contents.addedTokens ?? []
        specialIds = Set(added.filter(\.special).map { Int32($0.id.number) })
        addedBeforeNormalizing = AddedTokenFinder(added.filter { !$0.normalized }.map { (Array($0.content.utf8), $0) })
        let toNFC = normalizesToNFC
        addedAfterNormalizing = AddedTokenFinder(
            added.filter(\.normalized).map { (Self.normalize(Array($0.content.utf8)[...], toNFC: toNFC).map { $0 }, $0) })

        self.specialTokens = specialTokens
        func id(of mark: String?, key: String) throws -> Int32? {
            guard let mark else { return nil }
            guard let id = vocabulary.ids[mark] else {
                throw TokenizerError(file: file, reason: "\(key) is '\(mark)' in \(Self.configName), which is no token here")
            }
            return id
        }
        bosToken = try id(of: specialTokens.bos, key: "bos_token")
        eosToken = try id(of: specialTokens.eos, key: "eos_token")
        padToken = try id(of: specialTokens.pad, key: "pad_token")
        fileData = data
        self.companions = companions
    }

    /// The id of `token`, as the file spells it (`"Ġthe"`, `"<eos>"`).
    public func id(of token: String) -> Int32? { ids[token] }

    /// The ids of `text`.
    ///
    /// Text that spells an added token, such as `<eos>`, gets that token's id.
    /// - Parameter addSpecialTokens: puts the marks of the file's post-processor around the text, as Hugging Face does
    ///   unless it is told not to.
    public func encode(_ text: String, addSpecialTokens: Bool = false) -> [Int32] {
        var result = addSpecialTokens ? template.prefix : []
        for piece in addedBeforeNormalizing.split(Array(text.utf8)[...]) {
            switch piece {
            case .token(let id): result.append(id)
            case .text(let text): encode(normalized: Self.normalize(text, toNFC: normalizesToNFC), into: &result)
            }
        }
        if addSpecialTokens { result += template.suffix }
        return result
    }

    private func encode(normalized text: ArraySlice<UInt8>, into result: inout [Int32]) {
        for piece in addedAfterNormalizing.split(text) {
            switch piece {
            case .token(let id): result.append(id)
            case .text(let text):
                preTokenizer.forEachWord(in: text) { result += cache.ids(of: $0, encode: merges.encode) }
            }
        }
    }

    /// The ids of `text`, each with the bytes of the text's UTF-8 that it stands for.
    ///
    /// The marks that `addSpecialTokens` puts around the text have empty ranges at its ends. Where the normalizer changed a
    /// stretch of text, its tokens have the whole stretch as their range. The ids are those of ``encode(_:addSpecialTokens:)``.
    public func encodeWithOffsets(
        _ text: String, addSpecialTokens: Bool = false
    ) -> (ids: [Int32], ranges: [Range<Int>]) {
        let source = Array(text.utf8)
        var tokens = addSpecialTokens ? template.prefix.map { (id: $0, range: 0..<0) } : []
        for piece in addedBeforeNormalizing.splitWithRanges(source[...]) {
            switch piece.piece {
            case .token(let id): tokens.append((id, piece.range))
            case .text(let text):
                let normalized = Self.normalize(text, toNFC: normalizesToNFC)
                let isChanged = !normalized.elementsEqual(text)
                for piece in addedAfterNormalizing.splitWithRanges(normalized) {
                    let start = piece.range.lowerBound
                    switch piece.piece {
                    case .token(let id): tokens.append((id, isChanged ? text.indices : piece.range))
                    case .text(let words):
                        // A word may begin with a space that is not in the text.
                        var end = start
                        preTokenizer.forEachWord(in: words) { word in
                            let hasNewSpace = word.first != normalized[end]
                            let shift = hasNewSpace ? end - 1 : end
                            for (id, range) in merges.encodeWithRanges(word) {
                                let own = max(start, range.lowerBound + shift)..<max(start, range.upperBound + shift)
                                tokens.append((id, isChanged ? text.indices : own))
                            }
                            end = shift + word.count
                        }
                    }
                }
            }
        }
        if addSpecialTokens { tokens += template.suffix.map { (id: $0, range: source.count..<source.count) } }
        return (tokens.map(\.id), tokens.map(\.range))
    }

    /// The text of `ids`; bytes that are not valid UTF-8 become U+FFFD, and ids that no token has are left out.
    ///
    /// Added tokens come back as they are spelled, where Hugging Face turns letters such as `é` in them into broken bytes.
    /// - Parameter skipSpecialTokens: leaves out tokens that the file marks as special.
    public func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool = true) -> String {
        var text: [UInt8] = []
        for id in ids where bytes.indices.contains(Int(id)) {
            if skipSpecialTokens, specialIds.contains(id) { continue }
            if let token = bytes[Int(id)] { text += token }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func normalize(_ text: ArraySlice<UInt8>, toNFC: Bool) -> ArraySlice<UInt8> {
        // ASCII is in every normal form.
        guard toNFC, text.contains(where: { $0 >= 0x80 }) else { return text }
        return Array(String(decoding: text, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)[...]
    }
}
