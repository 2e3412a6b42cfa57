import ZooModels
import ZooRecipe

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
