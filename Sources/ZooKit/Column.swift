import CZoo

/// A named column of a batch, or a named output of the model.
public struct Column: Sendable, Equatable {
    /// Row by row.
    public enum Values: Sendable, Equatable {
        case f64([Double])
        case f32([Float])
        case i64([Int64])
        case i32([Int32])
        case u8([UInt8])
        case strings([String])
        /// Elements of a type that nothing here computes with (`ZOO_F16`, or one of a later version), carried by the bytes of their rows.
        case other(dtype: UInt32, rowBytes: Int, bytes: [UInt8])
    }

    public var name: String
    /// `zoo_array.flags`; those that are not known here are carried.
    public private(set) var flags: UInt32
    /// Of a row: empty for one number, [k] for a vector (the pixels of an image).
    public let shape: [Int]
    public var values: Values

    public init(_ name: String, perStep: Bool, width: Int = 1, _ values: Values) {
        self.init(name, flags: perStep ? ZOO_PER_STEP : 0, shape: width == 1 ? [] : [width], values)
    }

    init(_ name: String, flags: UInt32, shape: [Int], _ values: Values) {
        (self.name, self.flags, self.shape, self.values) = (name, flags, shape, values)
    }

    /// One row per step; otherwise one per sequence.
    public var perStep: Bool { flags & ZOO_PER_STEP != 0 }

    /// Elements of a row.
    public var width: Int { shape.reduce(1, *) }

    /// The values as doubles; integers are converted. Empty for a column that holds no numbers.
    public var doubles: [Double] {
        switch values {
        case .f64(let values): values
        case .f32(let values): values.map(Double.init)
        case .i64(let values): values.map(Double.init)
        case .i32(let values): values.map(Double.init)
        case .u8(let values): values.map(Double.init)
        case .strings, .other: []
        }
    }

    /// The values as integers; nil for a column that holds none.
    public var integers: [Int]? {
        switch values {
        case .f64, .f32, .strings, .other: nil
        case .i64(let values): values.map { Int($0) }
        case .i32(let values): values.map { Int($0) }
        case .u8(let values): values.map { Int($0) }
        }
    }

    /// The values as single-precision numbers; doubles are rounded.
    public var floats: [Float] {
        if case .f32(let values) = values { return values }
        return doubles.map(Float.init)
    }

    /// The texts; nil for a column that holds none.
    public var strings: [String]? {
        if case .strings(let values) = values { values } else { nil }
    }

    /// The given rows, in that order.
    public func selecting(_ rows: [Int]) -> Column {
        var chosen = self
        switch values {
        case .f64(let values): chosen.values = .f64(pick(rows, width, of: values))
        case .f32(let values): chosen.values = .f32(pick(rows, width, of: values))
        case .i64(let values): chosen.values = .i64(pick(rows, width, of: values))
        case .i32(let values): chosen.values = .i32(pick(rows, width, of: values))
        case .u8(let values): chosen.values = .u8(pick(rows, width, of: values))
        case .strings(let values): chosen.values = .strings(pick(rows, width, of: values))
        case .other(let dtype, let rowBytes, let bytes):
            chosen.values = .other(dtype: dtype, rowBytes: rowBytes, bytes: pick(rows, rowBytes, of: bytes))
        }
        return chosen
    }

    /// The rows of several columns of one name and shape, one after the other; integers of different sizes become the larger ones. nil
    /// where their types have nothing in common.
    static func concatenated(_ columns: [Column]) -> Column? {
        let first = columns[0]
        guard let values = Values.joined(columns) else { return nil }
        return Column(first.name, flags: first.flags, shape: first.shape, values)
    }
}

private func pick<T>(_ rows: [Int], _ width: Int, of values: [T]) -> [T] {
    if width == 1 { return rows.map { values[$0] } }
    var picked: [T] = []
    picked.reserveCapacity(rows.count * width)
    for row in rows { picked += values[row * width..<(row + 1) * width] }
    return picked
}

extension Column.Values {
    /// The number of the type in the contract.
    var dtype: UInt32 {
        switch self {
        case .f64: ZOO_F64
        case .f32: ZOO_F32
        case .i64: ZOO_I64
        case .i32: ZOO_I32
        case .u8: ZOO_U8
        case .strings: ZOO_STRING
        case .other(let dtype, _, _): dtype
        }
    }

    /// As error messages call the type.
    var name: String {
        switch self {
        case .f64: "f64"
        case .f32: "f32"
        case .i64: "i64"
        case .i32: "i32"
        case .u8: "u8"
        case .strings: "texts"
        case .other(let dtype, _, _): "elements of type \(dtype)"
        }
    }

    var isNumeric: Bool {
        switch self {
        case .f64, .f32, .i64, .i32, .u8: true
        case .strings, .other: false
        }
    }

    fileprivate static func joined(_ columns: [Column]) -> Self? {
        let types = Set(columns.map(\.values.dtype))
        switch columns[0].values {
        case .u8 where types.count == 1:
            return .u8(columns.flatMap { column in if case .u8(let values) = column.values { values } else { [UInt8]() } })
        case .i32 where types.count == 1:
            return .i32(columns.flatMap { column in if case .i32(let values) = column.values { values } else { [Int32]() } })
        case .strings where types.count == 1: return .strings(columns.flatMap { $0.strings ?? [] })
        case .other(let dtype, let rowBytes, _) where types.count == 1:
            let bytes = columns.map { column in
                if case .other(_, rowBytes, let bytes) = column.values { bytes } else { nil as [UInt8]? }
            }
            guard bytes.allSatisfy({ $0 != nil }) else { return nil }
            return .other(dtype: dtype, rowBytes: rowBytes, bytes: bytes.flatMap { $0 ?? [] })
        default: break
        }
        guard columns.allSatisfy(\.values.isNumeric) else { return nil }
        if columns.allSatisfy({ $0.integers != nil }) {
            return .i64(columns.flatMap { ($0.integers ?? []).map(Int64.init) })
        }
        if case .f32 = columns[0].values { return .f32(columns.flatMap(\.floats)) }
        return .f64(columns.flatMap(\.doubles))
    }
}
