import Foundation
import ZooBase
import ZooPlugins

/// Reads the settings of policies that make images.
enum ImageReader {
    /// A stage completed with default image settings.
    static func completed(_ stage: Stage) -> Stage {
        var stage = stage
        stage.rollout.denoising = stage.rollout.denoising ?? DenoisingSettings()
        stage.score = stage.score ?? ImageScoring()
        return stage
    }

    static var denoising: Expectation<DenoisingSettings> {
        .section("the image sampler's settings") { section in
            var settings = DenoisingSettings()
            settings.steps = try section("steps", .whole(from: 1, to: RecipeLimits.denoisingSteps), else: settings.steps)
            settings.evaluationSteps = try section(
                "evaluation_steps", .whole(from: 1, to: RecipeLimits.denoisingSteps), else: settings.evaluationSteps)
            settings.shift = try section("shift", .positive(to: 1000), else: settings.shift)
            settings.guidance = try section("guidance", .positive(to: 1000), else: settings.guidance)
            settings.noise = try section("noise", .choice, else: settings.noise)
            settings.noiseLevel = try section("noise_level", .positive(to: 1000), else: settings.noiseLevel)
            settings.window = try section.optional("window", .whole(from: 1, to: RecipeLimits.denoisingSteps))
            settings.windowEvery = try section(
                "window_every", .whole(from: 1, to: RecipeLimits.steps), else: settings.windowEvery)
            settings.sharesNoise = try section("shares_noise", .flag, else: settings.sharesNoise)
            return settings
        }
    }

    static var score: Expectation<ImageScoring> {
        .section("how an image is scored") { section in
            var scoring = ImageScoring()
            scoring.times = try section("times", .choice, else: scoring.times)
            scoring.reduction = try section("reduction", .choice, else: scoring.reduction)
            scoring.mean = try section("mean", .within(100), else: scoring.mean)
            scoring.width = try section("width", .positive(to: 100), else: scoring.width)
            scoring.draws = try section("draws", .whole(from: 1, to: 10_000), else: scoring.draws)
            scoring.conditionDrop = try section(
                "condition_drop", .number("a number from 0 to 1") { (0...1).contains($0) }, else: scoring.conditionDrop)
            return scoring
        }
    }

    static var pairs: Expectation<ImagePairs> {
        .section("{chosen: target | generated, rejected: generated | degraded}") { section in
            var pairs = ImagePairs()
            pairs.chosen = try section("chosen", .choice, else: pairs.chosen)
            pairs.rejected = try section("rejected", .choice, else: pairs.rejected)
            pairs.blur = try section("blur", .fromZero(to: 100), else: pairs.blur)
            pairs.noise = try section("noise", .fromZero(to: 1000), else: pairs.noise)
            pairs.words = try section("words", .choice, else: pairs.words)
            guard pairs.chosen != pairs.rejected else {
                throw section.field.error("chosen and rejected are both '\(pairs.chosen.rawValue)'; expected two different ones")
            }
            return pairs
        }
    }
}
