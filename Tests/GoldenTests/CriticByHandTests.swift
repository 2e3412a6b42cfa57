import Testing
import ZooKit
import ZooPlugins

/// One completion of two actions, V = ½ and ¼, a score of 1 and no KL, γ = 1.
///
/// δ = ¼ − ½ and 1 − ¼, so with λ = ½ the advantages are −¼ + ½·¾ = ⅛ and ¾, and A + V is ⅝ and 1; with λ = 1 it is 1 and 1.
@Suite("ppo by hand")
struct CriticByHandTests {
    private func record(_ options: String, values: [Double] = [0.5, 0.25]) throws -> ScriptedHost.Record {
        let samples = Samples(mask: [[1, 1]], behaviour: [[-1, -2]])
        let logp = try samples.batch.steps("behaviour_logp")
        return try step(
            "PPO", "ppo", #"{"prompts": 1, "epochs": 1, "whiten_advantages": false\#(options)}"#,
            samples.script(
                rewards: [1],
                outputs: [
                    "policy.logp": [logp], "reference.logp": [logp], "policy.entropy": [[0, 0]], "critic.value": [values],
                ]))
    }

    /// The two gradients are −A/2 and (V − R)/2.
    @Test(
        "the critic may learn returns of another λ, and the advantages' λ may follow the length",
        arguments: [
            (#", "lambda": 0.5"#, [0.625, 1]), (#", "lambda": 0.5, "lambda_critic": 1"#, [1, 1]),
            (#", "lambda": 0, "lambda_length_alpha": 1"#, [0.625, 1]),
            (#", "lambda": 0, "lambda_length_alpha": 1, "lambda_critic": 1"#, [1, 1]),
        ])
    func lambdas(options: String, returns: [Double]) throws {
        let record = try record(options)
        #expect(record.losses[0].gradients["logp"] == [-0.0625, -0.375])
        #expect(record.losses[1].gradients["value"] == [(0.5 - returns[0]) / 2, (0.25 - returns[1]) / 2])
    }

    @Test("a score beyond its limit is cut, after the rule for a missing end")
    func rewardClip() throws {
        let record = try record(#", "lambda": 1, "reward_clip": 0.5"#)
        #expect(record.losses[1].gradients["value"] == [0, -0.125])
    }

    /// Two actions with a tool's answer between them, V = ½ and ¼, ½ earned at each, λ = ½. The answer's own value is never read.
    ///
    /// δ = ½ + ¼ − ½ and ½ − ¼, so the advantages are ¼ + ½·¼ = ⅜ and ¼, and A + V is ⅞ and ½. With the score cut to ¼, ¾ goes off the
    /// last action: δ there is ½ − ¾ − ¼ = −½, the advantages are 0 and −½, and A + V is ½ and −¼.
    @Test(
        "what was earned at a step stays there, and values carry over a tool's answer",
        arguments: [("", [0.375, 0.25], [0.875, 0.5]), (#", "reward_clip": 0.25"#, [0, -0.5], [0.5, -0.25])])
    func stepRewards(options: String, advantages: [Double], returns: [Double]) throws {
        let samples = Samples(mask: [[1, 0, 1]], behaviour: [[-1, 0, -2]])
        let logp = try samples.batch.steps("behaviour_logp")
        var script = samples.script(
            rewards: [1],
            outputs: [
                "policy.logp": [logp], "reference.logp": [logp], "policy.entropy": [[0, 0, 0]],
                "critic.value": [[0.5, 99, 0.25]],
            ])
        script.rewards = { _ in
            [Column("reward", perStep: false, .f64([1])), Column("step_reward", perStep: true, .f64([0.5, 0, 0.5]))]
        }
        let record = try step(
            "PPO", "ppo", #"{"prompts": 1, "epochs": 1, "whiten_advantages": false, "lambda": 0.5\#(options)}"#, script)
        #expect(record.losses[0].gradients["logp"] == [-advantages[0] / 2, 0, -advantages[1] / 2])
        #expect(record.losses[1].gradients["value"] == [(0.5 - returns[0]) / 2, 0, (0.25 - returns[1]) / 2])
    }
}
