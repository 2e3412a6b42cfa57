import Foundation
import Logging
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Makes what is computed once from the initial policy and cached: preference pairs and the normalisation of rewards.
struct Preparation {
    let setup: StageSetup
    let stop: StopSignal
    /// Samples for the normalisation of a reward.
    private static let scaleSamples = 512

    init(_ setup: StageSetup, _ stop: StopSignal) {
        self.setup = setup
        self.stop = stop
    }

    // MARK: - The scale of a reward

    /// Mean and standard deviation of a reward component over samples of the initial policy.
    func normalization(_ spec: RewardSpec, _ component: RewardService.Component) throws -> Normalization {
        let made = try MadeFrom(normalization: spec, of: setup.stage, setup.spec)
        return try ArtifactStore.value("normalization", from: made) {
            let sampler = try Sampler(setup, stop)
            var raw = component
            raw.weight = 1
            let service = RewardService(
                [raw], codec: setup.codec, images: setup.imageFormat, microbatchSteps: setup.stage.microbatchSteps)
            let batch = try sampler.sample(count: Self.scaleSamples, each: 1)
            var ledger = Ledger()
            let scores = try service.score(batch, row: sampler.data.promptRow, ledger: &ledger)[0].doubles
            let mean = scores.mean ?? 0
            let deviation = standardDeviation(scores)
            guard deviation > 0 else {
                throw ZooError(
                    .failedPrecondition,
                    "reward '\(spec.name)' is \(mean) for every sample of the base policy: so it cannot be normalised")
            }
            return Normalization(mean: mean, deviation: deviation)
        }
    }

    // MARK: - Preference pairs

    struct Pairs: Codable {
        var rows: [Pair]
        var cost: Ledger

        struct Pair: Codable {
            /// For people: what was sampled for which purpose.
            var prompt: String
            var chosen: String
            var rejected: String
            /// Of the stage's reward, chosen above rejected.
            var margin: Double
            /// What is trained on.
            var tokens: SampledPair
        }
    }

    /// Pairs from the initial policy: of `samples` completions per prompt, the best against the worst by the stage's reward.
    ///
    /// The cost of making them is charged to every run that trains on them, cached or not: a comparison must not hide it.
    func pairs(_ building: PairBuilding, _ rewards: RewardService) throws -> (dataset: Dataset, cost: Ledger) {
        let plan = try PairPlan(building, setup.stage)
        let from = try MadeFrom(pairs: building, plan, of: setup.stage, setup.spec)
        let made = try ArtifactStore.value("pairs", from: from) { try build(plan, each: building.samples, rewards) }
        let rows = made.rows.map { pair in
            var row = Row(prompt: pair.prompt, chosen: pair.chosen, rejected: pair.rejected)
            row.sampled = pair.tokens
            return row
        }
        return (Dataset(name: "pairs", shape: .preference, rows: rows), made.cost)
    }

    private func build(_ plan: PairPlan, each samples: Int, _ rewards: RewardService) throws -> Pairs {
        let sampler = try Sampler(setup, stop)
        let start = secondsNow()
        let batch = try sampler.sample(each: samples, next: plan.next)
        let scores = try rewards.score(batch, row: sampler.data.promptRow, ledger: &sampler.model.ledger)[0].doubles
        let items = try rewards.items(batch, sampler.data.promptRow)
        func tokens(_ sequence: Int, actions: Bool) -> [Int32] {
            batch.steps(of: sequence).filter { batch.mask[$0] == actions }.map { batch.tokens[$0] }
        }
        var rows: [Pairs.Pair] = []
        for first in stride(from: 0, to: scores.count, by: samples) {
            let group = Array(first..<first + samples)
            guard let best = group.max(by: { scores[$0] < scores[$1] }), let worst = group.min(by: { scores[$0] < scores[$1] }),
                difference(scores[best], scores[worst]) > 0
            else { continue }
            let pair = SampledPair(
                context: tokens(best, actions: false), chosen: tokens(best, actions: true), rejected: tokens(worst, actions: true)
            )
            guard pair.chosen != pair.rejected else { continue }
            rows.append(
                Pairs.Pair(
                    prompt: items[best].prompt, chosen: items[best].completion, rejected: items[worst].completion,
                    margin: scores[best] - scores[worst], tokens: pair))
        }
        guard !rows.isEmpty else {
            throw ZooError(
                .failedPrecondition, "no preference pair could be built: the reward is the same for all samples of each prompt")
        }
        var cost = sampler.model.ledger
        cost.sampledSteps = batch.actionCount
        cost.seconds = secondsNow() - start
        return Pairs(rows: rows, cost: cost)
    }
}

/// Samples of the initial policy, for what is made before training.
struct Sampler {
    let model: ModelService
    let data: DataService
    let services: RunServices

    init(_ setup: StageSetup, _ stop: StopSignal) throws {
        let policy = setup.stage.policy
        let factory = setup.factory
        model = ModelService(
            roles: Roles([
                "policy": .init(settings: nil, outputs: StageSetup.outputs(images: setup.images != nil)) {
                    try factory.network(policy, head: .languageModel, trainable: false)
                }
            ]), microbatchSteps: setup.stage.microbatchSteps, images: setup.imageFormat)
        data = DataService(
            .init(prompts: try setup.prompts()), codec: setup.codec, maxPromptSteps: setup.stage.data.maxPromptSteps,
            maxSteps: setup.stage.data.maxSteps, images: setup.imageRows, seed: setup.recipe.seed)
        services = RunServices(
            model: model, data: data,
            rewards: RewardService(
                [], codec: setup.codec, images: setup.imageFormat, microbatchSteps: setup.stage.microbatchSteps),
            codec: setup.codec, settings: setup.stage.rollout, seed: setup.recipe.seed, stop: stop,
            logger: Logger(label: "preparation"))
    }

    /// `each` samples of `count` prompts, in passes of at most 256 sequences.
    func sample(count: Int, each: Int) throws -> Batch {
        try sample(each: each) { done, _ in min(count - done, max(1, 256 / each)) }
    }

    /// `each` samples of as many prompts as `next` says, after the prompts done and the steps sampled so far, until it says 0.
    func sample(each: Int, next: (_ done: Int, _ steps: Int) -> Int) throws -> Batch {
        var parts: [Batch] = []
        var (done, steps) = (0, 0)
        while case let take = next(done, steps), take > 0 {
            let part = try services.generate(role: "policy", prompts: data.prompts(take), samples: each)
            parts.append(part)
            done += take
            steps += part.actionCount
        }
        return Batch.concatenated(parts)
    }
}
