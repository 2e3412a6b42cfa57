import CZoo

/// Ragged sequences of steps with named columns; the Swift value of `zoo_batch`.
///
/// Sequence `s` owns the steps `offsets[s] ..< offsets[s + 1]`. A step with `mask` true is an action of the policy; the others are
/// context and never receive a gradient.
public struct Batch: Sendable, Equatable {
    /// [n + 1] for n sequences, from 0 to the number of steps.
    public var offsets: [Int]
    /// [steps]; empty where steps are not tokens.
    public var tokens: [Int32]
    /// [steps]
    public var mask: [Bool]
    /// Per step or per sequence, with distinct names.
    public private(set) var columns: [Column]
    /// What version 1 of the contract reserves and carries: the batch's flags, and the mask's bits above the first, [steps] or empty.
    var reserved = Reserved()

    struct Reserved: Sendable, Equatable {
        var flags: UInt32 = 0
        var maskBits: [UInt8] = []
    }

    public init(offsets: [Int] = [0], tokens: [Int32] = [], mask: [Bool] = [], columns: [Column] = []) {
        self.offsets = offsets
        self.tokens = tokens
        self.mask = mask
        self.columns = columns
    }

    public var sequenceCount: Int { offsets.count - 1 }
    public var stepCount: Int { offsets[offsets.count - 1] }

    /// The steps of sequence `s`.
    public func steps(of sequence: Int) -> Range<Int> { offsets[sequence]..<offsets[sequence + 1] }

    /// The number of actions: steps whose mask is true.
    public var actionCount: Int { mask.reduce(0) { $0 + ($1 ? 1 : 0) } }
}

extension Batch {
    /// The column `name`, or nil.
    public func column(_ name: String) -> Column? { columns.first { $0.name == name } }

    /// Doubles per sequence, [n]. Throws where the column is absent or per step.
    public func sequences(_ name: String) throws -> [Double] { try require(name, perStep: false).doubles }

    /// Doubles per step, [steps]. Throws where the column is absent or per sequence.
    public func steps(_ name: String) throws -> [Double] { try require(name, perStep: true).doubles }

    /// Integers per sequence, [n]: `group`, `pair`, `row`, `chosen`, `finished`.
    public func integers(_ name: String) throws -> [Int] {
        let column = try require(name, perStep: false)
        guard let integers = column.integers else {
            throw ZooError(.invalidArgument, "column '\(name)' holds \(column.values.name); expected an integer type")
        }
        return integers
    }

    private func require(_ name: String, perStep: Bool) throws -> Column {
        guard let column = column(name) else {
            let known = columns.map(\.name).joined(separator: ", ")
            throw ZooError(.notFound, "the batch has no column '\(name)'; it has: \(known.isEmpty ? "none" : known)")
        }
        guard column.perStep == perStep else {
            throw ZooError(
                .invalidArgument,
                "column '\(name)' is per \(perStep ? "sequence" : "step"); expected per \(perStep ? "step" : "sequence")")
        }
        guard column.flags & ~ZOO_PER_STEP == 0 else {
            throw ZooError(.invalidArgument, "column '\(name)' has the unknown flags \(column.flags & ~ZOO_PER_STEP)")
        }
        guard column.values.isNumeric else {
            throw ZooError(.invalidArgument, "column '\(name)' holds \(column.values.name); expected numbers")
        }
        guard column.width == 1 else {
            throw ZooError(.invalidArgument, "column '\(name)' has \(column.width) numbers in a row; expected 1")
        }
        return column
    }

    /// Adds a column, or replaces the one of that name.
    public mutating func set(_ column: Column) {
        columns.removeAll { $0.name == column.name }
        columns.append(column)
    }

    /// Adds doubles per sequence, [n].
    public mutating func set(_ name: String, perSequence values: [Double]) {
        precondition(values.count == sequenceCount, "column '\(name)' needs \(sequenceCount) values, found \(values.count)")
        set(Column(name, perStep: false, .f64(values)))
    }

    /// Adds doubles per step, [steps].
    public mutating func set(_ name: String, perStep values: [Double]) {
        precondition(values.count == stepCount, "column '\(name)' needs \(stepCount) values, found \(values.count)")
        set(Column(name, perStep: true, .f64(values)))
    }

    /// The given sequences, in that order, with all columns.
    public func selecting(_ chosen: [Int]) -> Batch {
        var offsets = [0]
        offsets.reserveCapacity(chosen.count + 1)
        var rows: [Int] = []
        for sequence in chosen {
            rows.append(contentsOf: steps(of: sequence))
            offsets.append(rows.count)
        }
        var selected = Batch(
            offsets: offsets, tokens: tokens.isEmpty ? [] : rows.map { tokens[$0] }, mask: rows.map { mask[$0] },
            columns: columns.map { $0.selecting($0.perStep ? rows : chosen) })
        selected.reserved.flags = reserved.flags
        if reserved.maskBits.count == stepCount { selected.reserved.maskBits = rows.map { reserved.maskBits[$0] } }
        return selected
    }
}

extension Batch {
    /// All sequences of several batches, in order, with the columns that every one of them has.
    public static func concatenated(_ parts: [Batch]) -> Batch {
        var all = Batch()
        for part in parts {
            let start = all.mask.count
            all.offsets += part.offsets.dropFirst().map { $0 + start }
            all.tokens += part.tokens
            all.mask += part.mask
            all.reserved.flags |= part.reserved.flags
        }
        if parts.contains(where: { !$0.reserved.maskBits.isEmpty }) {
            all.reserved.maskBits = parts.flatMap { part in
                part.reserved.maskBits.count == part.stepCount
                    ? part.reserved.maskBits : Array(repeating: 0, count: part.stepCount)
            }
        }
        for column in parts.first?.columns ?? [] {
            let columns = parts.compactMap { $0.column(column.name) }
            let first = columns[0]
            guard columns.count == parts.count,
                columns.allSatisfy({ $0.flags == first.flags && $0.shape == first.shape }),
                let joined = Column.concatenated(columns)
            else { continue }
            all.columns.append(joined)
        }
        return all
    }
}
