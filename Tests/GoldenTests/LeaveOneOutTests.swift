import Foundation
import Testing
import ZooKit
import ZooPlugins

/// RLOO's arithmetic on two completions of one prompt, computed by hand.
///
/// KL of the completions 0.5 and −1, so returns 1 − 0.25 and 0 + 0.5 with β = 0.5; each measured against the other: ±0.25. Policy has
/// moved by log-ratios 0.1 + 0.1 and 0.1.
@Suite("rloo by hand")
struct LeaveOneOutTests {
    private func record(_ options: String) throws -> ScriptedHost.Record {
        let samples = Samples(mask: [[0, 1, 1], [0, 1]], behaviour: [[0, -1, -0.5], [0, -2]], groups: [0, 0])
        return try step(
            "RLOO", "rloo", #"{"prompts": 1, "samples": 2, "beta": 0.5\#(options)}"#,
            samples.script(
                rewards: [1, 0],
                outputs: ["policy.logp": [[0, -0.9, -0.4, 0, -1.9]], "reference.logp": [[0, -1.25, -0.75, 0, -1]]]))
    }

    private func expectEqual(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-12, "\(found), \(expected)") }
    }

    /// ρ = e^0.2 > 1.2 of the first is clipped; ρ = e^0.1 of the second is not.
    @Test("the ratio of a whole completion is clipped, and then stops the gradient of all its actions")
    func sequence() throws {
        let record = try record("")
        expectEqual([record.losses[0].value], [-(1.2 * 0.25 - exp(0.1) * 0.25) / 2])
        expectEqual(record.losses[0].gradients["logp"] ?? [], [0, 0, 0, 0, exp(0.1) * 0.25 / 2])
        #expect(record.metric("clip_ratio/high_mean") == 0.5)
        #expect(record.metric("clip_ratio/low_mean") == 0)
        expectEqual([record.metric("kl") ?? .nan, record.metric("reward") ?? .nan], [-0.5 / 3, 0.5])
    }

    @Test("with a ratio per token each action is clipped by itself, and none is here")
    func token() throws {
        let record = try record(#", "importance_sampling_level": "token""#)
        let part = exp(0.1) * 0.25 / 2
        expectEqual([record.losses[0].value], [-part * 2 + part])
        expectEqual(record.losses[0].gradients["logp"] ?? [], [0, -part, -part, 0, part])
        #expect(record.metric("clip_ratio/high_mean") == 0)
    }

    /// Returns 0.25 − 0.25 and 0 + 0.5, so advantages ∓0.5. Where A < 0 a ratio above 1 is not clipped.
    @Test("rewards are clipped before the KL comes in")
    func clip() throws {
        let (first, second) = (exp(0.2) * 0.5 / 2, exp(0.1) * 0.5 / 2)
        let record = try record(#", "reward_clip": 0.25"#)
        expectEqual(record.losses[0].gradients["logp"] ?? [], [0, first, first, 0, -second])
    }

    /// KL of the actions ¼, ¼ and −1; each reward against the other ±1. From each action on: 1 − ⅛ − ⅛, 1 − ⅛ and −1 + ½.
    @Test(
        "with the KL behind the baseline each action answers for it from itself on",
        arguments: [("seq_mean_token_sum", 2.0), ("token_mean", 3.0)])
    func afterBaseline(mode: String, count: Double) throws {
        let perToken = #", "importance_sampling_level": "token", "kl_position": "after_baseline""#
        let record = try record(perToken + #", "loss_agg_mode": "\#(mode)""#)
        let expected = [0, 0.75, 0.875, 0, -0.5].map { -exp(0.1) * $0 / count }
        expectEqual(record.losses[0].gradients["logp"] ?? [], expected)
    }
}
