import Foundation
import Testing
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// On the tabular task the gradient of E[reward] − β KL is known exactly, so an estimator that is said to be unbiased can be held to it.
@Suite("zoo probe on the tabular model", .serialized)
struct ProbeTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// Four prompts whose rewards differ in scale as the policy sharpens, one action a completion, no KL anywhere: every algorithm
    /// estimates the same gradient, of the same scale.
    private static let variants = """
        {ppo: {algorithm: ppo}, leave-one-out: {algorithm: ppo, parameters: {baseline: leave_one_out}}, \
        none: {algorithm: ppo, parameters: {baseline: none}}, \
        whitened: {algorithm: ppo, parameters: {baseline: group_mean, whiten_advantages: true}}, rloo: {algorithm: rloo}, \
        grpo: {algorithm: grpo}, grpo-unscaled: {algorithm: grpo, parameters: {scale_rewards: none}}, dpo: {algorithm: dpo}}
        """

    /// A part of the reward that the prompt alone decides: noise to an estimator that compares with nothing.
    private static let shifted = "rewards=[{function: table}, {function: prompt-shift, weight: 2}]"

    private func probe(_ changes: [String]) async throws -> ProbeResult {
        let run = folder.url.appending(path: "probe", directoryHint: .isDirectory)
        let all =
            [
                "task={name: tabular, prompts: 4, vocabulary: 4, horizon: 1, reward_scale: 2}", "rollout.max_new_tokens=1",
                "compare={variants: \(Self.variants)}",
                "parameters={ppo: {prompts: 64, beta: 0, whiten_advantages: false, epochs: 1}, rloo: {beta: 0}, "
                    + "grpo: {beta: 0, log_kl: false, scale_rewards: group}, dpo: {beta: 0.5}}",
            ] + changes
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        try await zoo.succeed(["probe", recipe, "--quiet", "--run-dir", run.path] + all.flatMap { ["--set", $0] })
        return try ProbeFolder(run).readResult()
    }

    @Test("leave-one-out, no baseline and oracles are unbiased within their interval; scaling by the group's deviation is not")
    func bias() async throws {
        let result = try await probe(["probe={driver: ppo, at: [0, 30], prompts: 4, samples: 8, batches: 300, beta: 0}"])
        let point = try #require(result.points.last)
        #expect(point.referenceSequences == 0 && point.step == 30)
        let found = Dictionary(uniqueKeysWithValues: point.estimators.map { ($0.name, $0) })
        // Each interval misses one time in twenty; a tenth of its width is room for the five that are asked here.
        for name in ["ppo", "leave-one-out", "none", "rloo", "oracle exact V(s)", "oracle exact V(x)"] {
            let estimator = try #require(found[name])
            let room = 0.4 * (estimator.scale.high - estimator.scale.low)
            #expect(
                estimator.bias.low < 0.005 && estimator.bias.mean < 0.01, "\(name): the direction is biased, \(estimator.bias)")
            #expect(
                estimator.scale.low - room < 1 && 1 < estimator.scale.high + room, "\(name): the length is \(estimator.scale)")
        }
        // A sample that is part of its own baseline shrinks the gradient by 1 − 1/8 and leaves its direction.
        let unscaled = try #require(found["grpo-unscaled"])
        #expect(unscaled.bias.mean < 0.01)
        #expect(unscaled.scale.low < 0.875 + 0.01 && 0.875 - 0.01 < unscaled.scale.high)
        // Divided by its group's deviation, each prompt counts for another amount.
        let grpo = try #require(found["grpo"])
        #expect(grpo.bias.low > 0.02, "the gradient that is scaled by the deviation passes for unbiased: \(grpo.bias)")
        #expect(try #require(found["dpo"]).bias.low > grpo.bias.mean)
        // Whitening over the batch is one factor for all prompts: another length, and hardly another direction.
        let whitened = try #require(found["whitened"])
        #expect(whitened.bias.mean < 0.02 && abs(whitened.scale.mean - 1) > 0.05)
    }

    @Test("parameters are set to the batch by what they count, whatever they are called, and passes to one")
    func batch() async throws {
        let variants = "{ppo: {algorithm: ppo}, rloo: {algorithm: rloo}, dpo: {algorithm: dpo}, kto: {algorithm: kto}}"
        _ = try await probe([
            "compare={variants: \(variants)}", "probe={driver: ppo, at: [0], prompts: 4, samples: 6, batches: 4, beta: 0}",
            "parameters.rloo.epochs=3", "parameters.rloo.minibatches=2",
        ])
        let spec = try String(contentsOf: ProbeFolder(folder.url.appending(path: "probe")).spec, encoding: .utf8)
        struct Spec: Decodable {
            struct Item: Decodable {
                let name: String
                let parameters: [String: JSONValue]
            }
            let algorithms: [Item]
        }
        let items = try JSONDecoder().decode(Spec.self, from: Data(spec.utf8)).algorithms
        let found = Dictionary(uniqueKeysWithValues: items.map { ($0.name, $0.parameters) })
        func numbers(_ name: String, _ keys: String...) -> [Double?] { keys.map { found[name]?[$0]?.number } }
        #expect(numbers("ppo", "prompts", "samples", "epochs") == [4, 6, 1])
        #expect(numbers("rloo", "prompts", "samples", "epochs", "minibatches") == [4, 6, 1, 1])
        #expect(numbers("dpo", "pairs") == [4])
        #expect(numbers("kto", "examples") == [8])
    }

    @Test("the exact value of the prompt leaves less noise than leave-one-out, and that less than no baseline")
    func noise() async throws {
        let result = try await probe([
            "probe={driver: ppo, at: [20], prompts: 4, samples: 8, batches: 200, beta: 0}",
            Self.shifted,
        ])
        let point = try #require(result.points.first)
        func variance(_ name: String) throws -> ProbeResult.Figure {
            try #require(point.estimators.first { $0.name == name }).variance
        }
        #expect(try variance("oracle exact V(x)").high < variance("leave-one-out").mean)
        #expect(try variance("leave-one-out").high < variance("none").low)
        func error(_ name: String) throws -> Double { try #require(point.baselines.first { $0.name == name }).error.mean }
        #expect(try error("exact V(s)") == 0)
        #expect(try error("leave-one-out") < error("none"))
        #expect(try error("group-mean") < error("leave-one-out"))
        // The mean of 8 rewards is off by a deviation over √8, that of 7 others by one over √7.
        let ratio = try error("leave-one-out") / error("group-mean")
        #expect(abs(ratio - (8.0 / 7).squareRoot()) < 0.03)
        // The same batches and the same weights: a second probe is the first.
        let again = try String(contentsOf: folder.url.appending(path: "probe/probe.json"), encoding: .utf8)
        try FileManager.default.removeItem(at: folder.url.appending(path: "probe"))
        _ = try await probe([
            "probe={driver: ppo, at: [20], prompts: 4, samples: 8, batches: 200, beta: 0}", Self.shifted,
        ])
        #expect(try String(contentsOf: folder.url.appending(path: "probe/probe.json"), encoding: .utf8) == again)
    }

    @Test(
        "a probe that cannot be is refused in one line",
        arguments: [
            ("probe={driver: pp}", "did you mean"), ("probe={driver: ppo, at: [4, 2]}", "expected ascending iterations"),
            ("probe={driver: ppo, batch: 8}", "did you mean 'batches'"), ("probe=null", "has no 'probe'"),
        ])
    func refused(change: String, says: String) async throws {
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let ended = try await zoo.run("probe", recipe, "--set", change)
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains(says))
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "runs").path))
    }
}
