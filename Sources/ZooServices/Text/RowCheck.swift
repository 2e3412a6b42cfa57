import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Reads every row of a dataset once, as the algorithm will, and reports what the recipe's limits cut and which lines are faulty.
package struct RowCheck {
    let tokens: TokenizedRows
    let kind: DataKind
    /// The functions that will read the prompts' columns, by the names of the recipe's rewards.
    var rewards: [(name: String, function: any RewardFunction)] = []

    package init(tokens: TokenizedRows, kind: DataKind, rewards: [(name: String, function: any RewardFunction)] = []) {
        self.tokens = tokens
        self.kind = kind
        self.rewards = rewards
    }

    package func callAsFunction(_ dataset: Dataset) -> RowCounts {
        var counts = RowCounts(rows: dataset.rows.count)
        let columns = kind == .examples ? MixedColumns(dataset) : MixedColumns()
        for row in dataset.rows {
            do {
                try columns.check(row)
                try check(row, &counts)
            } catch {
                counts.note("\(dataset.place(of: row.id)): \(Self.words(error))")
            }
        }
        return counts
    }

    private func check(_ row: Row, _ counts: inout RowCounts) throws {
        for (name, function) in rewards {
            do { try function.check(row) } catch let error as DataError {
                // A reward that the recipe renamed is reported by that name.
                throw error.place == "reward \(name)" ? error : DataError("reward '\(name)'", error.reason)
            }
        }
        let sequences: [TokenizedSequence]
        switch kind {
        case .prompts: sequences = [try tokens.prompt(row)]
        case .examples: sequences = [try learnt(tokens.example(row))]
        case .pairs: sequences = [try learnt(tokens.chosen(row), "'chosen' "), try learnt(tokens.rejected(row), "'rejected' ")]
        }
        counts.add(sequences)
        guard kind != .prompts else { return }
        if !sequences.allSatisfy(\.hasActions) {
            counts.withoutActions.append(row.id)
        } else if sequences.count == 2, sequences[0].tokens == sequences[1].tokens {
            guard sequences.contains(where: \.isCut) else { throw RowFault("'chosen' and 'rejected' are the same tokens") }
            counts.equalPairs.append(row.id)
        }
    }

    private func learnt(_ sequence: TokenizedSequence, _ what: String = "") throws -> TokenizedSequence {
        guard sequence.hasActions || sequence.isCut else {
            throw RowFault(
                "\(what)has no token to learn: it is empty or has a single token without context, and the tokenizer has no end token"
            )
        }
        return sequence
    }

    private static func words(_ error: any Error) -> String {
        (error as? RowFault)?.reason ?? plainWords(error)
    }

    /// The fault of a row, without its location.
    private struct RowFault: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// Columns that reach the algorithm; either all rows have them or none.
    private struct MixedColumns {
        private var rated = false
        private var labelled = false

        init() {}

        init(_ dataset: Dataset) {
            rated = dataset.rows.contains { $0.extras["rating"]?.number != nil }
            labelled = dataset.rows.contains { $0.label != nil }
        }

        func check(_ row: Row) throws {
            if rated, row.extras["rating"]?.number == nil { throw fault("rating", row, "a number") }
            if labelled, row.label == nil { throw fault("label", row, "true or false") }
        }

        private func fault(_ column: String, _ row: Row, _ expected: String) -> RowFault {
            let found = row.extras[column].map { "is \($0.kind)" } ?? "is missing"
            return RowFault("'\(column)' \(found); expected \(expected), as on other rows")
        }
    }
}
