import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Built preference pairs of images.
package struct ImagePairRows: KeptPairs {
    /// Rows of the prompts' dataset.
    var rows: [Int]
    var chosen: [[Float]]
    var rejected: [[Float]]
    package var cost: Ledger
}

extension ImageModality {
    /// The best sample over the worst by the stage's reward, or one kind of image over another.
    package func build(_ building: PairBuilding, _ plan: PairPlan, from source: any PairSource) throws -> ImagePairRows {
        var made = ImagePairRows(rows: [], chosen: [], rejected: [], cost: Ledger())
        let steps = (source.rollout.denoising?.evaluationSteps ?? 1) * (building.images == nil ? building.samples : 1)
        var done = 0
        while case let count = min(plan.next(done: done, steps: done * steps), 64), count > 0 {
            let part = try source.prompts(count)
            done += count
            if let images = building.images {
                try contrast(part, images, source, into: &made)
            } else {
                try rank(part, building.samples, source, into: &made)
            }
        }
        guard !made.rows.isEmpty else { throw noPair() }
        made.cost.sampledSteps = done * steps
        return made
    }

    package func dataset(_ pairs: ImagePairRows, prompts: () throws -> Dataset) throws -> Dataset {
        let prompts = try prompts()
        let rows = try zip(pairs.rows, zip(pairs.chosen, pairs.rejected)).map { row, pair in
            guard prompts.rows.indices.contains(row), prompts.rows[row].image != nil, pair.0.count == format.shape.count,
                pair.1.count == format.shape.count
            else {
                throw ZooError(.dataLoss, "the built pairs in \(CacheFolder.artifacts.path) are damaged: remove the folder")
            }
            var own = prompts.rows[row]
            own.image?.pair = .init(chosen: .pixels(format.image(pair.0)), rejected: .pixels(format.image(pair.1)))
            return own
        }
        return Dataset(name: "pairs", shape: .preference, rows: rows)
    }

    /// One kind of image over another.
    private func contrast(_ prompts: Batch, _ images: ImagePairs, _ source: any PairSource, into made: inout ImagePairRows) throws
    {
        let items = try prompts.integers("row").map { row in
            guard let item = source.row(row)?.image else { throw ZooError(.internal, "row \(row) is not an image") }
            return item
        }
        var random = SplitMix64(seed: source.seed, stream: UInt64(made.rows.count))
        func side(_ side: ImagePairs.Side) throws -> [[Float]] {
            switch side {
            case .target:
                return try items.map { item in
                    if let content = item.content { return content.image.pixels }
                    throw ZooError(
                        .invalidArgument,
                        "data.pairs.build.images: 'target' needs prompts with a column 'latents'; a row has none")
                }
            case .generated: return try pixels(drawn(prompts, each: 1, source))
            case .degraded:
                let worse = try items.map { try images.degrade($0, isLatent: format.isLatent, &random) }
                return try pixels(drawn(prompts.replacing(worse), each: 1, source))
            }
        }
        made.rows += try prompts.integers("row")
        made.chosen += try side(images.chosen)
        made.rejected += try side(images.rejected)
    }

    /// Of some samples per prompt, the best by the reward over the worst.
    private func rank(_ prompts: Batch, _ samples: Int, _ source: any PairSource, into made: inout ImagePairRows) throws {
        let batch = try drawn(prompts, each: samples, source)
        let scores = try source.scores(batch)
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

    /// Images of some prompts, as an evaluation draws them.
    private func drawn(_ prompts: Batch, each samples: Int, _ source: any PairSource) throws -> Batch {
        try source.generate(prompts, samples: samples, settings: source.rollout.measuring)
    }

    private func pixels(_ batch: Batch) throws -> [[Float]] { try batch.finishedImages(format).map(\.pixels) }
}

extension ImagePairs {
    /// A prompt made worse. A reference or generic words that the row itself gives come first.
    func degrade(_ item: ImageItem, isLatent: Bool, _ random: inout SplitMix64) throws -> ImageDescription {
        var prompt = item.prompt
        prompt.reference = (item.degraded ?? prompt).reference.map { image in
            var image = image.blurred(sigma: blur)
            if noise > 0 { image.pixels = image.pixels.map { $0 + Float(noise * random.normal()) } }
            return image
        }
        switch words {
        case .full: break
        case .generic where isLatent:
            guard let worse = item.degraded, worse.values != prompt.values else {
                throw ZooError(
                    .invalidArgument,
                    "data.pairs.build.images: 'words: generic' needs prompts with a column 'degraded_prompt_embeds', the row of a generic "
                        + "prompt such as \"a photo of a dog\"; a row has none, or the same")
            }
            prompt.values = worse.values
        case .generic: prompt.values = prompt.values.indices.map { $0 == 0 ? prompt.values[0] : nil }
        case .none: prompt.values = prompt.values.map { _ in nil }
        }
        return prompt
    }
}

extension Batch {
    /// The same prompts with other conditions and references.
    fileprivate func replacing(_ prompts: [ImageDescription]) -> Batch {
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
