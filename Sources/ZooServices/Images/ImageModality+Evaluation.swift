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
//   denoising_error     mean square per element, on the held-out images
//   diversity           of the samples of a prompt: mean distance of two of them, root mean square
//   brightness, grid_energy, total_variation    of the samples, where artefacts show
extension ImageModality {
    /// Images whose rollouts with noise the KL is taken of.
    private static let divergences = 64
    /// Times and noises per image.
    private static let draws = 4

    package func measure(
        _ role: String, on prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess, into measured: inout Measured
    )
        throws -> Batch
    {
        let batch = try networks.generate(
            role: role, prompts: prompts, samples: plan.samples, settings: plan.rollout.measuring,
            generator: Generator(seed: plan.seed), row: plan.row)
        measured.items = try items(batch, plan.row)
        measured.metrics["kl"] = try divergence(role, prompts, plan, networks)
        try noteVelocities(role, prompts, plan, networks, &measured)
        let images = measured.items.compactMap(\.image?.sample)
        measured.metrics["brightness"] = images.map(\.brightness).mean ?? .nan
        measured.metrics["grid_energy"] = images.map(\.gridEnergy).mean ?? .nan
        measured.metrics["total_variation"] = images.map(\.totalVariation).mean ?? .nan
        if plan.samples > 1 {
            measured.metrics["diversity"] = measured.perPrompt(images).map { diversity(Array($0)) }.mean ?? .nan
        }
        return batch
    }

    /// Mean distance of two different images.
    private func diversity(_ images: [PixelImage]) -> Double {
        images.indices.flatMap { first in
            images[(first + 1)...].map { images[first].distance($0) }
        }.mean ?? .nan
    }

    /// The exact divergence over a rollout's steps, summed over elements and steps, of one sample of each of the first prompts.
    private func divergence(_ role: String, _ prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess) throws
        -> Double
    {
        guard role != "reference" else { return 0 }
        var settings = plan.rollout
        settings.denoising?.window = nil
        if settings.denoising?.noise == DenoisingSettings.Noise.none { settings.denoising?.noise = .flowGRPO }
        let some = prompts.selecting(Array(0..<min(Self.divergences, prompts.sequenceCount)))
        let batch = try networks.generate(
            role: role, prompts: some, samples: 1, settings: settings, generator: Generator(seed: plan.seed &+ 1),
            row: plan.row)
        let output = NetworkOutput.klReference.rawValue
        let steps = try networks.forward(role: role, batch: batch, outputs: [output])[0].doubles
        return (batch.sequenceSums(steps).mean ?? .nan) * Double(format.shape.count)
    }

    /// The denoising error and the drift on the held-out images themselves, with noise that is the same for every model.
    private func noteVelocities(
        _ role: String, _ prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess, _ measured: inout Measured
    ) throws {
        var batch = prompts
        let targets = try prompts.integers("row").compactMap { id in
            guard let item = plan.row(id)?.image else { throw ZooError(.internal, "row \(id) is not an image") }
            return item.content?.image.pixels
        }
        // Prompts without images have nothing to denoise.
        guard targets.count == prompts.sequenceCount else { return }
        batch.set(Column(ImageColumn.sample, perStep: false, width: format.shape.count, .f32(targets.flatMap(\.self))))
        batch.set(Column(ImageColumn.seed, perStep: false, .i64(targets.indices.map { Int64($0) })))
        if format.guidance != 1 { batch.set(ImageColumn.guidance, perSequence: targets.map { _ in format.guidance }) }
        var images = try batch.images(format)
        images.scoring = .init(draws: Self.draws)
        guard let own = try networks.network(role) as? FlowImage, let reference = try networks.network("reference") as? FlowImage
        else { throw ZooError(.internal, "a policy of images is not an image model") }
        measured.metrics["denoising_error"] =
            try withoutGrad { try own.denoisingError(images) }.floats.map(Double.init).mean ?? .nan
        measured.metrics["drift"] = role == "reference" ? 0 : try own.drift(from: reference, images).mean ?? .nan
    }

    /// A column per prompt: the reference image if there is one, the target, a sample before training and one after.
    package func shown(before: Measured, after: Measured, _ plan: MeasuringPlan) -> (
        samples: [EvaluationResult.Sample], images: ImageGrid?
    ) {
        let shown = plan.shown(of: after.items.count)
        let images = shown.compactMap { after.items[$0].image }
        let targets = images.indices.compactMap { plan.row($0)?.image?.content?.image }
        func samples(_ measured: Measured) -> [PixelImage] { shown.compactMap { measured.items[$0].image?.sample } }
        let rows = [
            ("reference", images.compactMap(\.prompt.reference)), ("target", targets), ("before", samples(before)),
            ("after", samples(after)),
        ].filter { !$0.1.isEmpty }
        return ([], format.isLatent ? ImageGrid(latents: rows) : ImageGrid(rows: rows.map(\.1)))
    }
}
