import CZoo
import Testing
import ZooKit

/// Deals what its host's messages say: three sequences, the last of which has no action, in passes of two parts.
private struct Dealer: Algorithm {
    static let id = "dealer"
    static let title = "Deals"
    static let summary = "Says which sequences an update has."
    static let paper = "None"
    static let needs = Needs(data: .prompts, roles: [.policy], services: ["zoo.rng/1"])

    struct Parameters: ParameterSet {
        @Parameter("Passes.", in: 0...10) var epochs = 1
        @Parameter("Parts.", in: 1...10) var minibatches = 1
    }

    let parameters: Parameters
    let host: Host

    func step() throws {
        var rollout = Batch(offsets: [0, 1, 3, 4], mask: [true, true, true, false])
        rollout.set(Column("name", perStep: false, .i64([0, 1, 2])))
        try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches) { minibatch in
            host.message(.info, try minibatch.integers("name").map(String.init).joined(separator: " "))
        }
    }
}

/// A host with random numbers, which notes messages and stops after so many.
private final class Table {
    var seeds = 0
    var messages: [String] = []
    var lastMessage = Int.max
    private let host = UnsafeMutablePointer<zoo_host_v1>.allocate(capacity: 1)
    private static let generator = Generator()

    /// `get_extension` has no context of its own but the host's, which the service needs as well.
    private final class Generator: @unchecked Sendable {
        let table = UnsafeMutablePointer<zoo_rng_v1>.allocate(capacity: 1)
    }

    init() {
        host.initialize(to: zoo_host_v1())
        host.pointee.size = UInt32(MemoryLayout<zoo_host_v1>.size)
        host.pointee.ctx = Unmanaged.passUnretained(self).toOpaque()
        host.pointee.release = { _, _ in }
        host.pointee.get_extension = { context, _ in
            let table = Table.generator.table
            table.initialize(to: zoo_rng_v1())
            table.pointee.size = UInt32(MemoryLayout<zoo_rng_v1>.size)
            table.pointee.ctx = context
            table.pointee.fill = { context, numbers, count, _ in
                Table.of(context).seeds += Int(count)
                for index in 0..<Int(count) { numbers?[index] = 7 }
                return ZOO_OK
            }
            return UnsafeRawPointer(table)
        }
        host.pointee.log = { context, _, text in Table.of(context).messages.append(text.string ?? "") }
        host.pointee.cancelled = { context in
            let table = Table.of(context)
            return table.messages.count >= table.lastMessage ? 1 : 0
        }
    }

    deinit { host.deallocate() }

    private static func of(_ context: UnsafeMutableRawPointer?) -> Table {
        guard let context else { preconditionFailure("the host's context is NULL") }
        return Unmanaged<Table>.fromOpaque(context).takeUnretainedValue()
    }

    /// One step of the dealer.
    func step(_ parameters: String) throws {
        let create = try #require(pluginTable(Dealer.self).pointee.create)
        var made: UnsafeMutablePointer<zoo_algorithm_v1>?
        try "dealer".withZooString { id in
            try parameters.withZooString { parameters in
                try ZooError.check("create") { create(id, host, parameters, &made, $0) }
            }
        }
        let algorithm = try #require(made)
        defer { algorithm.pointee.destroy(algorithm.pointee.`self`) }
        try ZooError.check("step") { algorithm.pointee.step(algorithm.pointee.`self`, $0) }
    }
}

@Suite("passes over a rollout", .serialized)
struct TrainTests {
    @Test("a pass of one part is the rollout in its order")
    func whole() throws {
        let table = Table()
        try table.step(#"{"epochs": 2}"#)
        #expect(table.messages == ["0 1 2", "0 1 2"])
    }

    @Test("each pass deals every sequence once, anew, and a part without an action makes no update")
    func dealt() throws {
        let table = Table()
        try table.step(#"{"epochs": 8, "minibatches": 3}"#)
        #expect(table.messages.count == 16)
        let passes = stride(from: 0, to: 16, by: 2).map { Array(table.messages[$0..<$0 + 2]) }
        #expect(passes.allSatisfy { $0.sorted() == ["0", "1"] })
        #expect(Set(passes).count == 2)
    }

    @Test("one number of the run's generator seeds all passes of a step, whether or not any is drawn", arguments: [1, 3])
    func seeds(minibatches: Int) throws {
        let table = Table()
        try table.step(#"{"epochs": 4, "minibatches": \#(minibatches)}"#)
        #expect(table.seeds == 1)
    }

    @Test("a run that is to stop makes no further update")
    func cancelled() {
        let table = Table()
        table.lastMessage = 3
        #expect(throws: ZooError(.cancelled, "the run was asked to stop")) { try table.step(#"{"epochs": 9}"#) }
        #expect(table.messages.count == 3)
    }
}
