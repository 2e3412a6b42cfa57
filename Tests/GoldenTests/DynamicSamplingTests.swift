import Foundation
import Testing
import ZooKit
import ZooPlugins

/// DAPO's dynamic sampling and overlong penalty through the ABI, with draws and rewards written out.
@Suite("dynamic sampling")
struct DynamicSamplingTests {
    /// A host whose draws earn these rewards, by group, one draw after the other; the sequences of a group have these lengths.
    private func script(_ draws: [[[Double]]], lengths: [Int] = [1, 1]) -> (ScriptedHost.Script, () -> [Int]) {
        let asked = Asked()
        func samples(_ groups: [[Double]]) -> Samples {
            let rows = groups.flatMap { _ in lengths.map { Array(repeating: 1.0, count: $0) } }
            return Samples(
                mask: rows, behaviour: rows.map { $0.map { _ in -1 } },
                groups: groups.indices.flatMap { index in lengths.map { _ in index } })
        }
        var script = samples(draws[0]).script(rewards: [], outputs: [:])
        script.generate = { _, prompts, _ in
            asked.prompts.append(prompts.sequenceCount)
            return samples(draws[asked.prompts.count - 1]).batch
        }
        script.rewards = { _ in
            let values = draws[asked.prompts.count - 1].flatMap { $0 }
            return [
                Column("reward", perStep: false, .f64(values)), Column("reward/own", perStep: false, .f64(values)),
                Column("weight/own", perStep: false, .f64(values.map { _ in 1 })),
            ]
        }
        script.outputs = { _, batch, wanted in
            Dictionary(uniqueKeysWithValues: wanted.map { ($0, batch.mask.map { $0 ? -1 : 0 }) })
        }
        return (script, { asked.prompts })
    }

    private final class Asked {
        var prompts: [Int] = []
    }

    private let plain: Settings = [
        "prompts": "3", "samples": "2", "baseline": text("none"), "scale_rewards": text("none"), "beta": "0",
        "loss_type": text("dapo"), "dynamic_sampling": "10",
    ]

    /// One group of the first draw, one of the second and the only one of the third tell something; 1e-9 apart is not equal.
    private let draws = [[[1, 1], [1, 0], [0, 0]], [[0.25, 0.25], [0.5, 0.5 + 1e-9]], [[0, 3]]]

    @Test("groups whose rewards are all equal are drawn again until there are as many as asked")
    func again() throws {
        let (script, asked) = script(draws)
        let record = try step("GRPO", "grpo", plain.object, script)
        #expect(asked() == [3, 2, 1])
        #expect(record.calls.filter { $0 == "reward.score" }.count == 3)
        let loss = try #require(record.losses.first)
        #expect(try loss.batch.integers("group") == [0, 0, 1, 1, 2, 2])
        // With no baseline the advantage is the reward, and the gradient −A over six actions.
        let gradient = try #require(loss.gradients["logp"])
        for (found, reward) in zip(gradient, [1, 0, 0.5, 0.5 + 1e-9, 0, 3]) { #expect(abs(found + reward / 6) < 1e-15) }
        #expect(record.metric("train/num_gen_batches") == 3)
        #expect(record.metric("dynamic_sampling/groups") == 3)
        #expect(record.metric("dynamic_sampling/discarded_groups") == 3)
        // What was thrown away is in the means.
        let rewards = record.metrics.filter { $0.name == "reward" }
        #expect(rewards.map(\.weight) == [6, 4, 2])
    }

    @Test("at the limit of draws what is missing stays missing")
    func limit() throws {
        let (script, asked) = script(draws)
        let record = try step("GRPO", "grpo", plain.with(["dynamic_sampling": "2"]).object, script)
        #expect(asked() == [3, 2])
        #expect(try record.losses[0].batch.integers("group") == [0, 0, 1, 1])
        #expect(record.metric("dynamic_sampling/groups") == 2)
    }

    @Test("where no group tells anything, the last draw is trained on as it is")
    func nothing() throws {
        let (script, _) = script([[[1, 1], [0, 0], [0, 0]], [[1, 1], [1, 1], [0, 0]]])
        let settings = plain.with(["dynamic_sampling": "2", "baseline": text("group_mean")])
        let record = try step("GRPO", "grpo", settings.object, script)
        #expect(record.losses[0].batch.sequenceCount == 6)
        #expect(record.losses[0].gradients["logp"]?.allSatisfy { $0 == 0 } == true)
        #expect(record.updates == ["policy"])
        #expect(record.metric("dynamic_sampling/groups") == 0)
    }

    /// L = 10 and a buffer of 4: 0 up to 6 actions, −¼ at 7, −1 at 10 and beyond.
    @Test(
        "a sequence in the buffer before the limit is punished for its length",
        arguments: [([6, 7], [0, -0.25]), ([8, 10], [-0.5, -1]), ([12, 1], [-1, 0])])
    func overlong(lengths: [Int], penalties: [Double]) throws {
        let (script, _) = script([[[0.5, 1]]], lengths: lengths)
        let settings = plain.with([
            "prompts": "1", "overlong_buffer": "4", "max_completion_length": "10", "overlong_penalty": "2",
        ])
        let record = try step("GRPO", "grpo", settings.object, script)
        let actions = Double(lengths.reduce(0, +))
        let gradient = try #require(record.losses[0].gradients["logp"])
        for (first, (reward, penalty)) in zip([0, lengths[0]], zip([0.5, 1], penalties)) {
            #expect(abs(gradient[first] + (reward + 2 * penalty) / actions) < 1e-15)
        }
        let mean = record.metric("rewards/overlong/mean") ?? .nan
        #expect(abs(mean - (penalties[0] + penalties[1])) < 1e-15)
    }

    @Test("groups are told by what they earned before that penalty")
    func beforePenalty() throws {
        let (script, asked) = script([[[1, 1]], [[0, 1]]], lengths: [7, 10])
        let settings = plain.with(["prompts": "1", "overlong_buffer": "4", "max_completion_length": "10"])
        _ = try step("GRPO", "grpo", settings.object, script)
        #expect(asked() == [1, 1])
    }
}
