import Foundation
import ZooBase
import ZooData
import ZooModels
import ZooServices

/// What a model's folder is, what of it will be used, and what is passed over: its small files and the headers of its weights are read as
/// loading reads them, and no weight is.
public struct ModelCheck: Sendable {
    public struct Line: Sendable {
        public let what: String
        public let found: String
    }

    public private(set) var lines: [Line] = []
    /// Why a part of the folder is not read, where one is not: the error that loading it would end with.
    public private(set) var refusals: [String] = []

    /// - Parameter url: the folder of a language model, of a table, of an image pipeline or of an adapter.
    public init(_ url: URL) {
        guard let folder = read("folder", { try ModelFolder(url) }, Self.words) else { return }
        note("weights", Self.words(folder.weights))
        let base = folder.base ?? url
        if let place = folder.base { note("base", "\(place.path), which the adapter calls '\(folder.baseName ?? place.path)'") }
        guard folder.kind == .languageModel || folder.kind == .languageAdapter else { return }
        guard let model = folder.base == nil ? folder : read("base's kind", { try ModelFolder(base) }, Self.words),
            let config = model.config
        else { return }
        note("network", Self.words(config))
        let codec = read("tokenizer", { try TokenizerCodec(ofModel: url) }, { Self.words($0, config) })
        if let codec { texts(codec, model) }
        _ = read("passed over", { try ModelNotes.read(base) }, { $0.isEmpty ? "nothing" : $0.joined(separator: "; ") })
    }

    private mutating func note(_ what: String, _ found: String) { lines.append(Line(what: what, found: found)) }

    private mutating func read<Value>(_ what: String, _ body: () throws -> Value, _ words: (Value) -> String) -> Value? {
        do {
            let value = try body()
            note(what, words(value))
            return value
        } catch {
            note(what, "refused, see below")
            refusals.append(plainWords(error))
            return nil
        }
    }

    /// What stands around a text, what ends a sample, and how conversations become text.
    private mutating func texts(_ codec: TokenizerCodec, _ model: ModelFolder) {
        let spelled = { (id: Int32) in "\(codec.spelled([id], after: [])) (\(id))" }
        note(
            "a text",
            "begins with \(codec.begin.map(spelled) ?? "nothing of the tokenizer's") and ends with "
                + (codec.end.map(spelled) ?? "its own last token: the tokenizer names no end token"))
        let ends = model.endTokens + codec.ends.filter { !model.endTokens.contains($0) }
        note("a sample", ends.isEmpty ? "ends at its longest only" : "ends at \(ends.map(spelled).joined(separator: ", "))")
        do {
            let template = try codec.chatTemplate()
            note(
                "conversations",
                template.map { "\($0.name)\($0.hasToolUse ? ", and 'tool_use' for rows with tools" : "")" }
                    ?? "no chat template: name one in 'data: {chat_template: FILE.jinja}'")
        } catch {
            note("conversations", "refused, see below")
            refusals.append(plainWords(error))
        }
    }

    private static func words(_ folder: ModelFolder) -> String {
        let head: String? =
            switch folder.head {
            case .value: "with the head of a critic"
            case .score: "with the head of a reward model"
            default: nil
            }
        let details = [folder.type, folder.architecture, head, folder.adapter.map { "rank \($0.r)" }].compactMap(\.self)
        return ([folder.kind.rawValue] + details).joined(separator: ", ")
    }

    private static func words(_ weights: [ModelFolder.Weights]) -> String {
        let types = Set(weights.flatMap { $0.counts.map(\.type) }).sorted().joined(separator: " and ")
        let count = weights.reduce(0) { $0 + $1.count }
        let size = Double(weights.reduce(0) { $0 + $1.bytes }) / 0x1p20
        let files = "\(weights.first?.name ?? "none")\(weights.count > 1 ? " and \(weights.count - 1) more" : "")"
        let numbers = count < 1_000_000 ? "\(count)" : String(format: "%.1f million", Double(count) / 1e6)
        return "\(files): \(numbers) numbers in \(types), \(String(format: "%.1f", size)) MiB"
    }

    private static func words(_ config: CausalLMConfig) -> String {
        let keys = config.kvHeads == config.heads ? "" : " (\(config.kvHeads) of keys)"
        return "\(config.layers) layers of \(config.hiddenSize), \(config.heads) heads\(keys), \(config.vocabularySize) tokens, "
            + "up to \(config.maxPositions) steps; computed in float32"
    }

    private static func words(_ codec: TokenizerCodec, _ config: CausalLMConfig) -> String {
        let count = codec.vocabularySize
        let beyond = "; ids from \(config.vocabularySize) on have no row in the embedding, and a text with one is refused"
        return "\(count) tokens\(count > config.vocabularySize ? beyond : "")"
    }
}
