import ZooBase
import ZooData
import ZooKit
import ZooRecipe

/// Statistics and faults of a dataset's rows.
public struct RowCounts: Sendable {
    /// How many faults are kept in full.
    public static let mostFaults = 20

    public var rows = 0
    /// Tokens left over all rows.
    public var tokens = 0
    /// Of the longest sequence.
    public var longest = 0
    /// Rows whose prompt was cut at its start (`max_prompt_length`).
    public var cutInFront = 0
    /// Rows with a sequence that was cut at its end (`max_length`).
    public var cutAtEnd = 0
    /// Rows with either.
    public var cut = 0
    /// Indices of rows without an action after cutting; they are left out.
    public var withoutActions: [Int] = []
    /// Indices of pairs that cutting makes equal; they are left out.
    public var equalPairs: [Int] = []
    /// The first faults, each with file and line.
    public private(set) var faults: [String] = []
    public private(set) var faultCount = 0

    package init(rows: Int) { self.rows = rows }

    /// Indices of rows that teach nothing.
    package var leftOut: Set<Int> { Set(withoutActions + equalPairs) }

    mutating func note(_ fault: String) {
        faultCount += 1
        if faults.count < Self.mostFaults { faults.append(fault) }
    }

    /// Faults of lines that are not rows, before those of rows.
    package mutating func precede(with unread: [String]) {
        rows += unread.count
        faultCount += unread.count
        faults = Array((unread + faults).prefix(Self.mostFaults))
    }

    mutating func add(_ sequences: [TokenizedSequence]) {
        tokens += sequences.reduce(0) { $0 + $1.tokens.count }
        longest = max(longest, sequences.map(\.tokens.count).max() ?? 0)
        if sequences.contains(where: { $0.cut.front > 0 }) { cutInFront += 1 }
        if sequences.contains(where: { $0.cut.end > 0 }) { cutAtEnd += 1 }
        if sequences.contains(where: \.isCut) { cut += 1 }
    }

    /// One line for people.
    package func sentence(_ limits: DataSources, _ dataset: Dataset) -> String {
        var parts = ["\(rows) rows, \(tokens) tokens"]
        if cut == 0 { parts.append("none cut") }
        if cutInFront > 0 { parts.append("\(cutInFront) rows cut at the start (max_prompt_length: \(limits.maxPromptLength))") }
        if cutAtEnd > 0 { parts.append("\(cutAtEnd) rows cut at the end (max_length: \(limits.maxLength))") }
        for (ids, what) in [(withoutActions, "with nothing left to learn"), (equalPairs, "cut to the same tokens")] {
            guard let first = ids.first else { continue }
            parts.append("\(ids.count) rows left out, \(what), such as \(dataset.place(of: first))")
        }
        return (parts + dataset.remarks).joined(separator: ", ")
    }

    /// - Parameter what: the dataset by the recipe's key, such as `data.pairs`.
    /// - Throws: if a row is faulty, or the limits cut more rows than `max_cut` allows, or leave none.
    package func require(_ what: String, _ limits: DataSources, _ dataset: Dataset) throws {
        if let first = faults.first {
            let more = faultCount > 1 ? " (and \(faultCount - 1) more faults of \(what): `zoo data check RECIPE` lists them)" : ""
            throw ZooError(.invalidArgument, first + more)
        }
        guard Double(cut) <= limits.maxCut * Double(rows) else {
            throw ZooError(
                .invalidArgument,
                """
                \(what): the limits cut \(cut) of \(rows) rows, more than max_cut: \(limits.maxCut) allows (\(sentence(limits, dataset))); \
                raise data.max_prompt_length and data.max_length, or set data.max_cut: 1 if that is intended
                """)
        }
        let leftOut = leftOut
        if let empty = dataset.sources.first(where: { $0.rows.allSatisfy(leftOut.contains) }) {
            throw ZooError(
                .invalidArgument,
                "\(what): no row of the source '\(empty.name)' is left to train on: \(sentence(limits, dataset))")
        }
        guard leftOut.count < rows else {
            throw ZooError(.invalidArgument, "\(what): no row is left to train on: \(sentence(limits, dataset))")
        }
    }
}
