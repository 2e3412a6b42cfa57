import Foundation
import Testing
import ZooKit
import ZooPlugins

/// One update of a plugin on four groups of four completions: one with a single hit, one without two equal rewards, one that is always
/// solved, one of pairs. The policy has moved since it sampled, so that ratios and clips are in play.
private struct Rollout {
    static let rewards: [Double] = [0, 0, 1, 0, 0.5, -0.25, 2, 0.125, 1, 1, 1, 1, 0, 1, 0, 1]
    static let groups = rewards.indices.map { $0 / 4 }
    static let mask = rewards.indices.map { [0] + Array(repeating: 1.0, count: 1 + $0 % 3) }

    let library: String
    let id: String
    let settings: Settings

    init(_ name: String, _ settings: Settings) throws {
        let parts = AlgorithmName(name)
        id = parts.id
        library = try #require(Self.libraries[id])
        let all = settings.with(["prompts": "4", "samples": "4"])
        self.settings = parts.preset == nil ? all : try .preset(library, name, all)
    }

    private static let libraries = [
        "grpo": "GRPO", "rloo": "RLOO", "ppo": "PPO", "reinforce-plus-plus": "ReinforcePlusPlus", "online-dpo": "OnlineDPO",
        "reinforce": "Reinforce",
    ]

    struct Answer {
        /// Of each loss, its derivatives by the policy's log π and then itself, which clips hide less of.
        let gradients: [[Double]]
        let record: ScriptedHost.Record
    }

    /// - Parameters:
    ///   - unit: What rewards are counted in; a critic's values are in it too.
    ///   - steps: Iterations with the same samples.
    func answer(
        _ rewards: [Double], components: [(values: [Double], weight: Double)] = [], unit: Double = 1, steps: Int = 1
    ) throws -> Answer {
        let count = Self.mask.joined().count
        let behaviour = (0..<count).map { -1 - Double($0) / 64 }
        let moved = (0..<count).map { behaviour[$0] + 0.3 * sin(Double($0)) }
        let reference = (0..<count).map { behaviour[$0] - 0.1 * cos(Double($0)) }
        let values = (0..<count).map { unit * 0.25 * sin(2 + Double($0)) }
        var rows: [[Double]] = []
        for row in Self.mask { rows.append(Array(behaviour[rows.joined().count...].prefix(row.count))) }
        let samples = Samples(mask: Self.mask, behaviour: rows, groups: Self.groups)
        var script = samples.script(rewards: rewards, components: components, outputs: [:])
        // A plugin may ask about some of the sequences alone: each step is known by what it was sampled with.
        func lookup(_ answers: [Double], _ batch: Batch) throws -> [Double] {
            let known = Dictionary(uniqueKeysWithValues: zip(behaviour, answers))
            return try zip(batch.steps("behaviour_logp"), batch.mask).map { $1 ? known[$0] ?? .nan : 0 }
        }
        script.outputs = { role, batch, wanted in
            try Dictionary(
                uniqueKeysWithValues: wanted.map { name in
                    switch name {
                    case "logp": (name, try lookup(role == "policy" ? moved : reference, batch))
                    case "value": (name, try lookup(values, batch))
                    default: (name, batch.mask.map { _ in 0 })
                    }
                })
        }
        let host = ScriptedHost(script)
        let algorithm = try builtPlugin(library).create(id, host: HostTable(host), parameters: settings.object)
        for _ in 0..<steps { try algorithm.step() }
        return Answer(
            gradients: host.record.losses.filter { $0.role == "policy" }.map { ($0.gradients["logp"] ?? []) + [$0.value] },
            record: host.record)
    }
}

/// Settings as a test's argument.
struct InvariantCase: CustomTestStringConvertible, Sendable {
    let name: String
    let settings: Settings
    var testDescription: String { "\(name) \(settings.object)" }

    init(_ name: String, _ settings: Settings = [:]) {
        self.name = name
        self.settings = settings
    }
}

@Suite("what rewards are counted from, and in, changes nothing")
struct RewardInvarianceTests {
    static let shifted: [InvariantCase] = {
        var cases: [InvariantCase] = []
        for scale in ["group", "batch", "none"] {
            for baseline in ["group_mean", "leave_one_out", "length_weighted"] {
                for epsilon in ["0", "1e-6"] {
                    cases.append(
                        InvariantCase(
                            "grpo",
                            ["scale_rewards": text(scale), "baseline": text(baseline), "advantage_epsilon": epsilon]))
                }
            }
        }
        for preset in ["deepseekmath", "trl", "dapo", "verl", "openrlhf", "nemo", "flow-grpo", "dance-grpo"] {
            cases.append(InvariantCase("grpo@\(preset)", ["kl_estimator": text("k3"), "minibatches": "1"]))
        }
        cases.append(InvariantCase("rloo"))
        cases.append(InvariantCase("rloo", ["normalize_advantages": "true"]))
        cases.append(InvariantCase("rloo@openrlhf"))
        for baseline in ["batch_mean", "group_mean", "leave_one_out"] {
            for whiten in ["true", "false"] {
                cases.append(
                    InvariantCase("ppo", ["baseline": text(baseline), "whiten_advantages": whiten, "epochs": "1"]))
            }
        }
        cases.append(InvariantCase("reinforce-plus-plus", ["baseline": text("group_mean")]))
        cases.append(InvariantCase("reinforce-plus-plus", ["baseline": text("none"), "gamma": "1"]))
        cases.append(InvariantCase("online-dpo"))
        return cases
    }()

    /// Largest difference, and what rounding of the rewards allows: half a unit in their last place over deviations of a quarter.
    private func expectEqual(_ found: [[Double]], _ expected: [[Double]], size: Double, _ what: String) {
        let allowed = 256 * Double.ulpOfOne * (1 + size) * (largest(expected.flatMap { $0 }) + 1e-3)
        #expect(found.map(\.count) == expected.map(\.count))
        let worst = largest(zip(found.joined(), expected.joined()).map { $0 - $1 })
        #expect(worst <= allowed, "\(what): a gradient differs by \(worst), where \(allowed) is rounding")
    }

    @Test("a constant added to all rewards changes nothing", arguments: shifted)
    func constant(item: InvariantCase) throws {
        let rollout = try Rollout(item.name, item.settings)
        let plain = try rollout.answer(Rollout.rewards)
        #expect(plain.gradients.joined().contains { abs($0) > 1e-4 })
        for constant in [0.1, 0.25, -0.7, 1e3, 1e6] {
            let moved = try rollout.answer(Rollout.rewards.map { $0 + constant })
            expectEqual(moved.gradients, plain.gradients, size: abs(constant), "\(item) + \(constant)")
            #expect(moved.record.metric("frac_reward_zero_std") == plain.record.metric("frac_reward_zero_std"))
        }
    }

    @Test("nor does one in a component, where each is scaled by itself", arguments: ["0", "1e-4"])
    func component(epsilon: String) throws {
        let rollout = try Rollout(
            "grpo", ["multi_objective_aggregation": text("normalize_then_sum"), "advantage_epsilon": epsilon])
        func answer(_ constant: Double) throws -> [[Double]] {
            let components = [(Rollout.rewards.map { $0 + constant }, 1.0), (Rollout.rewards.reversed().map { $0 }, 0.5)]
            let total = Rollout.rewards.indices.map { components[0].0[$0] + 0.5 * components[1].0[$0] }
            return try rollout.answer(total, components: components).gradients
        }
        for constant in [0.1, 1e3, 1e6] {
            expectEqual(try answer(constant), try answer(0), size: constant, "constant \(constant), ε \(epsilon)")
        }
    }

    /// The first step measures against 0, and the second against the first's mean.
    @Test("reinforce forgets a constant after its first step")
    func movingAverage() throws {
        let rollout = try Rollout("reinforce", [:])
        let plain = try rollout.answer(Rollout.rewards, steps: 2)
        for constant in [0.1, 1e3, 1e6] {
            let moved = try rollout.answer(Rollout.rewards.map { $0 + constant }, steps: 2)
            expectEqual([moved.gradients[1]], [plain.gradients[1]], size: constant, "+ \(constant)")
        }
    }

    @Test(
        "one reward for all is no advantage, whatever is divided by",
        arguments: shifted.filter { $0.name != "online-dpo" }, [0.1, 1, 1.0 / 3, -1e6 - 0.1, 1e-9] as [Double])
    func dead(item: InvariantCase, reward: Double) throws {
        // A KL would have a gradient of its own.
        let off: [String: Settings] = [
            "grpo": ["beta": "0"], "rloo": ["beta": "0"], "ppo": ["beta": "0"], "reinforce-plus-plus": ["beta": "0"],
        ]
        let settings = item.settings.with(off[AlgorithmName(item.name).id] ?? [:])
        let answer = try Rollout(item.name, settings).answer(Rollout.rewards.map { _ in reward })
        #expect(answer.gradients.joined().allSatisfy { $0 == 0 })
        if let share = answer.record.metric("frac_reward_zero_std") { #expect(share == 1) }
        if let deviation = answer.record.metric("reward_std") { #expect(deviation == 0) }
    }

    /// 0.1 · 3 − 0.3 is 5.6e-17 and 0.1 · 6 − 0.6 is 1.1e-16: equal but for the rounding of what they were added up from.
    @Test("what remains of rewards that cancel is rounding")
    func cancelled() throws {
        let steps = Rollout.rewards.indices.map { Double(3 + 3 * ($0 % 3)) }
        let penalty = [0.3, 0.6, 0.9]
        let components = [(steps, 0.1), (Rollout.rewards.indices.map { penalty[$0 % 3] }, -1)]
        let total = steps.indices.map { 0.1 * components[0].0[$0] - components[1].0[$0] }
        #expect(Set(total).count > 1)
        for baseline in ["group_mean", "leave_one_out"] {
            let rollout = try Rollout(
                "grpo", ["advantage_epsilon": "0", "beta": "0", "log_kl": "false", "baseline": text(baseline)])
            let answer = try rollout.answer(total, components: components)
            #expect(answer.gradients.joined().allSatisfy { $0 == 0 })
            #expect(answer.record.metric("frac_reward_zero_std") == 1)
        }
    }

    @Test(
        "the unit of rewards changes nothing where an algorithm divides by their deviation",
        arguments: [
            InvariantCase("grpo", ["scale_rewards": text("group"), "advantage_epsilon": "0"]),
            InvariantCase("grpo", ["scale_rewards": text("batch"), "advantage_epsilon": "0"]),
            InvariantCase("grpo", ["multi_objective_aggregation": text("normalize_then_sum"), "advantage_epsilon": "0"]),
            InvariantCase("online-dpo"),
        ])
    func unit(item: InvariantCase) throws {
        let rollout = try Rollout(item.name, item.settings)
        let plain = try rollout.answer(Rollout.rewards)
        for unit in [1e-12, 1e-6, 7, 1e6, 1e12] {
            let scaled = try rollout.answer(Rollout.rewards.map { $0 * unit })
            expectEqual(scaled.gradients, plain.gradients, size: 1, "\(item) · \(unit)")
            #expect(scaled.record.metric("frac_reward_zero_std") == plain.record.metric("frac_reward_zero_std"))
        }
    }

    /// Their ε of 10⁻⁸ under the root is as nothing beside variances of 10⁵ and more.
    @Test(
        "nor where returns are whitened, a critic's values being in the same unit",
        arguments: [
            InvariantCase("ppo", ["beta": "0", "epochs": "1"]),
            InvariantCase("ppo", ["beta": "0", "epochs": "1", "baseline": text("leave_one_out")]),
            InvariantCase("reinforce-plus-plus", ["beta": "0"]),
        ])
    func whitened(item: InvariantCase) throws {
        let rollout = try Rollout(item.name, item.settings)
        let plain = try rollout.answer(Rollout.rewards.map { $0 * 1e3 }, unit: 1e3)
        for unit in [1e6, 1e9] {
            let scaled = try rollout.answer(Rollout.rewards.map { $0 * unit }, unit: unit)
            let worst = largest(zip(scaled.gradients.joined(), plain.gradients.joined()).map { $0 - $1 })
            #expect(worst < 1e-12 * largest(plain.gradients.flatMap { $0 }) + 1e-13, "\(item) · \(unit)")
            #expect(
                abs(
                    (scaled.record.metric("critic/vf_explained_var") ?? 0) - (plain.record.metric("critic/vf_explained_var") ?? 0)
                )
                    < 1e-9)
        }
    }
}

@Suite("groups without an advantage")
struct DeadGroupTests {
    /// The second of three groups earns the same throughout.
    private func record(_ settings: Settings) throws -> ScriptedHost.Record {
        let samples = Samples(
            mask: [[1, 1], [1], [1, 1, 1], [1], [1], [1, 1]], behaviour: [[-1, -1], [-1], [-1, -1, -1], [-1], [-1], [-1, -1]],
            groups: [0, 0, 1, 1, 2, 2])
        let common: Settings = ["prompts": "3", "samples": "2", "loss_type": text("dapo"), "kl_estimator": text("k1")]
        return try step(
            "GRPO", "grpo", common.with(settings).object,
            samples.script(
                rewards: [1, 0, 0.1, 0.1, 0, 1],
                outputs: ["policy.logp": [Array(repeating: -1, count: 10)], "reference.logp": [Array(repeating: -2, count: 10)]]))
    }

    @Test("keep their KL unless they are masked")
    func kept() throws {
        // k1's slope is 1: β over ten actions.
        let gradient = try #require(record(["beta": "0.5"]).losses[0].gradients["logp"])
        for index in 3..<7 { #expect(abs(gradient[index] - 0.05) < 1e-12) }
    }

    @Test("leave the loss, and its number of actions, where they are masked")
    func masked() throws {
        let loss = try record(["beta": "0.5", "mask_zero_advantage_groups": "true"]).losses[0]
        let gradient = try #require(loss.gradients["logp"])
        #expect(gradient[3..<7].allSatisfy { $0 == 0 })
        // ±½ over √½ + 10⁻⁴, and the KL, each over the six actions that are left.
        let advantage = 0.5 / (0.5.squareRoot() + 1e-4)
        for (index, sign) in [(0, 1.0), (1, 1), (2, -1), (7, -1), (8, 1), (9, 1)] {
            #expect(abs(gradient[index] - (0.5 - sign * advantage) / 6) < 1e-12)
        }
    }

    @Test("make no update by themselves")
    func alone() throws {
        let record = try record(["beta": "0.5", "mask_zero_advantage_groups": "true", "minibatches": "6"])
        #expect(record.losses.count == 4)
    }
}

@Suite("sequences cut at the length limit")
struct MissingEndTests {
    /// γ is 1 and there is no baseline: the gradient of an action is minus its sequence's score over three.
    private func scores(_ settings: Settings) throws -> [Double] {
        let samples = Samples(mask: [[1], [1], [1]], behaviour: [[-1], [-1], [-1]], finished: [1, 0, 0])
        let common: Settings = [
            "prompts": "3", "epochs": "1", "beta": "0", "baseline": text("none"), "whiten_advantages": "false",
        ]
        let record = try step(
            "PPO", "ppo", common.with(settings).object,
            samples.script(
                rewards: [0.5, 0.25, -2], outputs: ["policy.logp": [[-1, -1, -1]], "reference.logp": [[-1, -1, -1]]]))
        return (record.losses[0].gradients["logp"] ?? []).map { ($0 * -3 * 1e9).rounded() / 1e9 }
    }

    @Test("pay the penalty, or have the score that is set in place of their own")
    func paid() throws {
        #expect(try scores([:]) == [0.5, 0.25, -2])
        #expect(try scores(["missing_eos_penalty": "0.5"]) == [0.5, -0.25, -2.5])
        #expect(try scores(["missing_eos_score": "-3"]) == [0.5, -3, -3])
    }

    @Test("do not pay and score at once, are not rewarded by a penalty, and a score that may reward them is said")
    func rewarded() throws {
        let both = #expect(throws: ZooError.self) { try scores(["missing_eos_penalty": "1", "missing_eos_score": "-1"]) }
        #expect(both?.message.contains("'missing_eos_penalty' and 'missing_eos_score' are both set") == true)
        let negative = #expect(throws: ZooError.self) { try scores(["missing_eos_penalty": "-1"]) }
        #expect(negative?.message.contains("parameter 'missing_eos_penalty' of 'ppo': expected a number >= 0") == true)
        let host = ScriptedHost(.init())
        let settings: Settings = ["missing_eos_score": "2"]
        _ = try builtPlugin("PPO").create("ppo", host: HostTable(host), parameters: settings.object)
        #expect(host.record.messages.contains { $0.contains("missing_eos_score 2.0 becomes the score") })
    }
}
