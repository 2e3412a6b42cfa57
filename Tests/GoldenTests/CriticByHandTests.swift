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
}
