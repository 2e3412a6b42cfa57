import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// The first rows of a stage's datasets as the algorithm will see them.
public struct DataInspection: Sendable {
    /// Neighbouring tokens that are all actions, or all context.
    public struct Piece: Sendable {
        public var text: String
        public var tokens: Int
        public var isAction: Bool
    }

    public struct Sequence: Sendable {
        /// `chosen` or `rejected` of a pair, otherwise empty.
        public var title: String
        public var pieces: [Piece]
        /// Tokens that the recipe's limits cut off.
        public var cut: (front: Int, end: Int)

        public var tokens: Int { pieces.reduce(0) { $0 + $1.tokens } }
        public var actions: Int { pieces.reduce(0) { $0 + ($1.isAction ? $1.tokens : 0) } }
    }

    public struct Row: Sendable {
        /// The row's place in the dataset, from 0.
        public var id: Int
        public var sequences: [Sequence]
        /// `label`, `rating` and the columns that rewards read, as JSON.
        public var extras: [String: String]
    }

    public struct Kind: Sendable {
        /// `prompts`, `pairs` or `examples`.
        public var name: String
        /// The dataset's shape, such as `prompt+completion`.
        public var shape: String
        public var count: Int
        /// The sources of a mixture, columns that are not read.
        public var remarks: [String]
        public var rows: [Row]
    }

    public let stage: String
    public let kinds: [Kind]

    /// Reads the datasets and turns the first `count` rows of each into tokens.
    ///
    /// - Parameter stage: the last one unless given.
    /// - Parameter kind: all unless given.
    public init(_ recipe: Recipe, stage name: String?, kind: DataKind?, count: Int) throws {
        guard let stage = name.map({ name in recipe.stages.first { $0.name == name } }) ?? recipe.stages.last else {
            let known = recipe.stages.map(\.name).joined(separator: ", ")
            throw ZooError(.invalidArgument, "\(recipe.file.path) has no stage '\(name ?? "")'; it has: \(known)")
        }
        guard !recipe.makesImages else {
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): its policies make images, without tokens to show; a run's samples.png shows its prompts")
        }
        let files = TaskFiles(recipe: recipe)
        let codec = try recipe.codec(of: stage)
        let rows = TokenizedRows(codec: codec, maxPromptLength: stage.data.maxPromptLength, maxLength: stage.data.maxLength)

        var kinds: [Kind] = []
        for wanted in DataKind.allCases where kind == nil || kind == wanted {
            guard let source = stage.data[wanted] else { continue }
            if case .build = source {
                guard kind == nil else {
                    throw ZooError(
                        .invalidArgument,
                        "the pairs of stage '\(stage.name)' are built from its policy's samples, so there is no file to show")
                }
                continue
            }
            let dataset = try files.dataset(source, for: wanted)
            // Of a mixture, the first of each source.
            let sources = dataset.sources.isEmpty ? [dataset.rows.indices] : dataset.sources.map(\.rows)
            let shown = try sources.flatMap { dataset.rows[$0].prefix(count) }.map { try Self.row($0, wanted, rows) }
            let shapes =
                dataset.sources.isEmpty ? [dataset.shape] : Set(dataset.sources.map(\.shape)).sorted { $0.rawValue < $1.rawValue }
            kinds.append(
                Kind(
                    name: wanted.rawValue, shape: shapes.map(\.rawValue).joined(separator: ", "), count: dataset.rows.count,
                    remarks: dataset.remarks, rows: shown))
        }
        guard !kinds.isEmpty else {
            let what = kind.map { "'data.\($0.rawValue)'" } ?? "datasets"
            throw ZooError(.invalidArgument, "\(recipe.file.path): stage '\(stage.name)' has no \(what)")
        }
        self.stage = stage.name
        self.kinds = kinds
    }

    private static func row(_ row: ZooData.Row, _ kind: DataKind, _ rows: TokenizedRows) throws -> Row {
        let found: [(String, TokenizedSequence)]
        switch kind {
        case .prompts: found = [("", try rows.prompt(row))]
        case .pairs: found = [("chosen", try rows.chosen(row)), ("rejected", try rows.rejected(row))]
        case .examples: found = [("", try rows.example(row))]
        }
        return Row(
            id: row.id,
            sequences: found.map { Sequence(title: $0, pieces: pieces($1, rows.codec), cut: $1.cut) },
            extras: try row.extras.mapValues { try $0.text() })
    }

    private static func pieces(_ sequence: TokenizedSequence, _ codec: any TextCodec) -> [Piece] {
        var pieces: [Piece] = []
        var start = 0
        for end in sequence.mask.indices.map({ $0 + 1 })
        where end == sequence.mask.count || sequence.mask[end] != sequence.mask[start] {
            pieces.append(
                Piece(
                    text: codec.spelled(Array(sequence.tokens[start..<end]), after: Array(sequence.tokens[..<start])),
                    tokens: end - start, isAction: sequence.mask[start]))
            start = end
        }
        return pieces
    }
}

extension DataSources {
    subscript(kind: DataKind) -> DataSource? {
        switch kind {
        case .prompts: prompts
        case .pairs: pairs
        case .examples: examples
        }
    }
}
