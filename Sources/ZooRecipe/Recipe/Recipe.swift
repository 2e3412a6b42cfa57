import Foundation
import ZooData

/// A YAML file that describes a whole experiment: stages, models, data, rewards, budget, evaluation and variants.
///
/// A stage makes a model that later stages name by `from`. The last stage is the one that `--algorithm` and the variants change.
public struct Recipe: Sendable, Equatable {
    public var name: String
    /// One line for people.
    public var about = ""
    /// Where the recipe was read from.
    public var file: URL
    public var seed: UInt64 = 0
    public var device = "cpu"
    /// Whether a GPU's operators use only kernels that give the same bits each time.
    public var deterministic = true
    /// Threads of each worker process.
    public var threads = 1
    /// The built-in task that makes the data; nil if the recipe names files of its own.
    public var task: TaskSpec?
    /// Tensors of images that other programs computed; nil for text, and where the task makes the images.
    public var images: StoredImageFiles?
    public var stages: [Stage]
    public var evaluation: Evaluation?
    public var compare: Comparison?
    public var probe: Probe?
    /// Programs that are told what happens in a run; no part of what it is made from.
    public var logTo: [ExternalProgram] = []
    /// What it was read from. A variant changes this, so it does not have what was changed in the recipe since, such as its seed.
    var written = Written()

    /// The text's values with the changes of the command line, and what parameters may be called. Recipes that say the same are equal,
    /// however they were written.
    struct Written: Sendable, Equatable {
        var root: RecipeNode?
        var names = ParameterNames()
        static func == (one: Written, other: Written) -> Bool { true }
    }
}

extension Recipe {
    package static let schema = Schema(
        "a recipe", blank: Recipe(name: "", file: URL(fileURLWithPath: "/"), stages: [])
    ) {
        Key("name", \.name, .name, isRequired: true, "Names the runs' folders.")
        Key("about", \.about, .text, "One line for people.")
        Key(
            "seed", \.seed, .seed,
            "Seed of data order, new weights and sampling. `--seed` and a comparison's seeds replace it.")
        Key("device", \.device, .text("a device: cpu, cuda or cuda:N"), "Where models are.")
        Key(
            "deterministic", \.deterministic, .flag,
            "On a GPU: only kernels that give the same bits each time, as a resumed run needs; what they cost was not measured. On a CPU all do."
        )
        Key("threads", \.threads, .threads, "Threads of each worker process.")
        Key("task", optional: \.task, TaskSpec.codec, "A built-in task, which makes the data: its name, or its name and options.")
        Key(
            "images", optional: \.images, StoredImageFiles.schema.codec,
            "Latents and prompt embeddings that other programs computed, for an image model such as FLUX.")
        Key(
            "stages", \.stages, .list(of: Stage.codec, place: "NAME"), isRequired: true,
            "The training runs in order. Each makes a model that later ones refer to by `from`.")
        Key("evaluation", optional: \.evaluation, Evaluation.schema.codec, "What the host measures of the last stage's model.")
        Key("compare", optional: \.compare, Comparison.codec, "The variants of the last stage.")
        Key("probe", optional: \.probe, Probe.schema.codec, "How `zoo probe` compares the variants' gradients.")
        Key(
            "log_to", \.logTo, .list(of: ExternalProgram.logCodec),
            "Programs that get a run's metrics and samples as lines of JSON, such as a tracker's; it affects no result.")
    } check: { recipe, section in
        guard !recipe.stages.isEmpty else { throw section.field.error("stages: expected at least one stage, found none") }
        if recipe.images != nil, let task = recipe.task {
            throw RecipeError(
                section.field.node.place, path: section.path("images"),
                "the recipe has both 'images' and 'task: \(task.name)', which makes the data; expected one of them")
        }
        if recipe.makesImages { recipe.stages = recipe.stages.map { $0.withImageSettings(conditionDrop: recipe.usualDrop) } }
        if recipe.task == nil, let place = section.field.node.place(ofPrefix: DataSource.taskPrefix) {
            let tasks = Tasks.names.joined(separator: ", ")
            throw RecipeError(place, "names a file of the task, but the recipe has no 'task'; expected one of \(tasks)")
        }
    }

    /// Whether its policies make images: a task's, or latents.
    package var makesImages: Bool { images != nil || task?.makesImages == true }

    /// A model that others trained without dropping conditions is not taught to do without them.
    private var usualDrop: Double { images == nil ? 0.1 : 0 }

    /// The keys of a whole recipe; any other path of `--set` begins in the last stage.
    static let keys = schema.keys.flatMap(\.keys).map(\.name)

    /// The recipe that a tree of nodes describes.
    ///
    /// - Throws: ``RecipeError`` that names file, line and key.
    package init(_ root: RecipeNode, _ reading: Reading) throws {
        // Until a comparison is read, there are none.
        reading.variants = []
        self = try Section.read(Field(node: root, path: "", reading: reading)) {
            try Self.schema.value($0, from: Self.schema.blank)
        }
        file = reading.file
    }

    /// The recipe as nodes, as it is read.
    package var node: RecipeNode { Self.schema.node(self) }

    /// The whole recipe as YAML, defaults written out and paths absolute. Reading it again gives the same recipe.
    public func resolvedYAML() -> String { node.yamlLines(indent: 0).joined(separator: "\n") + "\n" }
}

extension RecipeNode {
    /// The location of the first text with this prefix.
    fileprivate func place(ofPrefix prefix: String) -> String? {
        switch content {
        case .scalar(let value): value.string?.hasPrefix(prefix) == true ? place : nil
        case .list(let items): items.lazy.compactMap { $0.place(ofPrefix: prefix) }.first
        case .map(let entries): entries.lazy.compactMap { $0.value.place(ofPrefix: prefix) }.first
        }
    }
}
