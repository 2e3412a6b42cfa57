import Foundation
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The data service: rows of the recipe's datasets as batches, in a seeded order whose position is checkpointed.
package final class RowService {
    /// The datasets of a stage, loaded.
    package struct Datasets {
        package var prompts: Dataset?
        package var pairs: Dataset?
        package var examples: Dataset?

        package init(prompts: Dataset? = nil) { self.prompts = prompts }

        subscript(kind: DataKind) -> Dataset? {
            switch kind {
            case .prompts: prompts
            case .pairs: pairs
            case .examples: examples
            }
        }
    }

    private let datasets: Datasets
    private let modality: any Modality
    private let seed: UInt64
    /// The position in each dataset: the whole state of the service.
    package private(set) var cursors: [String: DataCursor] = [:]
    /// Reports surprising facts, once each.
    package var notice: (String) -> Void = { _ in }
    private var isRepeating: Set<DataKind> = []

    package init(_ datasets: Datasets, _ modality: any Modality, seed: UInt64) {
        self.datasets = datasets
        self.modality = modality
        self.seed = seed
    }

    /// Rows of a kind's dataset; nil if the stage has none.
    package func count(_ kind: DataKind) -> Int? { datasets[kind]?.rows.count }

    /// Rows of a kind handed out so far, over all passes.
    package func given(_ kind: DataKind) -> Int { cursors[kind.rawValue].map { $0.epoch * $0.count + $0.index } ?? 0 }

    /// Restores the positions of a checkpoint. Throws if a dataset's number of rows has changed.
    package func restore(_ cursors: [String: DataCursor]) throws {
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

    package func prompts(_ n: Int) throws -> Batch { try modality.prompts(next(.prompts, n)) }

    package func examples(_ n: Int) throws -> Batch {
        let position = given(.examples)
        return try modality.examples(next(.examples, n), position: position)
    }

    package func pairs(_ n: Int) throws -> Batch {
        let position = given(.pairs)
        return try modality.pairs(next(.pairs, n), position: position)
    }

    /// The row of the prompts by its number, for rewards.
    package func promptRow(_ id: Int) -> Row? { datasets.prompts.flatMap { $0.rows.indices.contains(id) ? $0.rows[id] : nil } }

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
