import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
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
    func normalization(_ spec: RewardSpec, _ component: ScoringService.Component) throws -> Normalization {
        let made = try MadeFrom(normalization: spec, of: setup.stage, setup.spec)
        if let rehearsal = setup.rehearsal {
            if let found = try ArtifactStore.found("normalization", from: made, as: Normalization.self) { return found }
            let count = RehearsedPreparation.prompts
            return try rehearsal.part(times: Double(Self.scaleSamples) / Double(count)) {
                let (mean, deviation) = try scale(component, samples: count)
                return Normalization(mean: mean, deviation: deviation > 0 ? deviation : 1)
            }
        }
        return try ArtifactStore.value("normalization", from: made) {
            let (mean, deviation) = try scale(component, samples: Self.scaleSamples)
            guard deviation > 0 else {
                throw ZooError(
                    .failedPrecondition,
                    "reward '\(spec.name)' is \(mean) for every sample of the base policy: so it cannot be normalised")
            }
            return Normalization(mean: mean, deviation: deviation)
        }
    }

    private func scale(_ component: ScoringService.Component, samples: Int) throws -> (mean: Double, deviation: Double) {
        let sampler = try Sampler(setup, stop)
        var raw = component
        raw.weight = 1
        let service = ScoringService([raw], setup.modality, microbatchTokens: setup.stage.microbatchTokens)
        let batch = try sampler.sample(count: samples)
        var ledger = Ledger()
        let scores = try service.score(batch, row: sampler.data.promptRow, ledger: &ledger)[0].doubles
        return (scores.mean ?? 0, standardDeviation(scores))
    }

    // MARK: - Preference pairs

    /// Pairs from the initial policy's samples, as the modality builds them.
    ///
    /// The cost of making them is charged to every run that trains on them, cached or not: a comparison must not hide it.
    func pairs(_ building: PairBuilding, _ rewards: ScoringService) throws -> (dataset: Dataset, cost: Ledger) {
        try pairs(building, rewards, as: setup.modality)
    }

    private func pairs<M: Modality>(_ building: PairBuilding, _ rewards: ScoringService, as modality: M) throws -> (
        dataset: Dataset, cost: Ledger
    ) {
        let plan = try PairPlan(building, setup.stage)
        let from = try MadeFrom(pairs: building, plan, of: setup.stage, setup.spec)
        func build(_ plan: PairPlan) throws -> M.Pairs {
            let sampler = try Sampler(setup, stop)
            let start = secondsNow()
            var pairs = try modality.build(building, plan, from: Source(sampler, setup, rewards))
            let steps = pairs.cost.sampledSteps
            pairs.cost = sampler.model.ledger
            pairs.cost.sampledSteps = steps
            pairs.cost.seconds = secondsNow() - start
            return pairs
        }
        if let rehearsal = setup.rehearsal, try ArtifactStore.found("pairs", from: from, as: M.Pairs.self) == nil {
            let count = min(RehearsedPreparation.prompts, plan.prompts)
            let times = Double(plan.prompts) / Double(count)
            let some = try rehearsal.part(times: times) { try build(plan.first(count)) }
            var cost = Ledger()
            cost.add(charges: some.cost, times: times)
            cost.seconds = some.cost.seconds * times
            let dataset = try modality.dataset(some, prompts: setup.prompts)
            let rows = Array(repeating: dataset.rows, count: Int(times.rounded(.up))).flatMap(\.self)
            return (Dataset(name: dataset.name, shape: dataset.shape, rows: rows), cost)
        }
        let made: M.Pairs = try ArtifactStore.value("pairs", from: from) { try build(plan) }
        return (try modality.dataset(made, prompts: setup.prompts), made.cost)
    }

    private final class Source: PairSource {
        private let sampler: Sampler
        private let rewards: ScoringService
        let seed: UInt64
        let rollout: RolloutSettings

        init(_ sampler: Sampler, _ setup: StageSetup, _ rewards: ScoringService) {
            (self.sampler, self.rewards) = (sampler, rewards)
            (seed, rollout) = (setup.recipe.seed, setup.stage.rollout)
        }

        func prompts(_ n: Int) throws -> Batch { try sampler.data.prompts(n) }
        func row(_ id: Int) -> Row? { sampler.data.promptRow(id) }

        func generate(_ prompts: Batch, samples: Int, settings: RolloutSettings) throws -> Batch {
            let services = sampler.services
            return try services.generate(
                role: "policy", prompts: prompts, samples: samples, settings: settings, generator: services.sampling,
                row: sampler.data.promptRow)
        }

        func scores(_ batch: Batch) throws -> [Double] {
            try rewards.score(batch, row: row, ledger: &sampler.model.ledger)[0].doubles
        }
    }
}

/// Samples of the initial policy, for what is made before training.
struct Sampler {
    let model: NetworkService
    let data: RowService
    let services: RunServices

    init(_ setup: StageSetup, _ stop: StopSignal) throws {
        let policy = setup.stage.policy
        let factory = setup.factory
        model = NetworkService(
            roles: Roles([
                "policy": .init(settings: nil, outputs: setup.modality.outputs) {
                    try factory.network(policy, head: .languageModel, trainable: false)
                }
            ]), setup.modality, microbatchTokens: setup.stage.microbatchTokens, device: setup.device)
        data = RowService(.init(prompts: try setup.prompts()), setup.modality, seed: setup.recipe.seed)
        services = RunServices(
            model: model, data: data,
            rewards: ScoringService([], setup.modality, microbatchTokens: setup.stage.microbatchTokens),
            modality: setup.modality, settings: setup.stage.rollout, seed: setup.recipe.seed, stop: stop)
    }

    /// One sample of each of `count` prompts, in passes of at most 256 sequences.
    func sample(count: Int) throws -> Batch {
        var parts: [Batch] = []
        var done = 0
        while done < count {
            let take = min(count - done, 256)
            parts.append(try services.generate(role: "policy", prompts: data.prompts(take), samples: 1))
            done += take
        }
        return Batch.concatenated(parts)
    }
}
