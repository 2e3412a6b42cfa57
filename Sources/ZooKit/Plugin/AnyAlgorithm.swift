import CZoo

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An algorithm of any type, as the C table's `self`.
class AnyAlgorithm {
    func step() throws {}
    func save() throws -> [UInt8] { [] }
    func load(_ bytes: [UInt8]) throws {}

    /// A table that owns this object until its `destroy`.
    func makeTable() -> UnsafeMutablePointer<zoo_algorithm_v1> {
        let table = UnsafeMutablePointer<zoo_algorithm_v1>.allocate(capacity: 1)
        table.initialize(to: zoo_algorithm_v1())
        let box = AlgorithmBox(self, table)
        table.pointee.size = UInt32(MemoryLayout<zoo_algorithm_v1>.size)
        table.pointee.`self` = Unmanaged.passRetained(box).toOpaque()
        table.pointee.step = { context, error in
            ZooError.status(error) { try AlgorithmBox.of(context).step() }
        }
        table.pointee.save = { context, sink, sinkContext, error in
            ZooError.status(error) {
                guard let sink else { throw ZooError(.invalidArgument, "save was called without a sink") }
                let bytes = try AlgorithmBox.of(context).save()
                try ZooError.check("the sink") { sink(sinkContext, bytes, UInt64(bytes.count), $0) }
            }
        }
        table.pointee.load = { context, bytes, count, error in
            ZooError.status(error) {
                guard bytes != nil || count == 0, count < 1 << 40 else {
                    throw ZooError(.invalidArgument, "load was called with NULL, or with \(count) bytes")
                }
                try AlgorithmBox.of(context).load(Array(UnsafeBufferPointer(start: bytes, count: Int(count))))
            }
        }
        table.pointee.get_extension = { _, _ in nil }
        table.pointee.destroy = { context in
            guard let context else { return }
            Unmanaged<AlgorithmBox>.fromOpaque(context).release()
        }
        return table
    }
}

/// What `destroy` frees: the algorithm and its table.
private final class AlgorithmBox {
    private let algorithm: AnyAlgorithm
    private let table: UnsafeMutablePointer<zoo_algorithm_v1>

    init(_ algorithm: AnyAlgorithm, _ table: UnsafeMutablePointer<zoo_algorithm_v1>) {
        self.algorithm = algorithm
        self.table = table
    }

    deinit { table.deallocate() }

    static func of(_ context: UnsafeMutableRawPointer?) throws -> AnyAlgorithm {
        guard let context else { throw ZooError(.invalidArgument, "the algorithm's self is NULL") }
        return Unmanaged<AlgorithmBox>.fromOpaque(context).takeUnretainedValue().algorithm
    }
}

/// The table's object for one type of algorithm. State is saved as the line `<id> state 1` and JSON, in which doubles are exact.
final class AlgorithmObject<Implementation: Algorithm>: AnyAlgorithm {
    private var algorithm: Implementation

    init(_ algorithm: Implementation) { self.algorithm = algorithm }

    private static var header: String { "\(Implementation.id) state 1\n" }

    override func step() throws { try algorithm.step() }

    override func save() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try Array(Self.header.utf8) + encoder.encode(algorithm.state)
    }

    override func load(_ bytes: [UInt8]) throws {
        let header = Self.header
        guard bytes.starts(with: header.utf8) else {
            throw ZooError(
                .dataLoss, "the saved state does not begin with '\(header.dropLast())'; it is not a state of this algorithm")
        }
        do {
            algorithm.state = try JSONDecoder().decode(Implementation.State.self, from: Data(bytes.dropFirst(header.utf8.count)))
        } catch is DecodingError {
            throw ZooError(.dataLoss, "the saved state of '\(Implementation.id)' cannot be read: it is cut short or damaged")
        }
    }
}
