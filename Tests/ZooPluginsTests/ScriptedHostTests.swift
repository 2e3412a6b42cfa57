import Foundation
import Testing
import ZooKit
import ZooPlugins

@Suite("the scripted host")
struct ScriptedHostTests {
    /// Two examples, "1 2 | 3" and "4 | 5 6", with log-probabilities −1, −2 and −3 at the actions.
    private func script() -> ScriptedHost.Script {
        var script = ScriptedHost.Script()
        script.examples = { _ in
            Batch(offsets: [0, 3, 6], tokens: [1, 2, 3, 4, 5, 6], mask: [false, false, true, false, true, true])
        }
        script.outputs = { _, _, _ in ["logp": [0, 0, -1, 0, -2, -3]] }
        return script
    }

    private func run(_ host: ScriptedHost, steps: Int = 1) async throws {
        try await PluginFixture.withFolder { folder in
            let algorithm = try Plugin(path: PluginFixture.compile(into: folder)).create("broken", host: HostTable(host))
            for _ in 0..<steps { try algorithm.step() }
        }
    }

    @Test("records the loss, its gradients, the update and the metrics of a step")
    func record() async throws {
        let host = ScriptedHost(script())
        try await run(host)
        #expect(host.record.calls == ["data.examples", "model.accumulate", "model.optimizer_step", "log.metric"])
        let loss = try #require(host.record.losses.first)
        #expect(loss.role == "policy" && loss.flags == 0)
        // By hand: (1/3) Σ (l²/2 + l) over −1, −2, −3 is (−0.5 + 0 + 1.5) / 3, and its derivative is (l + 1) / 3.
        #expect(abs(loss.value - 1.0 / 3) < 1e-15)
        #expect(loss.gradients == ["logp": [0, 0, 0, 0, -1.0 / 3, -2.0 / 3]])
        #expect(host.record.updates == ["policy"])
        #expect(host.record.metric("loss") == loss.value)
    }

    @Test("the call that is to fail fails, with its status and its message")
    func failingCall() async throws {
        let host = ScriptedHost(script())
        host.faults.failing = (2, ZooError(.resourceExhausted, "no memory left"))
        await #expect(throws: ZooError(.resourceExhausted, "no memory left")) { try await run(host) }
        #expect(host.record.calls.last == "model.optimizer_step")
    }

    @Test("a service that is not scripted is unavailable")
    func unscripted() async throws {
        await #expect { try await run(ScriptedHost()) } throws: { ($0 as? ZooError)?.code == .unavailable }
    }

    @Test("the random service depends on the seed alone, and is SplitMix64")
    func random() throws {
        var numbers = [UInt64](repeating: 0, count: 3)
        try numbers.withUnsafeMutableBufferPointer { try ScriptedHost(seed: 1_234_567).fill($0) }
        // The reference implementation's first numbers for this seed.
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }
}
