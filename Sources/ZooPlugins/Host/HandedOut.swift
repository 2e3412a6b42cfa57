import CZoo
import ZooKit

/// Memory that a plugin holds until it calls `release`.
protocol HandedOut {
    func free()
}

/// A batch in C memory.
struct HandedOutBatch: HandedOut {
    let pointer: UnsafeMutablePointer<zoo_batch>
    private let columns: ArrayStorage
    private let offsets: UnsafeMutableBufferPointer<UInt64>
    private let tokens: UnsafeMutableBufferPointer<Int32>
    private let mask: UnsafeMutableBufferPointer<UInt8>

    init(_ batch: Batch) {
        columns = ArrayStorage(batch.columns)
        offsets = Self.copy(batch.offsets.map { UInt64($0) })
        tokens = Self.copy(batch.tokens)
        mask = Self.copy(batch.mask.map { $0 ? 1 : 0 })
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: zoo_batch())
        pointer.pointee.size = UInt32(MemoryLayout<zoo_batch>.size)
        pointer.pointee.n_sequences = UInt64(batch.sequenceCount)
        pointer.pointee.n_steps = UInt64(batch.stepCount)
        pointer.pointee.offsets = UnsafePointer(offsets.baseAddress)
        pointer.pointee.tokens = batch.tokens.isEmpty ? nil : UnsafePointer(tokens.baseAddress)
        pointer.pointee.mask = UnsafePointer(mask.baseAddress)
        pointer.pointee.columns = UnsafePointer(columns.arrays.baseAddress)
        pointer.pointee.n_columns = UInt64(columns.arrays.count)
    }

    private static func copy<T>(_ values: [T]) -> UnsafeMutableBufferPointer<T> {
        let buffer = UnsafeMutableBufferPointer<T>.allocate(capacity: values.count)
        _ = buffer.initialize(from: values)
        return buffer
    }

    func free() {
        columns.free()
        offsets.deallocate()
        tokens.deallocate()
        mask.deallocate()
        pointer.deallocate()
    }
}

/// Named arrays in C memory.
struct HandedOutList: HandedOut {
    let pointer: UnsafeMutablePointer<zoo_list>
    private let columns: ArrayStorage

    init(_ values: [Column]) {
        columns = ArrayStorage(values)
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: zoo_list())
        pointer.pointee.size = UInt32(MemoryLayout<zoo_list>.size)
        pointer.pointee.n = UInt64(values.count)
        pointer.pointee.arrays = UnsafePointer(columns.arrays.baseAddress)
    }

    func free() {
        columns.free()
        pointer.deallocate()
    }
}
