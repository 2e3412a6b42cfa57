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

/// A named column of a batch, or a named output of the model.
public struct Column: Sendable, Equatable {
    /// Row by row.
    public enum Values: Sendable, Equatable {
        case f64([Double])
        case f32([Float])
        case i64([Int64])
        case u8([UInt8])
    }

    public var name: String
    /// One row per step; otherwise one per sequence.
    public var perStep: Bool
    /// Numbers in a row: 1, or the dimensions of a vector (the pixels of an image).
    public var width: Int
    public var values: Values

    public init(_ name: String, perStep: Bool, width: Int = 1, _ values: Values) {
        self.name = name
        self.perStep = perStep
        self.width = width
        self.values = values
    }

    /// The values as doubles; integers are converted.
    public var doubles: [Double] {
        switch values {
        case .f64(let values): values
        case .f32(let values): values.map(Double.init)
        case .i64(let values): values.map(Double.init)
        case .u8(let values): values.map(Double.init)
        }
    }

    /// The values as integers; nil for a column of floating-point numbers.
    public var integers: [Int]? {
        switch values {
        case .f64, .f32: nil
        case .i64(let values): values.map { Int($0) }
        case .u8(let values): values.map { Int($0) }
        }
    }

    /// The values as single-precision numbers; doubles are rounded.
    public var floats: [Float] {
        if case .f32(let values) = values { return values }
        return doubles.map(Float.init)
    }

    /// The given rows, in that order.
    public func selecting(_ rows: [Int]) -> Column {
        func pick<T>(_ values: [T]) -> [T] {
            if width == 1 { return rows.map { values[$0] } }
            var picked: [T] = []
            picked.reserveCapacity(rows.count * width)
            for row in rows { picked += values[row * width..<(row + 1) * width] }
            return picked
        }
        let chosen: Values =
            switch values {
            case .f64(let values): .f64(pick(values))
            case .f32(let values): .f32(pick(values))
            case .i64(let values): .i64(pick(values))
            case .u8(let values): .u8(pick(values))
            }
        return Column(name, perStep: perStep, width: width, chosen)
    }

    /// The rows of several columns of one name, one after the other; integers of different sizes become the larger ones.
    static func concatenated(_ columns: [Column]) -> Column {
        let first = columns[0]
        let values: Values =
            if columns.allSatisfy({ $0.integers != nil }) {
                .i64(columns.flatMap { ($0.integers ?? []).map(Int64.init) })
            } else if case .f32 = first.values {
                .f32(columns.flatMap(\.floats))
            } else {
                .f64(columns.flatMap(\.doubles))
            }
        return Column(first.name, perStep: first.perStep, width: first.width, values)
    }
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
        guard let integers = try require(name, perStep: false).integers else {
            throw ZooError(.invalidArgument, "column '\(name)' holds f64; expected an integer type")
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
        return Batch(
            offsets: offsets, tokens: tokens.isEmpty ? [] : rows.map { tokens[$0] }, mask: rows.map { mask[$0] },
            columns: columns.map { $0.selecting($0.perStep ? rows : chosen) })
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
        }
        for column in parts.first?.columns ?? [] {
            let columns = parts.compactMap { $0.column(column.name) }
            let first = columns[0]
            guard columns.count == parts.count,
                columns.allSatisfy({ $0.perStep == first.perStep && $0.width == first.width })
            else { continue }
            all.columns.append(Column.concatenated(columns))
        }
        return all
    }
}
