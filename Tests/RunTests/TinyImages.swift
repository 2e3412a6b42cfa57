import Foundation

/// Handwritten digits that nobody wrote, and a recipe that trains an image model on them in fractions of a second.
struct TinyImages {
    let folder: URL
    var recipe: URL { folder.appending(path: "images.yaml") }

    /// Writes the recipe, and the digits where `zoo` looks for them.
    ///
    /// - Parameters:
    ///   - cache: the folder of `POLICYZOO_CACHE`.
    ///   - stage: YAML in the only stage.
    ///   - more: YAML of the whole recipe.
    init(in folder: URL, cache: URL, task: String = "digits", stage: String, more: String = "") throws {
        self.folder = folder
        let data = cache.appending(path: "data/digits/raw")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        try Data(Self.digits.utf8).write(to: data.appending(path: "digits.csv"))
        let recipe = """
            name: images
            task: \(task)
            stages:
              - name: only
                algorithm: sft
                policy: {new: {family: flow-image, num_layers: 1, num_single_layers: 1, attention_head_dim: 8, num_attention_heads: 2}}
                rewards: [{function: brightness}]
                data: {prompts: task:training, examples: task:training, pairs: {build: {prompts: 8, samples: 2}}}
                rollout: {denoising: {steps: 3, evaluation_steps: 2}}
            \(stage.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            \(more)

            """
        try Data(recipe.utf8).write(to: self.recipe)
    }

    /// 400 images in the format of scikit-learn's `digits.csv`: class d is a bar in column d % 8, broken in row d / 2, with noise.
    static let digits: String = (0..<400).map { index in
        let digit = index % 10
        let pixels = (0..<64).map { pixel in
            let (row, column) = (pixel / 8, pixel % 8)
            let ink = column == digit % 8 && row != digit / 2 ? 13 : 1
            return "\(ink + (index * 7 + pixel * 5) % 3)"
        }
        return (pixels + ["\(digit)"]).joined(separator: ",") + "\n"
    }.joined()
}
