import Testing
import ZooKit
import ZooPlugins

/// A host that shows a loss one sequence at a time, the last first.
private final class CuttingHost: HostServices {
    let whole: ScriptedHost
    private(set) var losses: [Double] = []

    init(_ script: ScriptedHost.Script) { whole = ScriptedHost(script) }

    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        var carrier = batch
        let given = try whole.forward(role: role, batch: batch, outputs: outputs)
        for column in given { carrier.set(Column("given " + column.name, perStep: column.perStep, column.values)) }
        var total = 0.0
        for sequence in (0..<batch.sequenceCount).reversed() {
            let slice = carrier.selecting([sequence])
            let values = given.map { column in
                Column(column.name, perStep: column.perStep, slice.column("given " + column.name)?.values ?? .f64([]))
            }
            total += try loss(batch.selecting([sequence]), values).loss
        }
        losses.append(total)
        return total
    }

    func optimizerStep(role: String) throws -> UpdateInfo { UpdateInfo(gradientNorm: 1, learningRate: 1e-3, version: 1) }
    func discard(role: String) throws { try whole.discard(role: role) }
    var position: RunPosition { whole.position }
    func prompts(_ n: Int) throws -> Batch { try whole.prompts(n) }
    func pairs(_ n: Int) throws -> Batch { try whole.pairs(n) }
    func examples(_ n: Int) throws -> Batch { try whole.examples(n) }
    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        try whole.generate(role: role, prompts: prompts, samples: samples)
    }
    func score(_ rollout: Batch) throws -> [Column] { try whole.score(rollout) }
    func supports(role: String, output: String) throws -> OutputInfo { try whole.supports(role: role, output: output) }
    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        try whole.forward(role: role, batch: batch, outputs: outputs)
    }
    func blend(destination: String, source: String, weight: Double) throws {
        try whole.blend(destination: destination, source: source, weight: weight)
    }
    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        try whole.metric(name: name, value: value, weight: weight, normaliser: normaliser)
    }
    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws { try whole.fill(numbers) }
    func log(level: Int32, message: String) { whole.log(level: level, message: message) }
    var isCancelled: Bool { whole.isCancelled }
}

@Suite("slices")
struct SlicesTests {
    /// Three sequences of one to three actions.
    private var samples: Samples {
        Samples(
            mask: [[0, 1, 1], [1, 1, 1], [0, 0, 1]], behaviour: [[0, -1, -0.5], [-0.25, -2, -1], [0, 0, -0.75]],
            groups: [0, 0, 0])
    }

    @Test(
        "an algorithm logs the same, however the host cuts the batch",
        arguments: [
            ("PPO", "ppo", #"{"prompts": 3, "epochs": 1}"#), ("GRPO", "grpo", #"{"prompts": 1, "samples": 3}"#),
            ("RLOO", "rloo", #"{"prompts": 1, "samples": 3}"#),
            (
                "RLOO", "rloo",
                #"{"prompts": 1, "samples": 3, "kl_position": "after_baseline", "importance_sampling_level": "token"}"#
            ),
            ("GRPO", "grpo", #"{"prompts": 1, "samples": 3, "importance_sampling_level": "sequence"}"#),
            ("GRPO", "grpo", #"{"prompts": 1, "samples": 3, "loss_type": "vespo"}"#),
            ("GRPO", "grpo", #"{"prompts": 1, "samples": 3, "loss_agg_mode": "seq_mean_token_sum_norm"}"#),
            ("ReinforcePlusPlus", "reinforce-plus-plus", #"{"prompts": 3, "kl_loss_coef": 0.1}"#),
        ])
    func metrics(library: String, id: String, parameters: String) throws {
        let script = {
            samples.script(
                rewards: [1, -0.5, 2],
                outputs: [
                    "policy.logp": [[0, -1.5, -0.25, -0.5, -1, -1.25, 0, 0, -0.5]],
                    "policy.entropy": [[0, 1, 2, 3, 4, 5, 0, 0, 6]],
                    "reference.logp": [[0, -1, -0.75, -0.5, -1.5, -1, 0, 0, -1]],
                    "critic.value": [[0, 0.5, 0.25, 1, -1, 0.5, 0, 0, 1], [0, 0.75, 0.5, 0.5, -1.5, 1, 0, 0, 0.5]],
                ])
        }
        let whole = try step(library, id, parameters, script())
        let cutting = CuttingHost(script())
        let algorithm = try builtPlugin(library).create(id, host: HostTable(cutting), parameters: parameters)
        try algorithm.step()

        #expect(whole.losses.map(\.value).count == cutting.losses.count)
        for (one, other) in zip(whole.losses, cutting.losses) { #expect(abs(one.value - other) < 1e-12) }
        #expect(whole.metrics.map(\.name) == cutting.whole.record.metrics.map(\.name))
        for (one, other) in zip(whole.metrics, cutting.whole.record.metrics) {
            #expect(abs(one.value - other.value) < 1e-12, "\(one.name) is \(other.value) in slices, and \(one.value) whole")
        }
    }

    @Test("PPO without a critic never names that role", arguments: ["batch_mean", "group_mean", "leave_one_out", "none"])
    func criticless(baseline: String) throws {
        let record = try step(
            "PPO", "ppo", #"{"prompts": 1, "samples": 3, "baseline": "\#(baseline)"}"#,
            samples.script(
                rewards: [1, -0.5, 2],
                outputs: [
                    "policy.logp": [try samples.batch.steps("behaviour_logp")],
                    "reference.logp": [try samples.batch.steps("behaviour_logp")],
                ]))
        #expect(record.roles == ["policy", "reference"])
        #expect(record.updates == ["policy", "policy", "policy", "policy"])
    }

    @Test("GRPO samples from a copy of the policy, refreshed at its interval, where the interval is above 1")
    func refresh() throws {
        let host = ScriptedHost(
            samples.script(
                rewards: [1, -0.5, 2],
                outputs: [
                    "policy.logp": [try samples.batch.steps("behaviour_logp")],
                    "reference.logp": [try samples.batch.steps("behaviour_logp")],
                ]))
        let algorithm = try builtPlugin("GRPO").create(
            "grpo", host: HostTable(host), parameters: #"{"prompts": 1, "samples": 3, "refresh_interval": 2}"#)
        for _ in 0..<3 { try algorithm.step() }
        let blends = host.record.blends.map { "\($0.destination) = \($0.weight) of \($0.source)" }
        #expect(blends == ["rollout = 1.0 of policy", "rollout = 1.0 of policy"])
        #expect(
            host.record.calls.filter { ["model.blend", "rollout.generate"].contains($0) } == [
                "model.blend", "rollout.generate", "rollout.generate", "model.blend", "rollout.generate",
            ])
    }
}
