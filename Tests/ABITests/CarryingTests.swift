import CZoo
import Testing
import ZooKit

/// What travels through a host unchanged, and what is refused.
@Suite("batches across the boundary")
struct CarryingTests {
    /// A batch of two sequences of three steps with one column, as a plugin may make it; `body` sees it as a pointer.
    private func withBatch<R>(
        dtype: UInt32 = ZOO_F64, rank: UInt32 = 1, flags: UInt32 = 0, shape: (UInt64, UInt64, UInt64, UInt64) = (2, 1, 1, 1),
        bytes: [UInt8] = Array(0..<16), size: Int? = nil, change: (inout zoo_batch) -> Void = { _ in },
        _ body: (UnsafePointer<zoo_batch>) throws -> R
    ) rethrows -> R {
        let arena = Arena()
        let name = arena.copy("extra")
        let data = arena.copy(bytes)
        let array = arena.make(zoo_array()) {
            $0.flags = flags
            $0.name = name
            ($0.dtype, $0.rank, $0.shape) = (dtype, rank, shape)
            ($0.data, $0.nbytes) = (UnsafeMutableRawPointer(data), UInt64(bytes.count))
        }
        let batch = arena.batch(
            Batch(offsets: [0, 2, 3], tokens: [1, 2, 3], mask: [false, true, true]))
        let arrays = arena.copy([Optional(array)])
        batch.pointee.columns = Arena.constant(arrays)
        batch.pointee.n_columns = 1
        change(&batch.pointee)
        return try withExtendedLifetime(arena) { try body(UnsafePointer(batch)) }
    }

    /// The column's dtype, rank, flags, shape and bytes after a batch was copied, cut to its second sequence and written again.
    private func carried(_ batch: UnsafePointer<zoo_batch>) throws -> (zoo_array, [UInt8])? {
        let copy = try Batch(copying: batch).selecting([1])
        return copy.withCBatch { again in
            guard again.pointee.n_columns == 1, let array = again.pointee.columns[0] else { return nil }
            let bytes = UnsafeRawBufferPointer(start: array.pointee.data, count: Int(array.pointee.nbytes))
            return (array.pointee, Array(bytes))
        }
    }

    @Test(
        "columns of every type keep it, to the last bit",
        arguments: [
            (ZOO_F32, 4), (ZOO_F64, 8), (ZOO_I32, 4), (ZOO_I64, 8), (ZOO_U8, 1), (ZOO_F16, 2), (ZOO_BF16, 2), (ZOO_I8, 1),
            (ZOO_BOOL, 1), (77, 3), (1000, 16),
        ])
    func types(dtype: UInt32, stride: Int) throws {
        for width in [1, 3] {
            let bytes = (0..<2 * width * stride).map { UInt8(truncatingIfNeeded: 251 &* $0 &+ 7) }
            let found = try withBatch(
                dtype: dtype, rank: width == 1 ? 1 : 2, shape: (2, UInt64(width), 1, 1), bytes: bytes, carried)
            let (array, kept) = try #require(found)
            #expect(array.dtype == dtype && array.rank == (width == 1 ? 1 : 2) && array.shape.0 == 1)
            #expect(array.shape.1 == UInt64(width) && kept == Array(bytes.suffix(width * stride)))
        }
    }

    @Test("shapes of rank 3 and 4, a second dimension of 1, and flags that nobody knows are kept")
    func shapes() throws {
        let bytes = (0..<192).map { UInt8($0) }
        let (third, kept) = try #require(try withBatch(rank: 3, shape: (2, 3, 4, 1), bytes: bytes, carried))
        #expect(third.rank == 3 && third.shape == (1, 3, 4, 1) && kept == Array(bytes.suffix(96)))
        let (flat, _) = try #require(try withBatch(rank: 2, shape: (2, 1, 1, 1), carried))
        #expect(flat.rank == 2 && flat.shape == (1, 1, 1, 1))
        let (marked, _) = try #require(try withBatch(flags: 0x80, carried))
        #expect(marked.flags == 0x80)
    }

    @Test("texts are copied with what they point to")
    func texts() throws {
        let arena = Arena()
        var batch = Batch(offsets: [0, 1, 2], mask: [true, true])
        batch.set(Column("answer", perStep: false, .strings(["täglich", ""])))
        let copy = try Batch(copying: UnsafePointer(arena.batch(batch)))
        #expect(copy.column("answer")?.strings == ["täglich", ""] && copy == batch)
    }

    @Test("what cannot be copied is left out, and does not refuse the batch")
    func leftOut() throws {
        for flags in [ZOO_RAGGED, ZOO_DEVICE, ZOO_RAGGED | 0x100] {
            #expect(try withBatch(flags: flags) { try Batch(copying: $0) }.columns.isEmpty)
        }
        #expect(try withBatch(dtype: 77, bytes: Array(0..<5)) { try Batch(copying: $0) }.columns.isEmpty)
        #expect(try withBatch(rank: 5) { try Batch(copying: $0) }.columns.isEmpty)
    }

    @Test("a column that is used is refused where it is not understood")
    func used() throws {
        let unknown = try withBatch(dtype: ZOO_BF16, bytes: Array(0..<4)) { try Batch(copying: $0) }
        #expect(throws: ZooError(.invalidArgument, "column 'extra' holds elements of type 7; expected numbers")) {
            try unknown.sequences("extra")
        }
        let marked = try withBatch(flags: 0x80) { try Batch(copying: $0) }
        #expect(throws: ZooError(.invalidArgument, "column 'extra' has the unknown flags 128")) { try marked.sequences("extra") }
    }

    @Test("the mask's other bits, and the batch's flags, are kept; only the first bit is an action")
    func mask() throws {
        let mask: [UInt8] = [2, 3, 129]
        try mask.withUnsafeBufferPointer { given in
            let change: (inout zoo_batch) -> Void = { ($0.mask, $0.flags) = (given.baseAddress, 0x40) }
            let batch = try withBatch(change: change, { try Batch(copying: $0) })
            #expect(batch.mask == [false, true, true])
            let bits = batch.withCBatch {
                Array(UnsafeBufferPointer(start: $0.pointee.mask, count: 3)) + [UInt8($0.pointee.flags)]
            }
            #expect(bits == [2, 3, 129, 0x40])
            let second = batch.selecting([1]).withCBatch { ($0.pointee.mask[0], $0.pointee.flags) }
            #expect(second == (129, 0x40))
            let both = Batch.concatenated([batch.selecting([1]), batch.selecting([0])])
            #expect(both.withCBatch { Array(UnsafeBufferPointer(start: $0.pointee.mask, count: 3)) } == [129, 2, 3])
        }
    }

    @Test("a batch may be longer than this version's, and no shorter than what is needed of it")
    func sizes() throws {
        #expect(try withBatch(change: { $0.size = 4096 }, { try Batch(copying: $0) }).columns.count == 1)
        #expect(throws: ZooError(.invalidArgument, "the batch is 63 bytes long; expected at least 64")) {
            try withBatch(change: { $0.size = 63 }, { try Batch(copying: $0) })
        }
    }

    @Test("counts that no memory holds are refused")
    func counts() throws {
        let changes: [(inout zoo_batch) -> Void] = [
            { $0.n_sequences = .max }, { $0.n_sequences = 1 << 40 }, { $0.n_steps = .max }, { $0.n_steps = 1 << 63 },
            { $0.n_columns = .max }, { $0.n_columns = 5000 },
        ]
        for change in changes {
            #expect(throws: ZooError.self) { try withBatch(change: change) { try Batch(copying: $0) } }
        }
        let shapes: [(UInt64, UInt64, UInt64, UInt64)] = [
            (.max, 1, 1, 1), (2, .max, 1, 1), (2, 1 << 62, 1 << 62, 1), (2, 0, 1, 1),
        ]
        for shape in shapes {
            #expect(throws: ZooError.self) { try withBatch(rank: 3, shape: shape) { try Batch(copying: $0) } }
        }
        #expect(zoo_str(ptr: nil, len: .max).string == nil)
    }
}
