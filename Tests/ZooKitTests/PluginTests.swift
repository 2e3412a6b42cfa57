import CZoo
import Testing
import ZooKit

@Suite("the plugin's table")
struct PluginTests {
    private func create(
        _ id: String = "best-of-n", host: UnsafePointer<zoo_host_v1>?, parameters: String = "{}"
    ) throws -> UnsafeMutablePointer<zoo_algorithm_v1> {
        let table = try #require(zoo_plugin_entry_v1())
        let create = try #require(table.pointee.create)
        var out: UnsafeMutablePointer<zoo_algorithm_v1>?
        try id.withZooString { id in
            try parameters.withZooString { parameters in
                try ZooError.check("create") { create(id, host, parameters, &out, $0) }
            }
        }
        return try #require(out)
    }

    /// A host that offers nothing.
    private func bareHost(size: Int = MemoryLayout<zoo_host_v1>.size) -> zoo_host_v1 {
        var host = zoo_host_v1()
        host.size = UInt32(size)
        host.get_extension = { _, _ in nil }
        host.release = { _, _ in }
        host.cancelled = { _ in 1 }
        return host
    }

    @Test("the entry returns the same table each time, with the algorithm's card")
    func entry() throws {
        let table = try #require(zoo_plugin_entry_v1())
        #expect(table == zoo_plugin_entry_v1())
        #expect(table.pointee.n_algorithms == 1)
        let info = try #require(table.pointee.algorithms?[0])
        #expect(info.pointee.id.string == "best-of-n")
        #expect(info.pointee.title.string == "Best-of-n imitation")
        #expect(info.pointee.parameters.string == BestOfN.Parameters.schema)
        #expect(
            info.pointee.needs.string == """
                {"data": ["prompts"], "roles": ["policy"], "services": ["zoo.data/1", "zoo.rollout/1", "zoo.reward/1", \
                "zoo.model/1", "zoo.log/1", "zoo.rng/1"]}
                """)
    }

    @Test("presets lie at the end of the card as JSON, in the order in which they are declared")
    func presets() throws {
        let info = try #require(zoo_plugin_entry_v1()?.pointee.algorithms?[0])
        #expect(info.pointee.size == 120)
        #expect(
            info.pointee.presets.string == """
                [{"name": "wide", "source": "this page", "summary": "Many samples of few prompts.", "parameters": {"prompts": 2, \
                "samples": 32}, "notes": ["The learning rate is the recipe's to set."]}]
                """)
    }

    @Test("an unknown id, a bad parameter, a missing host and a short one are refused with a sentence")
    func refused() {
        var host = bareHost()
        var short = bareHost(size: 24)
        // Another suite of this process may have added an algorithm of its own already.
        #expect {
            try create("ppo", host: &host)
        } throws: { error in
            ["best-of-n", "best-of-n, dealer"].contains {
                error as? ZooError == ZooError(.notFound, "this plugin has no algorithm 'ppo'; it has: \($0)")
            }
        }
        #expect(throws: ZooError(.invalidArgument, "parameter 'samples' is 1; expected a value from 2 to 1000")) {
            try create(host: &host, parameters: #"{"samples": 1}"#)
        }
        #expect(throws: ZooError(.invalidArgument, "the host is NULL")) { try create(host: nil) }
        let error = #expect(throws: ZooError.self) { try create(host: &short) }
        #expect(error?.message.contains("too short") == true)
    }

    @Test("a service that the host does not offer is an error of step, not a crash")
    func missingService() throws {
        let host = UnsafeMutablePointer<zoo_host_v1>.allocate(capacity: 1)
        host.initialize(to: bareHost())
        defer { host.deallocate() }
        let algorithm = try create(host: host)
        defer { algorithm.pointee.destroy(algorithm.pointee.`self`) }
        #expect(throws: ZooError(.unavailable, "this host does not offer the service 'zoo.data/1', which the algorithm needs")) {
            try ZooError.check("step") { algorithm.pointee.step(algorithm.pointee.`self`, $0) }
        }
    }

    @Test(
        "state that is cut short, random or another algorithm's is refused as data loss",
        arguments: ["", "best-of-n state 1\n{", "ppo state 1\n{}", "\u{1}\u{2}"])
    func badState(text: String) throws {
        let host = UnsafeMutablePointer<zoo_host_v1>.allocate(capacity: 1)
        host.initialize(to: bareHost())
        defer { host.deallocate() }
        let algorithm = try create(host: host)
        defer { algorithm.pointee.destroy(algorithm.pointee.`self`) }
        let bytes = Array(text.utf8)
        let error = #expect(throws: ZooError.self) {
            try ZooError.check("load") { algorithm.pointee.load(algorithm.pointee.`self`, bytes, UInt64(bytes.count), $0) }
        }
        #expect(error?.code == .dataLoss)
    }
}
