import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

extension RunServices {
    /// Samples of a policy of images: a sequence of denoising steps each, whose mask is 1 if a step drew something.
    func generateImages(
        _ role: Role, _ network: FlowImage, prompts: Batch, samples: Int, settings: RolloutSettings, start: ImageStart? = nil,
        generator: Generator
    ) throws -> Batch {
        guard let format = model.images else { throw ZooError(.internal, "the stage has no format of images") }
        let sampler = (settings.denoising ?? DenoisingSettings()).sampler(format, iteration: model.ledger.algorithmSteps)
        let wanted = try prompts.imagePrompts(format)
        let began = secondsNow()
        let stop = stop
        let drawn = try model.transient(role) {
            try network.generate(
                prompts: wanted, shape: format.shape, referenceShape: format.referenceShape, samplesPerPrompt: samples,
                settings: sampler, start: start, generator: generator, isCancelled: { stop.isImmediate })
        }
        let images = drawn.sequences
        var batch = sampled(
            Batch(offsets: images.offsets, mask: images.mask), logp: drawn.logp,
            finished: Array(repeating: true, count: images.count), of: prompts, samples: samples, version: role.version)
        batch.set(images)
        model.charge(role, .generate, since: began, flops: network.generationFLOPs(images), steps: images.stepCount)
        return batch
    }
}

extension DenoisingSettings {
    /// The sampler of a rollout.
    ///
    /// - Parameter iteration: iterations so far, which move the window of stochastic steps.
    func sampler(_ format: ImageFormat, iteration: Int) -> ImageSampler {
        let range = window.map { size in
            let size = min(size, steps)
            let first = (iteration / windowEvery) % (steps - size + 1)
            return first..<first + size
        }
        return ImageSampler(
            steps: steps, noiseLevel: noise == .none ? 0 : noiseLevel, noise: format.noise, window: range, shift: shift,
            guidance: guidance, sharesNoise: sharesNoise, scoring: format.scoring)
    }

    /// How an evaluation samples: nothing is random after the first noise.
    var measuring: DenoisingSettings {
        var settings = self
        settings.steps = evaluationSteps
        settings.noise = .none
        return settings
    }
}

extension RolloutSettings {
    var measuring: RolloutSettings {
        var settings = self
        settings.denoising = denoising?.measuring
        return settings
    }
}
