import Foundation
import Testing
import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun
import ZooTensor

/// With J(π) = E_π[r] − β KL(π‖π_ref), J(π*) − J(π) = β KL(π‖π*): the distance to the optimum needs no sampling.
///
/// Each run has parameters that make π* its exact fixed point: on-policy or nearly so, no scaling of advantages, a learning rate that
/// falls to 0. What is left is the noise of the samples. A β of the algorithm that is off by a tenth would be 2e-3 away, one that is
/// half of what it says 0.18.
@Suite("the closed-form optimum of the tabular model", .serialized)
struct ClosedFormTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// The recipe's task, made smaller.
    private struct Trained {
        let task: TabularTask
        let policy: Tabular
        let reference: Tabular

        init(_ run: URL) throws {
            task = try #require(try TabularTask(RunFolder(run).readSpec().recipe))
            policy = try Tabular.load(from: RunFolder(run).model, head: .languageModel, device: .cpu, trainable: false)
            reference = try Tabular(config: task.config, logits: task.referenceLogits, trainable: false)
        }

        func optimum(_ beta: Double) -> [[Double]] {
            Tabular.optimum(reference: reference, reward: task.rewards, beta: beta).probabilities
        }
    }

    private func train(_ algorithm: String, vocabulary: Int = 3, horizon: Int = 2, steps: Int, _ changes: [String]) async throws
        -> Trained
    {
        let run = folder.url.appending(path: "run", directoryHint: .isDirectory)
        let all =
            [
                "task={name: tabular, prompts: 2, vocabulary: \(vocabulary), horizon: \(horizon)}",
                "rollout.max_new_tokens=\(horizon)", "budget.iterations=\(steps)", "checkpoints.every=0",
                "evaluation.samples_per_prompt=1",
                "optimizer={learning_rate: 0.1, schedule: linear}",
            ] + changes
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        try await zoo.succeed(
            ["train", recipe, "--algorithm", algorithm, "--run-dir", run.path] + all.flatMap { ["--set", $0] })
        return try Trained(run)
    }

    /// KL(p‖q) in nats, the mean over prompts; both `[P][V^H]`.
    private func divergence(_ p: [[Double]], _ q: [[Double]]) -> Double {
        zip(p, q).reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) } } / Double(p.count)
    }

    /// The policy has come to the optimum of `beta`, and would not pass with another β.
    private func expectOptimal(_ trained: Trained, beta: Double, within tolerance: Double) {
        let best = trained.optimum(beta)
        #expect(divergence(trained.policy.sequenceProbabilities(), best) < tolerance)
        #expect(divergence(trained.optimum(beta * 1.1), best) > tolerance, "a β that is off by a tenth would pass")
        #expect(divergence(trained.reference.sequenceProbabilities(), best) > 100 * tolerance, "the run began at its optimum")
    }

    /// At π* every completion of a prompt has the return β log Z(prompt): a critic that knows it leaves no noise at all.
    @Test("ppo comes to it with its critic, to the limits of its arithmetic", arguments: [0.95, 1])
    func critic(lambda: Double) async throws {
        let changes = [
            "parameters={ppo: {prompts: 256, epochs: 2, beta: 1, lambda: \(lambda), whiten_advantages: false}}",
            "optimizer.critic={learning_rate: 0.1}",
        ]
        expectOptimal(try await train("ppo", steps: 500, changes), beta: 1, within: 1e-8)
    }

    /// A baseline of means moves no fixed point: where a sample is part of its own baseline, the whole gradient shrinks by 1 − 1/n.
    @Test(
        "ppo comes to it with every other baseline",
        arguments: [
            ("batch_mean", "prompts: 256"), ("group_mean", "prompts: 32, samples: 8"),
            ("leave_one_out", "prompts: 32, samples: 8"),
            ("none", "prompts: 256"),
        ])
    func ppo(baseline: String, samples: String) async throws {
        let parameters = "{ppo: {\(samples), epochs: 1, beta: 1, whiten_advantages: false, baseline: \(baseline)}}"
        expectOptimal(try await train("ppo", steps: 500, ["parameters=\(parameters)"]), beta: 1, within: 1e-3)
    }

    @Test("reinforce comes to it")
    func reinforce() async throws {
        let changes = ["parameters={reinforce: {prompts: 256, beta: 1}}"]
        expectOptimal(try await train("reinforce", steps: 500, changes), beta: 1, within: 1e-3)
    }

    /// The KL of the whole completion is in the return, and the baseline has no sample of its own in it: no bias, whichever ratio.
    @Test("rloo comes to it with the ratio of the completion and of each token", arguments: ["sequence", "token"])
    func rloo(level: String) async throws {
        let changes = ["parameters={rloo: {prompts: 32, samples: 8, beta: 1, importance_sampling_level: \(level)}}"]
        expectOptimal(try await train("rloo", steps: 500, changes), beta: 1, within: 1e-3)
    }

    /// What no baseline takes off is the KL, so the noise of the samples is larger.
    @Test("rloo comes to it with the KL of each action behind the baseline")
    func rlooAfterBaseline() async throws {
        let perToken = "importance_sampling_level: token, kl_position: after_baseline"
        let changes = ["parameters={rloo: {prompts: 32, samples: 8, beta: 1, \(perToken)}}"]
        expectOptimal(try await train("rloo", steps: 500, changes), beta: 1, within: 1e-3)
    }

    /// The mean that normalisation takes off is a baseline, the deviation scales the whole gradient. The mean of the group of 8 has the
    /// sample's own reward in it, and the KL is taken off after it, so that β counts for 8/7 there.
    @Test(
        "reinforce-plus-plus comes to it with and without the mean of its group",
        arguments: [("none", 1.0), ("group_mean", 0.875)])
    func reinforcePlusPlus(baseline: String, beta: Double) async throws {
        let parameters = "{prompts: 32, samples: 8, beta: \(beta), baseline: \(baseline)}"
        let changes = ["parameters={reinforce-plus-plus: \(parameters)}"]
        expectOptimal(try await train("reinforce-plus-plus", steps: 500, changes), beta: 1, within: 1e-3)
    }

    // A reward measured against the mean of its group of G, itself included, counts for 1 − 1/G of itself, the KL in the loss for the
    // whole: the β that GRPO follows is β·G/(G − 1). One action per completion, for the KL of a loss looks at its own action alone.
    private static let group = 32.0
    private static let beta = 0.8
    private var grpoBeta: Double { Self.beta * Self.group / (Self.group - 1) }

    private func grpo(_ estimator: String) async throws -> Trained {
        let parameters =
            "{grpo: {prompts: 8, samples: \(Int(Self.group)), epochs: 2, scale_rewards: none, beta: \(Self.beta), "
            + "kl_estimator: \(estimator)}}"
        return try await train("grpo", vocabulary: 5, horizon: 1, steps: 300, ["parameters=\(parameters)"])
    }

    /// The gradient of k2, (log π − log π_ref)·∇log π, is in expectation that of KL(π‖π_ref).
    @Test("grpo comes to it with the KL estimator k2")
    func grpoReverse() async throws {
        expectOptimal(try await grpo("k2"), beta: grpoBeta, within: 2e-4)
    }

    /// The gradient of k3, (1 − π_ref/π)·∇log π, is in expectation −E_ref[∇log π], that of the other direction, KL(π_ref‖π). Where
    /// π(a)·(r(a) − r̄) = β·(π(a) − π_ref(a)) for each a and the probabilities add up to 1: π(a) = β·π_ref(a) / (λ − r(a)).
    @Test("grpo comes to the optimum of the other KL with k3, which its paper uses")
    func grpoForward() async throws {
        let trained = try await grpo("k3")
        let beta = grpoBeta
        let best = zip(trained.reference.sequenceProbabilities(), trained.task.rewards).map { reference, rewards in
            let top = rewards.max() ?? 0
            func policy(_ level: Double) -> [Double] { zip(reference, rewards).map { beta * $0 / (level - $1) } }
            // The sum falls as λ rises; at λ = max r + β it is at most 1.
            var (low, high) = (top, top + beta)
            for _ in 0..<100 {
                let middle = (low + high) / 2
                if policy(middle).reduce(0, +) > 1 { low = middle } else { high = middle }
            }
            return policy(high)
        }
        #expect(divergence(trained.policy.sequenceProbabilities(), best) < 2e-5)
        #expect(divergence(best, trained.optimum(beta)) > 1e-2, "the two optima cannot be told apart here")
    }

    /// DPO's loss is least at π* of its β where the chosen one of y and y′ is y with probability σ(r(y) − r(y′)) (Rafailov et al. 2023,
    /// eq. 5 and 6); the best and worst of several samples are no such pairs. Every pair of completions is there with both labels, in
    /// whole numbers that come within 1/400 of that probability, and each update sees them all.
    @Test("dpo comes to it on pairs of the Bradley-Terry model", arguments: [0.5, 1])
    func dpo(beta: Double) async throws {
        let pairs = try bradleyTerryPairs()
        let changes = ["parameters={dpo: {pairs: \(pairs.count), beta: \(beta)}}", pairs.data]
        expectOptimal(try await train("dpo", horizon: 1, steps: 300, changes), beta: beta, within: 1e-4)
    }

    /// There β (f′(t(y)) − f′(t(y′))) = r(y) − r(y′) at t = π/π_ref, for each two completions (Wang et al. 2023, theorem 1). A label
    /// probability that is 1/400 off moves a margin by up to 0.03.
    @Test("dpo comes to the optimum of another divergence", arguments: ["forward_kl", "js_divergence", "alpha_divergence"])
    func divergences(name: String) async throws {
        func derivative(_ t: Double) -> Double {  // f′, for α = 1/2 the last
            switch name {
            case "forward_kl": -1 / t
            case "js_divergence": log(t / (1 + t))
            default: -2 / sqrt(t)
            }
        }
        let pairs = try bradleyTerryPairs()
        let changes = ["parameters={dpo: {pairs: \(pairs.count), beta: 1, f_divergence_type: \(name)}}", pairs.data]
        let trained = try await train("dpo", horizon: 1, steps: 600, changes)
        func worst(_ score: (Double) -> Double) -> Double {
            let policy = trained.policy.sequenceProbabilities()
            return zip(zip(policy, trained.reference.sequenceProbabilities()), trained.task.rewards).reduce(0) { worst, prompt in
                let scores = zip(prompt.0.0, prompt.0.1).map { score($0 / $1) }
                let errors = scores.indices.map { scores[$0] - scores[0] - (prompt.1[$0] - prompt.1[0]) }
                return max(worst, errors.reduce(0) { max($0, abs($1)) })
            }
        }
        #expect(worst(derivative) < 0.05)
        #expect(worst(log) > 0.1, "the reverse KL's optimum would pass")
    }

    /// No closed form is known for these losses on a table, but their direction is.
    @Test(
        "kto and online-dpo earn most of the reward that there is",
        arguments: [
            ("kto", "{kto: {examples: 1200, beta: 0.5}}"),
            ("kto", "{kto: {examples: 1200, beta: 0.5, loss_type: apo_zero_unpaired}}"),
            ("online-dpo", "{online-dpo: {prompts: 64, beta: 0.5}}"),
            ("online-dpo", "{online-dpo: {prompts: 64, beta: 0.1, samples: 4, loss_type: ipo}}"),
        ])
    func learns(algorithm: String, parameters: String) async throws {
        let pairs = try bradleyTerryPairs()
        let trained = try await train(algorithm, horizon: 1, steps: 300, ["parameters=\(parameters)", pairs.data])
        let before = trained.reference.expectedReward(trained.task.rewards)
        let best = trained.task.rewards.reduce(0) { $0 + ($1.max() ?? 0) } / Double(trained.task.rewards.count)
        let earned = (trained.policy.expectedReward(trained.task.rewards) - before) / (best - before)
        #expect(earned > 0.5)
    }

    /// The teacher is what PPO makes of the table. At the optimum every advantage is 0: no noise is left.
    @Test("distill comes to its teacher, to the limits of its arithmetic", arguments: [0, 1])
    func distill(gamma: Double) async throws {
        let teacher = folder.url.appending(path: "teacher", directoryHint: .isDirectory)
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let size = [
            "task={name: tabular, prompts: 2, vocabulary: 3, horizon: 2}", "budget.iterations=60",
            "evaluation.samples_per_prompt=1",
        ]
        try await zoo.succeed(["train", recipe, "--run-dir", teacher.path] + size.flatMap { ["--set", $0] })
        let model = RunFolder(teacher).model
        let changes = ["teacher={folder: \(model.path)}", "parameters={distill: {prompts: 256, gamma: \(gamma)}}"]
        let trained = try await train("distill", steps: 500, changes)
        let best = try Tabular.load(from: model, head: .languageModel, device: .cpu, trainable: false).sequenceProbabilities()
        #expect(divergence(trained.policy.sequenceProbabilities(), best) < 1e-8)
        #expect(divergence(trained.reference.sequenceProbabilities(), best) > 1e-2, "the run began at its teacher")
    }

    /// A file of pairs of the task with two prompts and three completions, as the recipe's `data`.
    private func bradleyTerryPairs() throws -> (count: Int, data: String) {
        let recipe = try Recipe.load(
            ZooCommand.clone.appending(path: "recipes/tabular.yaml"),
            overrides: [Override("task={name: tabular, prompts: 2, vocabulary: 3, horizon: 1}")])
        let rewards = try #require(try TabularTask(recipe)).rewards
        let rows = rewards.indices.flatMap { prompt in
            [(0, 1), (0, 2), (1, 2)].flatMap { Self.pairs(prompt, $0, $1, rewards[prompt]) }
        }
        return (rows.count, "data={pairs: \(try folder.write(rows.joined(), to: "pairs.jsonl").path), prompts: task:prompts}")
    }

    /// Lines of JSON: completions `a` and `b` of a prompt, each chosen as often as its reward says.
    private static func pairs(_ prompt: Int, _ a: Int, _ b: Int, _ rewards: [Double]) -> [String] {
        let wins = Int((200 / (1 + exp(rewards[b] - rewards[a]))).rounded())
        return (0..<200).map { index in
            let (chosen, rejected) = index < wins ? (a, b) : (b, a)
            return #"{"prompt": "\#(prompt)", "chosen": "\#(chosen)", "rejected": "\#(rejected)"}"# + "\n"
        }
    }
}
