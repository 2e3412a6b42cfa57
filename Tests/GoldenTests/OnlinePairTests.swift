import Foundation
import Testing
import ZooKit
import ZooPlugins

private func expectEqual(_ found: [Double], _ expected: [Double]) {
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-12, "\(found), \(expected)") }
}

/// Two prompts with three answers each, of one to two actions.
@Suite("online-dpo by hand")
struct OnlinePairTests {
    private func record(_ parameters: String, rewards: [Double], finished: [UInt8] = [1, 1, 1, 1, 1, 1]) throws
        -> ScriptedHost.Record
    {
        var samples = Samples(
            mask: [[0, 1], [1, 1], [0, 1], [0, 1], [1, 1], [0, 1]],
            behaviour: [[0, -1], [-1, -1], [0, -1], [0, -2], [-1, -2], [0, -3]],
            groups: [0, 0, 0, 1, 1, 1])
        samples.batch.set(Column("finished", perStep: false, .u8(finished)))
        let reference = [[0, -1.5, -1, -1, 0, -1, 0, -2, -1, -1, 0, -3]]
        // The policy is asked about the pairs alone, so that it is known by the actions that it sees: all are −1.
        var script = samples.script(rewards: rewards, outputs: ["reference.logp": reference])
        let given = script.outputs
        script.outputs = { role, batch, wanted in
            role == "policy" ? ["logp": batch.mask.map { $0 ? -1 : 0 }] : try given(role, batch, wanted)
        }
        return try step("OnlineDPO", "online-dpo", parameters, script)
    }

    /// Best and worst are the first and second answer of prompt 0, the third and first of prompt 1.
    /// Log-ratios: −1 + 1.5 and −2 + 2; −1 + 3 and −1 + 2.
    @Test("the best and the worst of each prompt are its pair, and each action has its sequence's slope")
    func pairs() throws {
        let record = try record(#"{"prompts": 2, "samples": 3, "beta": 0.5}"#, rewards: [3, 1, 2, -2, 0, 5])
        let (first, second) = (0.5, 2.0 - 1)
        #expect(try record.losses[0].batch.integers("chosen") == [1, 0, 1, 0])
        expectEqual([record.losses[0].value], [(log(1 + exp(-0.5 * first)) + log(1 + exp(-0.5 * second))) / 2])
        let (a, b) = (0.25 / (1 + exp(0.5 * first)), 0.25 / (1 + exp(0.5 * second)))
        expectEqual(record.losses[0].gradients["logp"] ?? [], [0, -a, a, a, 0, -b, 0, b])
        expectEqual([record.metric("objective/scores_margin") ?? .nan], [(2 + 7) / 2])
        expectEqual([record.metric("rewards/margins") ?? .nan], [0.5 * (first + second) / 2])
        expectEqual(["chosen", "rejected", "accuracies"].map { record.metric("rewards/\($0)") ?? .nan }, [0.625, 0.25, 1])
        expectEqual(["chosen", "rejected"].map { record.metric("logps/\($0)") ?? .nan }, [-1, -1.5])
        // Behaviour −1, −2, −1, −2, −3, −3 against −1.5, −2, −1, −2, −2, −3.
        expectEqual([record.metric("objective/kl") ?? .nan], [(0.5 - 1) / 6])
    }

    @Test("ipo takes sums: (h − 1/(2β))²")
    func ipo() throws {
        let record = try record(#"{"prompts": 2, "samples": 3, "beta": 0.5, "loss_type": "ipo"}"#, rewards: [3, 1, 2, -2, 0, 5])
        expectEqual([record.losses[0].value], [(0.25 + 0) / 2])
        expectEqual(record.losses[0].gradients["logp"] ?? [], [0, -0.5, 0.5, 0.5, 0, 0, 0, 0])
    }

    /// Of prompt 0 the first answer is the better one and the last the worse, with log-ratios 0.5 and 0; of prompt 1 the second is the
    /// last of the worst, with log-ratios 2 and 0.
    @Test("a tie goes to the answer that came first")
    func ties() throws {
        let record = try record(#"{"prompts": 2, "samples": 3, "beta": 1}"#, rewards: [1, 1, 1, 0, 0, 1])
        expectEqual([record.losses[0].value], [(log(1 + exp(-0.5)) + log(1 + exp(-2))) / 2])
        #expect(record.metric("frac_reward_zero_std") == 0.5)
    }

    /// Without its end the best answer of prompt 0 falls from 3 to −1 and is the worst.
    @Test("a sequence that does not end pays before it is compared")
    func missingEnd() throws {
        let parameters = #"{"prompts": 2, "samples": 3, "missing_eos_penalty": 4}"#
        let record = try record(parameters, rewards: [3, 1, 2, -2, 0, 5], finished: [0, 1, 1, 1, 1, 1])
        let batch = record.losses[0].batch
        // The chosen answer is now the third, the rejected the first.
        #expect(batch.steps(of: 0).count == 2 && batch.mask[batch.steps(of: 0)].elementsEqual([false, true]))
        expectEqual(try batch.sequences("reference"), [-1, -1.5, -3, -2])
        expectEqual([record.metric("objective/scores") ?? .nan], [(3 - 4 + 1 + 2 - 2 + 0 + 5) / 6])
        expectEqual([record.metric("val/contain_eos_token") ?? .nan], [5.0 / 6])
    }
}

/// Two samples of two and one actions. log π_T − log π_old is 0.5 and −1 in the first, 0.25 in the second.
@Suite("distill by hand")
struct DistillTests {
    private func record(_ parameters: String, policy: [Double]) throws -> ScriptedHost.Record {
        let samples = Samples(mask: [[0, 1, 1], [0, 1]], behaviour: [[0, -1, -0.5], [0, -2]])
        return try step(
            "Distill", "distill", parameters,
            samples.script(
                rewards: [0, 0], outputs: ["policy.logp": [policy], "teacher.logp": [[0, -0.5, -1.5, 0, -1.75]]]))
    }

    @Test(
        "each token is paid what the teacher says of it, and with a discount γ what it says of the later ones",
        arguments: [0, 0.5, 1])
    func advantages(gamma: Double) throws {
        let record = try record(#"{"prompts": 2, "gamma": \#(gamma)}"#, policy: [0, -1, -0.5, 0, -2])
        let advantages = [0, 0.5 - gamma, -1, 0, 0.25]
        expectEqual(record.losses[0].gradients["logp"] ?? [], advantages.map { -$0 / 3 })
        expectEqual([record.metric("teacher_kl") ?? .nan], [(-0.5 + 1 - 0.25) / 3])
        #expect(record.roles == ["policy", "teacher"])
        #expect(!record.calls.contains("reward.score"))
    }

    /// Ratios e^0.5 where A = 0.5, e^−0.5 where A = −1, 1 where A = 0.25: both of the first are clipped.
    @Test("with clip_range the ratio stops earning beyond it")
    func clip() throws {
        let moved = [0, -0.5, -1, 0, -2.0]
        let free = try record(#"{"prompts": 2}"#, policy: moved)
        expectEqual(free.losses[0].gradients["logp"] ?? [], [0, -0.5 * exp(0.5) / 3, exp(-0.5) / 3, 0, -0.25 / 3])
        let clipped = try record(#"{"prompts": 2, "clip_range": 0.2}"#, policy: moved)
        expectEqual([clipped.losses[0].value], [-(1.2 * 0.5 - 0.8 + 0.25) / 3])
        expectEqual(clipped.losses[0].gradients["logp"] ?? [], [0, 0, 0, 0, -0.25 / 3])
    }
}
