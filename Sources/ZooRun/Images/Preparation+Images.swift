import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Preference pairs of images as they are kept.
struct MadeImagePairs: Codable {
    /// Rows of the prompts' dataset.
    var rows: [Int]
    var chosen: [[Float]]
    var rejected: [[Float]]
    var cost: Ledger
}

extension Preparation {
    /// Pairs of images for the stage's prompts: the best sample over the worst by the stage's reward, or as `images` says.
    func imagePairs(_ building: PairBuilding, _ rewards: RewardService, _ task: ImageTask) throws -> (
        dataset: Dataset, cost: Ledger
    ) {
        let plan = try PairPlan(building, setup.stage)
        let from = try MadeFrom(pairs: building, plan, of: setup.stage, setup.spec)
        let made = try ArtifactStore.value("pairs", from: from) { try build(building, plan, rewards) }
        let prompts = try setup.prompts()
        let items = try zip(made.rows, zip(made.chosen, made.rejected)).map { row, pair in
            guard prompts.rows.indices.contains(row), var item = prompts.rows[row].image, pair.0.count == task.height * task.width
            else {
                throw ZooError(.dataLoss, "the built pairs in \(CacheFolder.artifacts.path) are damaged: remove the folder")
            }
            item.pair = .init(chosen: task.picture(pair.0), rejected: task.picture(pair.1))
            return item
        }
        return (task.dataset(items, name: "pairs", shape: .preference), made.cost)
    }

    private func build(_ building: PairBuilding, _ plan: PairPlan, _ rewards: RewardService) throws -> MadeImagePairs {
        let sampler = try Sampler(setup, stop)
        let start = secondsNow()
        var made = MadeImagePairs(rows: [], chosen: [], rejected: [], cost: Ledger())
        let steps = (setup.stage.rollout.denoising?.evaluationSteps ?? 1) * (building.images == nil ? building.samples : 1)
        var done = 0
        while case let count = min(plan.next(done: done, steps: done * steps), 64), count > 0 {
            let part = try sampler.data.prompts(count)
            done += count
            if let images = building.images {
                try contrast(part, images, sampler, into: &made)
            } else {
                try rank(part, building.samples, rewards, sampler, into: &made)
            }
        }
        guard !made.rows.isEmpty else {
            throw ZooError(
                .failedPrecondition, "no preference pair could be built: the reward is the same for all samples of each prompt")
        }
        made.cost = sampler.model.ledger
        made.cost.sampledSteps = done * steps
        made.cost.seconds = secondsNow() - start
        return made
    }

    /// One kind of image over another.
    private func contrast(_ prompts: Batch, _ images: ImagePairs, _ sampler: Sampler, into made: inout MadeImagePairs) throws {
        let items = try prompts.integers("row").map { row in
            guard let item = sampler.data.promptRow(row)?.image else { throw ZooError(.internal, "row \(row) is not an image") }
            return item
        }
        var random = SplitMix64(seed: setup.recipe.seed, stream: UInt64(made.rows.count))
        func side(_ side: ImagePairs.Side) throws -> [[Float]] {
            switch side {
            case .target: return items.map(\.target.pixels)
            case .generated: return try pixels(sampler.drawn(prompts, each: 1, setup))
            case .degraded:
                let worse = items.map { images.degrade($0.prompt, &random) }
                return try pixels(sampler.drawn(prompts.replacing(worse), each: 1, setup))
            }
        }
        made.rows += try prompts.integers("row")
        made.chosen += try side(images.chosen)
        made.rejected += try side(images.rejected)
    }

    /// Of some samples per prompt, the best by the reward over the worst.
    private func rank(
        _ prompts: Batch, _ samples: Int, _ rewards: RewardService, _ sampler: Sampler, into made: inout MadeImagePairs
    ) throws {
        let batch = try sampler.drawn(prompts, each: samples, setup)
        let scores = try rewards.score(batch, row: sampler.data.promptRow, ledger: &sampler.model.ledger)[0].doubles
        let pixels = try pixels(batch)
        for (index, row) in try prompts.integers("row").enumerated() {
            let group = Array(index * samples..<(index + 1) * samples)
            guard let best = group.max(by: { scores[$0] < scores[$1] }), let worst = group.min(by: { scores[$0] < scores[$1] }),
                scores[best] > scores[worst]
            else { continue }
            made.rows.append(row)
            made.chosen.append(pixels[best])
            made.rejected.append(pixels[worst])
        }
    }

    private func pixels(_ batch: Batch) throws -> [[Float]] {
        guard let format = setup.imageFormat else { throw ZooError(.internal, "the stage makes no images") }
        return try batch.pictures(format).map(\.pixels)
    }
}

extension Sampler {
    /// Images of some prompts, as an evaluation draws them.
    func drawn(_ prompts: Batch, each samples: Int, _ setup: StageSetup) throws -> Batch {
        try services.generate(
            role: "policy", prompts: prompts, samples: samples, settings: setup.stage.rollout.measuring,
            generator: services.sampling)
    }
}

extension ImageTask {
    func picture(_ pixels: [Float]) -> Picture { Picture(height: height, width: width, pixels: pixels) }
}

extension ImagePairs {
    /// A prompt made worse.
    func degrade(_ prompt: PicturePrompt, _ random: inout SplitMix64) -> PicturePrompt {
        var prompt = prompt
        prompt.reference = prompt.reference.map { picture in
            var picture = picture.blurred(sigma: blur)
            if noise > 0 { picture.pixels = picture.pixels.map { $0 + Float(noise * random.normal()) } }
            return picture
        }
        switch words {
        case .full: break
        case .generic: prompt.values = prompt.values.indices.map { $0 == 0 ? prompt.values[0] : nil }
        case .none: prompt.values = prompt.values.map { _ in nil }
        }
        return prompt
    }
}

extension Batch {
    /// The same prompts with other conditions and references.
    fileprivate func replacing(_ prompts: [PicturePrompt]) -> Batch {
        var batch = self
        let kinds = prompts.first?.values.count ?? 0
        batch.set(
            Column(
                ImageColumn.condition, perStep: false, width: kinds, .i64(prompts.flatMap { $0.values.map { Int64($0 ?? -1) } })))
        if let width = column(ImageColumn.reference)?.width {
            let pixels = prompts.flatMap { $0.reference?.pixels ?? Array(repeating: 0, count: width) }
            batch.set(Column(ImageColumn.reference, perStep: false, width: width, .f32(pixels)))
        }
        return batch
    }
}
