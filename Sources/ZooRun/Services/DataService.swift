import Foundation
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The data service: rows of the recipe's datasets as batches of tokens, in a seeded order whose position is checkpointed.
final class DataService {
    /// The datasets of a stage, loaded.
    struct Datasets {
        var prompts: Dataset?
        var pairs: Dataset?
        var examples: Dataset?

        subscript(kind: DataKind) -> Dataset? {
            switch kind {
            case .prompts: prompts
            case .pairs: pairs
            case .examples: examples
            }
        }
    }

    private let datasets: Datasets
    private let tokens: TokenizedRows
    /// Stands for `tokens` where rows are images.
    private let images: ImageRows?
    private let seed: UInt64
    /// The position in each dataset: the whole state of the service.
    private(set) var cursors: [String: DataCursor] = [:]
    /// Reports surprising facts, once each.
    var notice: (String) -> Void = { _ in }
    private var isRepeating: Set<DataKind> = []

    init(
        _ datasets: Datasets, codec: any TextCodec, maxPromptSteps: Int, maxSteps: Int, images: ImageRows? = nil, seed: UInt64
    ) {
        self.datasets = datasets
        self.images = images
        self.seed = seed
        tokens = TokenizedRows(codec: codec, maxPromptSteps: maxPromptSteps, maxSteps: maxSteps)
    }

    /// Rows of a kind's dataset; nil if the stage has none.
    func count(_ kind: DataKind) -> Int? { datasets[kind]?.rows.count }

    /// Rows of a kind handed out so far, over all passes.
    func given(_ kind: DataKind) -> Int { cursors[kind.rawValue].map { $0.epoch * $0.count + $0.index } ?? 0 }

    /// Restores the positions of a checkpoint. Throws if a dataset's number of rows has changed.
    func restore(_ cursors: [String: DataCursor]) throws {
        for (kind, cursor) in cursors {
            let rows = DataKind(rawValue: kind).flatMap { datasets[$0]?.rows.count } ?? 0
            guard cursor.count == rows else {
                throw ZooError(
                    .dataLoss, "the checkpoint's \(kind) have \(cursor.count) rows, the dataset has \(rows): it was changed"
                )
            }
        }
        self.cursors = cursors
    }

    func prompts(_ n: Int) throws -> Batch {
        let rows = try next(.prompts, n)
        if let images { return try images.prompts(rows) }
        var batch = BatchBuilder()
        for row in rows { batch.append(try tokens.prompt(row)) }
        return batch.finish([Column("row", perStep: false, .i64(rows.map { Int64($0.id) }))])
    }

    func examples(_ n: Int) throws -> Batch {
        let position = given(.examples)
        let rows = try next(.examples, n)
        if let images { return try images.examples(rows, position: position) }
        var batch = BatchBuilder()
        for row in rows { batch.append(try tokens.example(row)) }
        var columns = [Column("row", perStep: false, .i64(rows.map { Int64($0.id) }))]
        let ratings = rows.map { $0.extras["rating"]?.number }
        if ratings.allSatisfy({ $0 != nil }) {
            columns.append(Column("rating", perStep: false, .f64(ratings.compactMap(\.self))))
        }
        let labels = rows.map(\.label)
        if labels.allSatisfy({ $0 != nil }) {
            columns.append(Column("label", perStep: false, .u8(labels.compactMap(\.self).map { $0 ? 1 : 0 })))
        }
        return batch.finish(columns)
    }

    func pairs(_ n: Int) throws -> Batch {
        let position = given(.pairs)
        let rows = try next(.pairs, n)
        if let images { return try images.pairs(rows, position: position) }
        var batch = BatchBuilder()
        for row in rows {
            batch.append(try tokens.chosen(row))
            batch.append(try tokens.rejected(row))
        }
        return batch.finish([
            Column("row", perStep: false, .i64(rows.flatMap { [Int64($0.id), Int64($0.id)] })),
            Column("pair", perStep: false, .i64(rows.indices.flatMap { [Int64($0), Int64($0)] })),
            Column("chosen", perStep: false, .u8(rows.flatMap { _ in [1, 0] })),
        ])
    }

    /// The row of the prompts by its number, for rewards.
    func promptRow(_ id: Int) -> Row? { datasets.prompts.flatMap { $0.rows.indices.contains(id) ? $0.rows[id] : nil } }

    private func next(_ kind: DataKind, _ n: Int) throws -> [Row] {
        guard let dataset = datasets[kind] else {
            throw ZooError(.unavailable, "this stage has no \(kind.rawValue): give the stage a 'data.\(kind.rawValue)'")
        }
        if n > dataset.rows.count, isRepeating.insert(kind).inserted {
            notice(
                "the algorithm takes \(n) \(kind.rawValue) at a time, and data.\(kind.rawValue) has \(dataset.rows.count): rows repeat within a batch"
            )
        }
        var cursor = cursors[kind.rawValue] ?? DataCursor(count: dataset.rows.count, seed: seed)
        let rows = cursor.next(n).map { dataset.rows[$0] }
        cursors[kind.rawValue] = cursor
        return rows
    }
}

/// Appends sequences one by one.
struct BatchBuilder {
    private var batch = Batch()

    mutating func append(_ sequence: TokenizedSequence) {
        batch.tokens += sequence.tokens
        batch.mask += sequence.mask
        batch.offsets.append(batch.tokens.count)
    }

    /// A sequence to be continued.
    mutating func append(context: [Int32]) { append(TokenizedSequence(tokens: context, contextSteps: context.count)) }

    func finish(_ columns: [Column]) -> Batch {
        Batch(offsets: batch.offsets, tokens: batch.tokens, mask: batch.mask, columns: columns)
    }
}
