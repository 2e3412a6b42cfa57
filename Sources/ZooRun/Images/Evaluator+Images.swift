import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

// What is measured of a model that makes images, on held-out prompts:
//
//   reward, gold, …     as of texts, of images sampled without noise on the way
//   kl                  to the reference, nats per image, over the steps of a rollout with noise
//   drift               of the velocities from the reference's, root mean square, on the held-out images
//   denoising_error     mean square an element, on the held-out images
//   diversity           of the samples of a prompt: mean distance of two of them, root mean square
//   brightness, grid_energy, total_variation    of the samples, where artefacts show
extension Evaluator {
    /// Images whose rollouts with noise the KL is taken of.
    private static let divergences = 64
    /// Times and noises an image.
    private static let draws = 4

    func measureImages(_ role: String, _ prompts: Batch, _ format: ImageFormat) throws -> Drawn {
        let batch = try services.generate(
            role: role, prompts: prompts, samples: evaluation.samplesPerPrompt, settings: stage.rollout.measuring,
            generator: Generator(seed: seed))
        var drawn = Drawn(items: try gold.items(batch, row), gold: [])
        drawn.metrics["kl"] = try divergence(role, prompts, format)
        try noteVelocities(role, prompts, format, &drawn)
        let pictures = drawn.items.compactMap(\.image?.picture)
        drawn.metrics["brightness"] = pictures.map(\.brightness).mean ?? .nan
        drawn.metrics["grid_energy"] = pictures.map(\.gridEnergy).mean ?? .nan
        drawn.metrics["total_variation"] = pictures.map(\.totalVariation).mean ?? .nan
        if evaluation.samplesPerPrompt > 1 {
            drawn.metrics["diversity"] = perPrompt(pictures).map { diversity(Array($0)) }.mean ?? .nan
        }
        try score(batch, &drawn)
        return drawn
    }

    /// Mean distance of two different images.
    private func diversity(_ pictures: [Picture]) -> Double {
        pictures.indices.flatMap { first in pictures[(first + 1)...].map { pictures[first].distance($0) } }.mean ?? .nan
    }

    /// The exact divergence over a rollout's steps, summed over elements and steps, of one sample of each of the first prompts.
    private func divergence(_ role: String, _ prompts: Batch, _ format: ImageFormat) throws -> Double {
        guard role != "reference" else { return 0 }
        var settings = stage.rollout
        settings.denoising?.window = nil
        if settings.denoising?.noise == DenoisingSettings.Noise.none { settings.denoising?.noise = .flowGRPO }
        let some = prompts.selecting(Array(0..<min(Self.divergences, prompts.sequenceCount)))
        let batch = try services.generate(
            role: role, prompts: some, samples: 1, settings: settings, generator: Generator(seed: seed &+ 1))
        let output = Output.klReference.rawValue
        let steps = try services.model.forward(role: role, batch: batch, outputs: [output])[0].doubles
        return (batch.sequenceSums(steps).mean ?? .nan) * Double(format.shape.count)
    }

    /// The denoising error and the drift on the held-out images themselves, with noise that is the same for every model.
    private func noteVelocities(_ role: String, _ prompts: Batch, _ format: ImageFormat, _ drawn: inout Drawn) throws {
        var batch = prompts
        let targets = try prompts.integers("row").map { id in
            guard let item = row(id)?.image else { throw ZooError(.internal, "row \(id) is not an image") }
            return item.target.pixels
        }
        batch.set(Column(ImageColumn.sample, perStep: false, width: format.shape.count, .f32(targets.flatMap(\.self))))
        batch.set(Column(ImageColumn.seed, perStep: false, .i64(targets.indices.map { Int64($0) })))
        var images = try batch.images(format)
        images.scoring = .init(draws: Self.draws)
        guard let own = try services.model.roles.role(role).network as? FlowImage,
            let reference = try services.model.roles.role("reference").network as? FlowImage
        else { throw ZooError(.internal, "the policy of an image task is not an image model") }
        drawn.metrics["denoising_error"] = 
            try withoutGrad { try own.denoisingError(images) }.floats.map(Double.init).mean
        drawn.metrics["drift"] = role == "reference" ? 0 : try own.drift(from: reference, images).mean ?? .nan
    }

    /// A column per prompt: the reference image where there is one, the target, a sample before training and one after.
    func grid(_ after: Drawn, _ before: Drawn) -> PictureGrid {
        let shown = stride(from: 0, to: after.items.count, by: evaluation.samplesPerPrompt).prefix(Self.shown)
        let images = shown.compactMap { after.items[$0].image }
        let targets = images.indices.compactMap { row($0)?.image?.target }
        func pictures(_ drawn: Drawn) -> [Picture] { shown.compactMap { drawn.items[$0].image?.picture } }
        let rows = [images.compactMap(\.prompt.reference), targets, pictures(before), pictures(after)]
        return PictureGrid(rows: rows.filter { !$0.isEmpty })
    }
}
