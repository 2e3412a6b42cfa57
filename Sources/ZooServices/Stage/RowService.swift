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
    package private(set) var cursors: [String: DataPosition] = [:]
    /// Of the batch handed out last, if it is of a mixture: rows by source, and the passes over each so far.
    package private(set) var drawn: [(source: String, rows: Int, epochs: Double)] = []
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
    package func given(_ kind: DataKind) -> Int { cursors[kind.rawValue]?.given ?? 0 }

    /// Restores the positions of a checkpoint. Throws if a dataset's number of rows has changed.
    package func restore(_ cursors: [String: DataPosition]) throws {
        for (kind, cursor) in cursors {
            let dataset = DataKind(rawValue: kind).flatMap { datasets[$0] }
            let rows = dataset?.rows.count ?? 0
            guard cursor.count == rows else {
                throw ZooError(
                    .dataLoss, "the checkpoint's \(kind) have \(cursor.count) rows, the dataset has \(rows): it was changed"
                )
            }
            guard let dataset, cursor.fits(dataset) else {
                throw ZooError(.dataLoss, "the checkpoint's \(kind) are of another mixture than the dataset: it was changed")
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

    /// The mean reward of each source of a mixture of prompts: its name, and how many of the sequences were scored.
    ///
    /// - Parameters: the row of each sequence, and its reward; NaN: it cannot be scored.
    package func meanRewards(_ rows: [Int], _ rewards: [Double]) -> [(source: String, mean: Double, count: Int)] {
        (datasets.prompts?.sources ?? []).compactMap { source in
            let own = zip(rows, rewards).filter { source.rows.contains($0) && !$1.isNaN }.map(\.1)
            return own.mean.map { (source.name, $0, own.count) }
        }
    }

    private func next(_ kind: DataKind, _ n: Int) throws -> [Row] {
        guard let dataset = datasets[kind] else {
            throw ZooError(.unavailable, "this stage has no \(kind.rawValue): give the stage a 'data.\(kind.rawValue)'")
        }
        if n > dataset.rows.count, isRepeating.insert(kind).inserted {
            notice(
                "the algorithm takes \(n) \(kind.rawValue) at a time, and data.\(kind.rawValue) has \(dataset.rows.count): rows repeat within a batch"
            )
        }
        var cursor = cursors[kind.rawValue] ?? DataPosition(over: dataset, seed: seed)
        let ids = cursor.next(n)
        cursors[kind.rawValue] = cursor
        drawn = zip(dataset.sources, cursor.epochs).map { source, epochs in
            (source.name, ids.count { source.rows.contains($0) }, epochs)
        }
        return ids.map { dataset.rows[$0] }
    }
}
