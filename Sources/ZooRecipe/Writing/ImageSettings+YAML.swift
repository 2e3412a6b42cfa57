import ZooPlugins

extension DenoisingSettings {
    var node: RecipeNode {
        .map([
            ("steps", .number(steps)), ("evaluation_steps", .number(evaluationSteps)), ("shift", .number(shift)),
            ("guidance", .number(guidance)), ("noise", .text(noise.rawValue)), ("noise_level", .number(noiseLevel)),
            ("window", window.map { .number($0) }), ("window_every", .number(windowEvery)),
            ("shares_noise", RecipeNode(.scalar(.bool(sharesNoise)))),
        ])
    }
}

extension ImageScoring {
    var node: RecipeNode {
        .map([
            ("times", .text(times.rawValue)), ("reduction", .text(reduction.rawValue)), ("mean", .number(mean)),
            ("width", .number(width)), ("draws", .number(draws)),
            ("condition_drop", .number(conditionDrop)),
        ])
    }
}

extension ImagePairs {
    var node: RecipeNode {
        .map([
            ("chosen", .text(chosen.rawValue)), ("rejected", .text(rejected.rawValue)), ("blur", .number(blur)),
            ("noise", .number(noise)), ("words", .text(words.rawValue)),
        ])
    }
}
