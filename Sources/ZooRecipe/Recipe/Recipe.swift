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
    /// Threads of each worker process.
    public var threads = 1
    /// The built-in task that makes the data; nil if the recipe names files of its own.
    public var task: TaskSpec?
    public var stages: [Stage]
    public var evaluation: Evaluation?
    public var compare: Comparison?
    public var probe: Probe?
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
        Key("threads", \.threads, .threads, "Threads of each worker process.")
        Key("task", optional: \.task, TaskSpec.codec, "A built-in task, which makes the data: its name, or its name and options.")
        Key(
            "stages", \.stages, .list(of: Stage.codec, place: "NAME"), isRequired: true,
            "The training runs in order. Each makes a model that later ones refer to by `from`.")
        Key("evaluation", optional: \.evaluation, Evaluation.schema.codec, "What the host measures of the last stage's model.")
        Key("compare", optional: \.compare, Comparison.codec, "The variants of the last stage.")
        Key("probe", optional: \.probe, Probe.schema.codec, "How `zoo probe` compares the variants' gradients.")
    } check: { recipe, section in
        guard !recipe.stages.isEmpty else { throw section.field.error("stages: expected at least one stage, found none") }
        if recipe.task?.makesImages == true { recipe.stages = recipe.stages.map(\.withImageSettings) }
        if recipe.task == nil, let place = section.field.node.place(ofPrefix: DataSource.taskPrefix) {
            let tasks = Tasks.names.joined(separator: ", ")
            throw RecipeError(place, "names a file of the task, but the recipe has no 'task'; expected one of \(tasks)")
        }
    }

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
