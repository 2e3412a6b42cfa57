import CZoo

extension Batch {
    /// Copies a batch out of the memory of whoever made it, checking everything that is read.
    public init(copying pointer: UnsafePointer<zoo_batch>?) throws {
        guard let pointer else { throw ZooError(.invalidArgument, "the batch is NULL") }
        guard pointer.pointee.size >= UInt32(MemoryLayout<zoo_batch>.size) else {
            throw ZooError(
                .invalidArgument,
                "the batch is \(pointer.pointee.size) bytes long; expected at least \(MemoryLayout<zoo_batch>.size)")
        }
        let batch = pointer.pointee
        let count = Int(batch.n_sequences)
        let steps = Int(batch.n_steps)
        guard let rawOffsets = batch.offsets else { throw ZooError(.invalidArgument, "the batch has no offsets") }
        let offsets = UnsafeBufferPointer(start: rawOffsets, count: count + 1).map { Int($0) }
        guard offsets[0] == 0, offsets[count] == steps, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw ZooError(.invalidArgument, "the batch's offsets do not rise from 0 to its \(steps) steps")
        }
        guard steps == 0 || batch.mask != nil else { throw ZooError(.invalidArgument, "the batch has no mask") }
        guard batch.n_columns == 0 || batch.columns != nil else { throw ZooError(.invalidArgument, "the batch has no columns") }
        var columns: [Column] = []
        for index in 0..<Int(batch.n_columns) {
            let column = try Column(copying: batch.columns[index], sequences: count, steps: steps)
            guard !columns.contains(where: { $0.name == column.name }) else {
                throw ZooError(.invalidArgument, "the batch has two columns '\(column.name)'")
            }
            columns.append(column)
        }
        self.init(
            offsets: offsets, tokens: batch.tokens.map { Array(UnsafeBufferPointer(start: $0, count: steps)) } ?? [],
            mask: UnsafeBufferPointer(start: batch.mask, count: batch.mask == nil ? 0 : steps).map { $0 != 0 }, columns: columns)
    }

    /// Runs `body` with the batch as the C struct, in memory that lives for the call.
    public func withCBatch<R>(_ body: (UnsafePointer<zoo_batch>) throws -> R) rethrows -> R {
        let offsets = offsets.map { UInt64($0) }
        let mask = mask.map { $0 ? UInt8(1) : 0 }
        return try Column.withCArrays(columns) { arrays in
            try offsets.withUnsafeBufferPointer { offsets in
                try tokens.withUnsafeBufferPointer { tokens in
                    try mask.withUnsafeBufferPointer { mask in
                        var batch = zoo_batch()
                        batch.size = UInt32(MemoryLayout<zoo_batch>.size)
                        batch.n_sequences = UInt64(sequenceCount)
                        batch.n_steps = UInt64(stepCount)
                        batch.offsets = offsets.baseAddress
                        batch.tokens = tokens.isEmpty ? nil : tokens.baseAddress
                        batch.mask = mask.baseAddress
                        batch.columns = arrays.baseAddress.map { UnsafePointer($0) }
                        batch.n_columns = UInt64(arrays.count)
                        return try body(&batch)
                    }
                }
            }
        }
    }
}

extension Column {
    /// Copies a named array that has one row per sequence or per step.
    public init(copying array: zoo_array, sequences: Int, steps: Int) throws {
        guard array.size >= UInt32(MemoryLayout<zoo_array>.size), let name = array.name.string, !name.isEmpty else {
            throw ZooError(.invalidArgument, "an array is truncated or has no UTF-8 name")
        }
        let perStep = array.flags & ZOO_PER_STEP != 0
        let rows = perStep ? steps : sequences
        let one = perStep ? "step" : "sequence"
        guard (1...2).contains(array.rank), array.shape.0 == UInt64(rows), let width = array.width, rows < 1 << 40 else {
            throw ZooError(
                .invalidArgument,
                "array '\(name)' has rank \(array.rank) and \(array.shape.0) rows; expected rank 1, or 2 with at most 2^20 numbers "
                    + "in a row, and \(rows) rows, one per \(one)")
        }
        let count = rows * width
        func read<T>(_: T.Type) throws -> [T] {
            guard array.nbytes == UInt64(count * MemoryLayout<T>.stride), count == 0 || array.data != nil else {
                throw ZooError(
                    .invalidArgument, "array '\(name)' holds \(array.nbytes) bytes; expected \(count * MemoryLayout<T>.stride)")
            }
            guard count > 0, let data = array.data else { return [] }
            return Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: T.self), count: count))
        }
        let values: Values =
            switch array.dtype {
            case ZOO_F64: .f64(try read(Double.self))
            case ZOO_F32: .f32(try read(Float.self))
            case ZOO_I64: .i64(try read(Int64.self))
            case ZOO_I32: .i64(try read(Int32.self).map(Int64.init))
            case ZOO_U8: .u8(try read(UInt8.self))
            default: throw ZooError(.invalidArgument, "array '\(name)' has the unknown element type \(array.dtype)")
            }
        self.init(name, perStep: perStep, width: width, values)
    }

    /// Runs `body` with the columns as C arrays. They are writable: what `body` leaves in an f64 array can be read there.
    public static func withCArrays<R>(_ columns: [Column], _ body: (UnsafeMutableBufferPointer<zoo_array>) throws -> R) rethrows
        -> R
    {
        let storage = ArrayStorage(columns)
        defer { storage.free() }
        return try body(storage.arrays)
    }
}

/// The memory behind a list of `zoo_array`; freed by hand, because a host hands such lists out and takes them back.
public final class ArrayStorage {
    public let arrays: UnsafeMutableBufferPointer<zoo_array>
    private var blocks: [UnsafeMutableRawPointer] = []

    /// Copies the columns into C memory.
    public init(_ columns: [Column]) {
        arrays = .allocate(capacity: columns.count)
        for (index, column) in columns.enumerated() { arrays.initializeElement(at: index, to: make(column)) }
    }

    private func make(_ column: Column) -> zoo_array {
        var array = zoo_array()
        array.size = UInt32(MemoryLayout<zoo_array>.size)
        array.flags = column.perStep ? ZOO_PER_STEP : 0
        array.rank = column.width == 1 ? 1 : 2
        let name = copy(Array(column.name.utf8))
        array.name = zoo_str(ptr: UnsafePointer(name.assumingMemoryBound(to: CChar.self)), len: UInt64(column.name.utf8.count))
        func fill<T>(_ values: [T], _ dtype: UInt32) {
            array.dtype = dtype
            array.shape = (UInt64(values.count / column.width), UInt64(column.width), 1, 1)
            array.nbytes = UInt64(values.count * MemoryLayout<T>.stride)
            array.data = copy(values)
        }
        switch column.values {
        case .f64(let values): fill(values, ZOO_F64)
        case .f32(let values): fill(values, ZOO_F32)
        case .i64(let values): fill(values, ZOO_I64)
        case .u8(let values): fill(values, ZOO_U8)
        }
        return array
    }

    private func copy<T>(_ values: [T]) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(1, values.count * MemoryLayout<T>.stride), alignment: 16)
        values.withUnsafeBytes { block.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(block), byteCount: $0.count) }
        blocks.append(block)
        return block
    }

    /// Frees everything; the arrays must not be used afterwards.
    public func free() {
        for block in blocks { block.deallocate() }
        blocks = []
        arrays.deallocate()
    }
}

extension zoo_array {
    /// Numbers in a row; nil where they are none, or more than a row may have.
    fileprivate var width: Int? {
        guard rank > 1 else { return 1 }
        return (1...1 << 20).contains(shape.1) ? Int(shape.1) : nil
    }
}
