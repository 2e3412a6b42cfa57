import CZoo

extension Batch {
    /// Copies a batch out of the memory of whoever made it, checking everything that is read. What the contract reserves is carried.
    public init(copying pointer: UnsafePointer<zoo_batch>?) throws {
        guard let batch = Sized(pointer) else { throw ZooError(.invalidArgument, "the batch is NULL") }
        _ = try batch.required(\.n_columns, "the batch")
        let count = try Self.count(batch[\.n_sequences], maxSequences, "sequences")
        let steps = try Self.count(batch[\.n_steps], maxSteps, "steps")
        let width = try Self.count(batch[\.n_columns], maxColumns, "columns")
        guard let rawOffsets = batch[\.offsets] else { throw ZooError(.invalidArgument, "the batch has no offsets") }
        let given = UnsafeBufferPointer(start: rawOffsets, count: count + 1)
        guard given[0] == 0, given[count] == UInt64(steps), zip(given, given.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw ZooError(.invalidArgument, "the batch's offsets do not rise from 0 to its \(steps) steps")
        }
        let offsets = given.map { Int($0) }
        let mask = batch[\.mask]
        guard steps == 0 || mask != nil else { throw ZooError(.invalidArgument, "the batch has no mask") }
        let arrays = batch[\.columns]
        guard width == 0 || arrays != nil else { throw ZooError(.invalidArgument, "the batch has no columns") }
        var columns: [Column] = []
        var names: Set<String> = []
        for index in 0..<width {
            guard let column = try Column(carrying: arrays?[index], sequences: count, steps: steps) else { continue }
            guard names.insert(column.name).inserted else {
                throw ZooError(.invalidArgument, "the batch has two columns '\(column.name)'")
            }
            columns.append(column)
        }
        let bits = mask.map { Array(UnsafeBufferPointer(start: $0, count: steps)) } ?? []
        self.init(
            offsets: offsets, tokens: batch[\.tokens].map { Array(UnsafeBufferPointer(start: $0, count: steps)) } ?? [],
            mask: bits.map { $0 & 1 != 0 }, columns: columns)
        reserved.flags = batch[\.flags] ?? 0
        if bits.contains(where: { $0 > 1 }) { reserved.maskBits = bits.map { $0 & ~1 } }
    }

    private static func count(_ value: UInt64?, _ most: Int, _ what: String) throws -> Int {
        guard let value, value <= UInt64(most) else {
            throw ZooError(.invalidArgument, "the batch claims \(value ?? 0) \(what); expected at most \(most)")
        }
        return Int(value)
    }

    /// Runs `body` with the batch as the C struct, in memory that lives for the call.
    public func withCBatch<R>(_ body: (UnsafePointer<zoo_batch>) throws -> R) rethrows -> R {
        let arena = Arena()
        return try withExtendedLifetime(arena) { try body(UnsafePointer(arena.batch(self))) }
    }
}

/// `ZOO_MAX_SEQUENCES` and so on, whose casts Swift does not import.
private let (maxSequences, maxSteps, maxColumns, maxRow) = (1 << 24, 1 << 32, 4096, 1 << 24)

extension Column {
    /// Copies a named array that has one row per sequence or per step, and numbers or texts in it.
    public init(copying pointer: UnsafePointer<zoo_array>?, sequences: Int, steps: Int) throws {
        guard let column = try Column(carrying: pointer, sequences: sequences, steps: steps), column.isKnown else {
            let name = Sized(pointer)?[\.name]?.string ?? ""
            throw ZooError(.invalidArgument, "array '\(name)' has a type, a rank or flags that are not known here")
        }
        self = column
    }

    /// Copies a named array, by its bytes where its type is not known. nil where it cannot be copied: rows of different lengths, data on a
    /// device, or elements whose size is not known.
    fileprivate init?(carrying pointer: UnsafePointer<zoo_array>?, sequences: Int, steps: Int) throws {
        guard let array = Sized(pointer) else { throw ZooError(.invalidArgument, "an array is NULL") }
        let nbytes = try array.required(\.nbytes, "an array")
        guard let name = array[\.name]?.string, !name.isEmpty else {
            throw ZooError(.invalidArgument, "an array has no UTF-8 name")
        }
        let (flags, rank, dtype) = (array[\.flags] ?? 0, array[\.rank] ?? 0, array[\.dtype] ?? 0)
        guard flags & (ZOO_RAGGED | ZOO_DEVICE) == 0, let given = array[\.shape] else { return nil }
        let dimensions = [given.0, given.1, given.2, given.3]
        let rows = flags & ZOO_PER_STEP != 0 ? steps : sequences
        guard rank >= 1, dimensions[0] == UInt64(rows) else {
            throw ZooError(
                .invalidArgument,
                "array '\(name)' has rank \(rank) and \(dimensions[0]) rows; expected rank 1 or more and \(rows) rows, one per "
                    + (flags & ZOO_PER_STEP != 0 ? "step" : "sequence"))
        }
        guard rows > 0 || nbytes == 0, nbytes == 0 || array[\.data] != nil, nbytes < 1 << 48 else {
            throw ZooError(.invalidArgument, "array '\(name)' holds \(nbytes) bytes in \(rows) rows, or has no data")
        }
        guard let values = try Self.values(array, dtype, name, rows, dimensions, rank, Int(nbytes)) else { return nil }
        let shape = rank > 4 ? [] : dimensions[1..<Int(rank)].map { Int(truncatingIfNeeded: $0) }
        self.init(name, flags: flags, shape: shape, values)
    }

    private static func values(
        _ array: Sized<zoo_array>, _ dtype: UInt32, _ name: String, _ rows: Int, _ dimensions: [UInt64], _ rank: UInt32,
        _ nbytes: Int
    ) throws -> Values? {
        var width: UInt64 = 1
        for size in dimensions[1..<Int(min(rank, 4))] {
            guard size >= 1, size <= UInt64(maxRow), width * size <= UInt64(maxRow) else {
                throw ZooError(
                    .invalidArgument, "array '\(name)' has a row of \(dimensions.dropFirst()) elements; expected 1 to \(maxRow)")
            }
            width *= size
        }
        let count = rows * Int(width)
        func read<T>(_: T.Type) throws -> [T] {
            guard nbytes == count * MemoryLayout<T>.stride else {
                throw ZooError(
                    .invalidArgument, "array '\(name)' holds \(nbytes) bytes; expected \(count * MemoryLayout<T>.stride)")
            }
            guard count > 0, let data = array[\.data] else { return [] }
            return Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: T.self), count: count))
        }
        guard rank <= 4 else { return nil }
        switch dtype {
        case ZOO_F64: return .f64(try read(Double.self))
        case ZOO_F32: return .f32(try read(Float.self))
        case ZOO_I64: return .i64(try read(Int64.self))
        case ZOO_I32: return .i32(try read(Int32.self))
        case ZOO_U8: return .u8(try read(UInt8.self))
        case ZOO_STRING:
            return .strings(
                try read(zoo_str.self).map { text in
                    guard let text = text.string else {
                        throw ZooError(.invalidArgument, "array '\(name)' has a text that is not UTF-8")
                    }
                    return text
                })
        default:
            guard rows > 0 else { return .other(dtype: dtype, rowBytes: 0, bytes: []) }
            guard nbytes % rows == 0, let data = array[\.data] else { return nil }
            return .other(
                dtype: dtype, rowBytes: nbytes / rows,
                bytes: Array(UnsafeRawBufferPointer(start: data, count: nbytes)))
        }
    }

    private var isKnown: Bool {
        if case .other = values { return false }
        return flags & ~ZOO_PER_STEP == 0
    }
}
