import CZoo

/// The memory of structs and arrays that cross the boundary; freed as a whole.
///
/// A subclass may place it elsewhere, as a bench does that guards its borders.
open class Arena {
    /// Bytes that follow every struct and count in its size: how those of a newer minor version look.
    public let tail: Int
    private var blocks: [UnsafeMutableRawPointer] = []

    public init(tail: Int = 0) { self.tail = tail }

    deinit { for block in blocks { block.deallocate() } }

    /// Memory that lives as long as the arena, aligned to 16 bytes.
    open func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 16)
        blocks.append(block)
        return block
    }

    /// A size-prefixed struct with its size set. `fill` sets the rest.
    public func make<Table>(_ value: Table, _ fill: (inout Table) -> Void) -> UnsafeMutablePointer<Table> {
        let size = MemoryLayout<Table>.size
        let raw = allocate(size + tail)
        let pointer = raw.bindMemory(to: Table.self, capacity: 1)
        pointer.initialize(to: value)
        fill(&pointer.pointee)
        raw.storeBytes(of: UInt32(size + tail), as: UInt32.self)
        if tail > 0 { (raw + size).initializeMemory(as: UInt8.self, repeating: 0xA5, count: tail) }
        return pointer
    }

    /// A copy of the values; never NULL.
    public func copy<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let block = allocate(values.count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: values.count)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { block.initialize(from: base, count: source.count) }
        }
        return block
    }

    /// A copy of the text.
    public func copy(_ text: String) -> zoo_str {
        let bytes = text.utf8.map { CChar(bitPattern: $0) }
        return zoo_str(ptr: UnsafePointer(copy(bytes)), len: UInt64(bytes.count))
    }
}

extension Arena {
    /// The batch as the C struct.
    public func batch(_ batch: Batch) -> UnsafeMutablePointer<zoo_batch> {
        let bits = batch.reserved.maskBits.count == batch.stepCount ? batch.reserved.maskBits : []
        let mask = batch.mask.indices.map { (batch.mask[$0] ? 1 : 0) | (bits.isEmpty ? 0 : bits[$0]) }
        let offsets = copy(batch.offsets.map { UInt64($0) })
        let tokens = batch.tokens.isEmpty ? nil : copy(batch.tokens)
        let bytes = copy(mask)
        let arrays = arrays(batch.columns)
        return make(zoo_batch()) {
            $0.flags = batch.reserved.flags
            $0.n_sequences = UInt64(batch.sequenceCount)
            $0.n_steps = UInt64(batch.stepCount)
            $0.offsets = UnsafePointer(offsets)
            $0.tokens = tokens.map { UnsafePointer($0) }
            $0.mask = UnsafePointer(bytes)
            $0.columns = Self.constant(arrays)
            $0.n_columns = UInt64(batch.columns.count)
        }
    }

    /// The columns as a list.
    public func list(_ columns: [Column]) -> UnsafeMutablePointer<zoo_list> {
        let arrays = arrays(columns)
        return make(zoo_list()) {
            $0.n = UInt64(columns.count)
            $0.arrays = Self.constant(arrays)
        }
    }

    /// Pointers to the columns as arrays, [columns.count].
    public func arrays(_ columns: [Column]) -> UnsafeMutablePointer<UnsafeMutablePointer<zoo_array>?> {
        copy(columns.map { Optional(array($0)) })
    }

    /// The same pointers, to arrays that the other side only reads.
    public static func constant(
        _ arrays: UnsafeMutablePointer<UnsafeMutablePointer<zoo_array>?>
    ) -> UnsafePointer<UnsafePointer<zoo_array>?> {
        UnsafeRawPointer(arrays).assumingMemoryBound(to: UnsafePointer<zoo_array>?.self)
    }

    /// The column as an array.
    public func array(_ column: Column) -> UnsafeMutablePointer<zoo_array> {
        let name = copy(column.name)
        let (data, bytes, rows) = data(of: column)
        return make(zoo_array()) {
            $0.flags = column.flags
            $0.name = name
            $0.dtype = column.values.dtype
            $0.rank = UInt32(column.shape.count + 1)
            let shape = column.shape.map { UInt64($0) } + [1, 1, 1]
            $0.shape = (UInt64(rows), shape[0], shape[1], shape[2])
            $0.data = data
            $0.nbytes = UInt64(bytes)
        }
    }

    private func data(of column: Column) -> (UnsafeMutableRawPointer, bytes: Int, rows: Int) {
        func block<T>(_ values: [T]) -> (UnsafeMutableRawPointer, bytes: Int, rows: Int) {
            (UnsafeMutableRawPointer(copy(values)), values.count * MemoryLayout<T>.stride, values.count / column.width)
        }
        switch column.values {
        case .f64(let values): return block(values)
        case .f32(let values): return block(values)
        case .i64(let values): return block(values)
        case .i32(let values): return block(values)
        case .u8(let values): return block(values)
        case .strings(let values): return block(values.map { copy($0) })
        case .other(_, let rowBytes, let bytes):
            return (UnsafeMutableRawPointer(copy(bytes)), bytes.count, rowBytes == 0 ? 0 : bytes.count / rowBytes)
        }
    }
}
