import Testing
import ZooKit

@Suite("pairs")
struct PairTests {
    private func batch(pairs: [Int64], chosen: [UInt8]) -> Batch {
        Batch(
            offsets: Array(0...pairs.count), mask: Array(repeating: true, count: pairs.count),
            columns: [Column("pair", perStep: false, .i64(pairs)), Column("chosen", perStep: false, .u8(chosen))])
    }

    @Test("pairs are found by number, wherever their sequences lie")
    func found() throws {
        let pairs = try Pair.all(in: batch(pairs: [4, 2, 2, 4], chosen: [0, 1, 0, 1]))
        #expect(pairs == [Pair(chosen: 3, rejected: 0), Pair(chosen: 1, rejected: 2)])
    }

    @Test(
        "a lone sequence, two chosen ones and an empty batch are refused",
        arguments: [([4, 2, 2], [1, 1, 0]), ([4, 4], [1, 1]), ([], [])] as [([Int64], [UInt8])])
    func refused(pairs: [Int64], chosen: [UInt8]) {
        let error = #expect(throws: ZooError.self) { try Pair.all(in: batch(pairs: pairs, chosen: chosen)) }
        #expect(error?.code == .invalidArgument)
    }
}
