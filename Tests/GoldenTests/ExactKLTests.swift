import Testing
import ZooKit
import ZooPlugins

/// Two samples of two steps, the last of which is no action; every ratio is 1.
private let samples = Samples(mask: [[1, 1], [1, 0]], behaviour: [[-1, -2], [-3, 0]], groups: [0, 0])
private let kl = [0.5, 0.25, 2, 0]

private func host(rewards: [Double] = [0, 0], absent: Set<String> = []) -> ScriptedHost {
    let logp = samples.batch.column("behaviour_logp")?.doubles ?? []
    var script = samples.script(
        rewards: rewards, outputs: ["policy.logp": [logp], "reference.logp": [logp], "policy.kl:reference": [kl]])
    script.absentOutputs = absent
    return ScriptedHost(script)
}

private let plain: [String: Settings] = [
    "grpo": ["prompts": "1", "samples": "2", "baseline": text("none"), "scale_rewards": text("none"), "loss_type": text("dapo")],
    "ppo": [
        "prompts": "1", "samples": "2", "epochs": "1", "baseline": text("none"), "whiten_advantages": "false", "beta": "0",
    ],
]
private let exact: [String: Settings] = [
    "grpo": ["kl_estimator": text("exact"), "beta": "3"], "ppo": ["kl_loss_estimator": text("exact"), "kl_loss_coef": "3"],
]

/// A step of `grpo` or `ppo`, whose loss is a mean over the three actions.
@discardableResult
private func run(_ id: String, _ settings: Settings, on host: ScriptedHost = host()) throws -> ScriptedHost.Record.Loss {
    let settings = (plain[id] ?? [:]).with(settings)
    let algorithm = try builtPlugin(id.uppercased()).create(id, host: HostTable(host), parameters: settings.object)
    try algorithm.step()
    return try #require(host.record.losses.first)
}

@Suite("the exact KL in a loss")
struct ExactKLTests {
    /// By hand: β·(0.5 + 0.25 + 2)/3 with β = 3, and β/3 for each action.
    @Test("weighs the policy's own output, whose step that is no action gets nothing", arguments: ["grpo", "ppo"])
    func value(id: String) throws {
        let loss = try run(id, exact[id] ?? [:])
        #expect(abs(loss.value - 2.75) < 1e-12)
        #expect(loss.gradients["kl:reference"] == [1, 1, 1, 0])
        #expect(loss.gradients["logp"] == [0, 0, 0, 0])
    }

    @Test("a limit cuts it, and where it binds the gradient stops", arguments: ["grpo", "ppo"])
    func limit(id: String) throws {
        let loss = try run(id, (exact[id] ?? [:]).with(["kl_clip": "1"]))
        #expect(abs(loss.value - 1.75) < 1e-12)
        #expect(loss.gradients["kl:reference"] == [1, 1, 0, 0])
    }

    @Test("grpo then asks the reference nothing, and logs the exact KL")
    func reference() throws {
        let scripted = host()
        try run("grpo", exact["grpo"] ?? [:], on: scripted)
        #expect(scripted.record.roles == ["policy"])
        #expect(scripted.record.metric("kl") == 2.75 / 3)
    }

    @Test("grpo measures it at strength 0 where its metric is wanted, and asks for it nowhere else")
    func metricAlone() throws {
        let (measured, unmeasured) = (host(), host())
        let free = (exact["grpo"] ?? [:]).with(["beta": "0"])
        #expect(try run("grpo", free, on: measured).gradients["kl:reference"] == [0, 0, 0, 0])
        #expect(measured.record.metric("kl") == 2.75 / 3)
        let loss = try run("grpo", free.with(["log_kl": "false"]), on: unmeasured)
        #expect(loss.outputs.map(\.name) == ["logp", "entropy"])
        #expect(unmeasured.record.metric("kl") == nil)
    }

    @Test(
        "a policy that does not give it is refused before it samples, by the parameter's name and with what to do",
        arguments: [("grpo", "kl_estimator"), ("ppo", "kl_loss_estimator")])
    func absent(id: String, parameter: String) throws {
        let poor = host(absent: ["kl:reference"])
        #expect(
            throws: ZooError(
                .invalidArgument,
                "parameter '\(parameter)' is 'exact', but this policy does not give the output 'kl:reference'; set it to 'k3', "
                    + "which estimates the KL from log-probabilities")
        ) {
            try run(id, exact[id] ?? [:], on: poor)
        }
        #expect(poor.record.calls == ["model.supports"])
        try run(id, [parameter: text("k3")], on: host(absent: ["kl:reference"]))
    }

    @Test("a penalty in the reward cannot be exact, and nor can a correction of it")
    func refused() {
        #expect {
            try run("ppo", ["kl_estimator": text("exact")])
        } throws: {
            "\($0)".contains("parameter 'kl_estimator' of 'ppo': expected one of k1, k2, k3, abs, k1+, k3+, abs+, found 'exact'")
        }
        #expect {
            try run("grpo", (exact["grpo"] ?? [:]).with(["use_bias_correction_kl": "true"]))
        } throws: {
            "\($0)".contains("'use_bias_correction_kl' is true; kl_estimator 'exact' is no estimate to correct")
        }
    }

    @Test("no other parameter offers it")
    func offers() throws {
        let offers = try ["GRPO", "PPO", "RLOO", "ReinforcePlusPlus"].flatMap { library in
            try builtPlugin(library).description.algorithms.flatMap { algorithm in
                algorithm.parameters.filter { $0.choices.contains("exact") }.map { "\(algorithm.id) \($0.name)" }
            }
        }
        #expect(offers == ["grpo kl_estimator", "ppo kl_loss_estimator"])
    }
}

@Suite("limits of advantages")
struct AdvantageLimitTests {
    /// Without a baseline a reward is its sequence's advantage; at ratio 1 the gradient of a mean over three actions is −A/3.
    @Test(
        "advantage_clip cuts an advantage on both sides and leaves the others",
        arguments: [
            ("grpo", "null", 6, -9), ("grpo", "6.5", 6, -6.5), ("grpo", "5", 5, -5), ("ppo", "null", 6, -9), ("ppo", "5", 5, -5),
        ]
            as [(String, String, Double, Double)])
    func clip(id: String, limit: String, first: Double, second: Double) throws {
        let off: Settings = id == "grpo" ? ["beta": "0"] : [:]
        let loss = try run(id, off.with(["advantage_clip": limit]), on: host(rewards: [6, -9]))
        let found = (loss.gradients["logp"] ?? []).map { $0 * -3 }
        #expect(zip(found, [first, first, second, 0]).allSatisfy { abs($0 - $1) < 1e-12 }, "\(found)")
    }

    /// Rewards 1 and 3 lie 1 from their mean: their deviation is √2 by n − 1 and 1 by n.
    @Test(
        "scale_variance says what the deviation's denominator is", arguments: [("unbiased", 0.5.squareRoot()), ("population", 1)])
    func denominator(name: String, advantage: Double) throws {
        for scale in ["group", "batch"] {
            let settings: Settings = [
                "beta": "0", "baseline": text("group_mean"), "scale_rewards": text(scale), "advantage_epsilon": "0",
                "scale_variance": text(name),
            ]
            let loss = try run("grpo", settings, on: host(rewards: [1, 3]))
            let found = (loss.gradients["logp"] ?? []).map { $0 * -3 }
            #expect(zip(found, [-advantage, -advantage, advantage, 0]).allSatisfy { abs($0 - $1) < 1e-12 }, "\(found)")
        }
    }
}
