import Foundation
import ZooBase
import ZooData

/// Where rows come from.
public indirect enum DataSource: Sendable, Equatable {
    case file(URL)
    /// A file that the task makes.
    case task(String)
    /// Several, whose rows are one dataset, in this order.
    case joined([DataSource])
    /// Several, of which each row is drawn from one by weight.
    case mixture([WeightedSource])
    /// Preference pairs from the base policy's samples, ranked by the stage's reward.
    case build(PairBuilding)
}

/// A source of a mixture.
public struct WeightedSource: Sendable, Equatable {
    /// Name in logs; by default that of its file, or of the folder of a pattern.
    public var name: String
    /// Its share of the rows, as a ratio to the others'.
    public var weight: Double
    public var rows: DataSource
}

// MARK: - Keys

extension DataSource {
    /// The source in the recipe's words.
    package var node: RecipeNode { Self.codec.write(self) }

    /// Marks a file that the task makes.
    static let taskPrefix = "task:"

    /// Rows that are all read, such as those to measure on: a file, a pattern, or a list of them.
    static let unweighted = Codec<DataSource>(
        "a file of rows, a pattern such as data/*.parquet, task:FILE for one that the task generates, or a list of these",
        .either([.text("path, pattern or task:FILE"), .list(.text("path, pattern or task:FILE"), place: "N")])
    ) { field in
        guard case .list(let items) = field.node.content else { return try files(field) }
        guard !items.isEmpty else { throw field.error("expected at least one file, found an empty list") }
        if items.contains(where: { if case .map = $0.content { true } else { false } }) {
            throw field.error("weights are for what is trained on; here every row is read once: list the files alone")
        }
        return flattened(try fields(items, in: field).map { try files($0) })
    } write: {
        written($0)
    }

    /// Rows to train on: the same, or a mixture.
    static let codec = Codec<DataSource>(
        "\(unweighted.words), or a mixture: [{file: A, weight: 3}, {file: B, weight: 1}]",
        .either([unweighted.shape, .list(WeightedSource.schema.shape, place: "N")])
    ) { field in
        guard case .list(let items) = field.node.content,
            items.contains(where: { if case .map = $0.content { true } else { false } })
        else { return try unweighted.value(field) }
        if let other = items.first(where: { if case .map = $0.content { false } else { true } }) {
            throw RecipeError(
                other.place, path: field.path,
                "expected files alone, whose rows are one dataset, or {file: …, weight: …} for each, a mixture; found both")
        }
        let sources = try fields(items, in: field).map { try WeightedSource.schema.codec.value($0) }
        var seen: Set<String> = []
        if let twice = sources.first(where: { !seen.insert($0.name).inserted }) {
            throw field.error("two sources are called '\(twice.name)'; give one of them another 'name'")
        }
        return .mixture(sources)
    } write: {
        written($0)
    }

    /// The same, or pairs to build.
    static let pairs = Codec<DataSource>(
        "\(codec.words), or {build: {prompts: N, samples: N}}", .either([codec.shape, building.shape])
    ) { field in
        guard case .map = field.node.content else { return try codec.value(field) }
        return .build(try building.codec.value(field))
    } write: {
        codec.write($0)
    }

    private static let building = Schema("{build: {prompts: N, samples: N}}", blank: PairBuilding()) {
        Key("build", \.self, PairBuilding.schema.codec, isRequired: true, "Build them.")
    }

    private static func fields(_ items: [RecipeNode], in field: Field) -> [Field] {
        items.enumerated().map { Field(node: $1, path: "\(field.path)[\($0)]", reading: field.reading) }
    }

    /// What a path, a pattern or a `task:FILE` names.
    private static func files(_ field: Field) throws -> DataSource {
        guard let text = field.node.json.string, !text.isEmpty else {
            throw field.error("expected \(unweighted.words), found \(field.node.found)")
        }
        if text.hasPrefix(taskPrefix) {
            let name = String(text.dropFirst(taskPrefix.count))
            guard !name.isEmpty, !name.contains("/") else { throw field.error("expected task:FILE, found '\(text)'") }
            return .task(name)
        }
        let url = Codec<URL>.url(text, of: field)
        if field.reading.checksFiles, FilePattern.isPattern(text), !FileManager.default.fileExists(atPath: url.path) {
            let found = try FilePattern.matches(url.path) { field.error($0) }
            return flattened(found.map(DataSource.file))
        }
        let file = try Codec<URL>.existing(field, "a file of rows")
        var isFolder: ObjCBool = false
        if field.reading.checksFiles, FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder),
            isFolder.boolValue
        {
            throw field.error("expected a file of rows, found a folder at \(file.path); name its files, such as \(text)/*.jsonl")
        }
        return .file(file)
    }

    private static func flattened(_ sources: [DataSource]) -> DataSource {
        let flat = sources.flatMap { source in if case .joined(let parts) = source { parts } else { [source] } }
        return flat.count == 1 ? flat[0] : .joined(flat)
    }

    private static func written(_ source: DataSource) -> RecipeNode {
        switch source {
        case .file(let url): .text(url.path)
        case .task(let name): .text(taskPrefix + name)
        case .joined(let sources): .list(sources.map(written))
        case .mixture(let sources): .list(sources.map { WeightedSource.schema.node($0) })
        case .build(let building): .map([("build", PairBuilding.schema.node(building))])
        }
    }
}

extension WeightedSource {
    /// The smallest share that a draw can still hit many times over, and its inverse.
    private static let weights = (least: 1e-6, most: 1e6)

    static let schema = Schema(
        "{file: FILE, weight: NUMBER}, and a name if wanted", blank: WeightedSource(name: "", weight: 0, rows: .task(""))
    ) {
        Key("name", \.name, .name, standard: "the file's", "Its name in logs: `source/NAME/…`.")
        Key("file", \.rows, DataSource.unweighted, isRequired: true, "A file, a pattern, `task:FILE`, or a list of these.")
        Key(
            "weight", \.weight, .positive(from: weights.least, to: weights.most), isRequired: true,
            "How often a row is drawn from it, as a ratio to the others' weights, whatever its number of rows.")
    } check: { source, section in
        guard source.name.isEmpty else { return }
        let name = section.field("file").map { WeightedSource.name(of: $0.node) } ?? ""
        // A key's own check refuses it as a name.
        guard name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_.@-]*/) != nil else {
            throw section.field.error("the file's name, '\(name)', cannot stand in logs; give the source a 'name'")
        }
        source.name = name
    }

    /// The last part of the first path that is no pattern, without its ending: `code` of `data/code/*.jsonl`.
    private static func name(of file: RecipeNode) -> String {
        if case .list(let items) = file.content { return items.first.map(name) ?? "" }
        let path = (file.json.string ?? "").split(separator: ":").last.map(String.init) ?? ""
        let part = path.split(separator: "/").last { !FilePattern.isPattern(String($0)) }
        return ((part.map(String.init) ?? "") as NSString).deletingPathExtension
    }
}
