import ZooBase
import ZooData

/// Named variants of the last stage, each over the seeds.
public struct Comparison: Sendable, Equatable {
    public var variants: [Variant]
    public var seeds: [UInt64] = [0, 1, 2]
    /// How many times the stages before the last are trained, with the recipe's seed and those after it; each has runs of all
    /// seeds.
    public var bases = 1
    /// Worker processes at a time.
    public var jobs = 2
    /// The variants are rungs in order: what changes from one to the next is shown.
    public var ladder = false
}

public struct Variant: Sendable, Equatable {
    public var name: String
    public var algorithm: String
    /// Over the stage's parameters of that algorithm.
    public var parameters: [String: JSONValue] = [:]
    /// `--set` style changes of the last stage, by path: `optimizer.learning_rate: 1e-4`.
    public var set: [String: JSONValue] = [:]
    /// For one point of a sweep: the variant that was swept, the path that it was swept along, and the point's value there.
    public var series: String?
    public var axis: String?
    public var value: Double?
    /// Tasks on which it makes no sense and is left out.
    public var exceptTasks: [String] = []
}

// MARK: - Keys

/// A comparison as a recipe writes it: with a sweep for all variants, which are then its points.
private struct WrittenComparison: Sendable {
    var comparison: Comparison
    var sweep: Sweep?
}

extension Comparison {
    /// The variants, each point of a sweep as a variant of its own.
    static let codec: Codec<Comparison> = {
        let written = WrittenComparison.schema.codec
        return Codec(written.words, written.shape) { field in
            guard let comparison = try written.read(field)?.comparison else { return nil }
            field.reading.variants = comparison.variants.map(\.name)
            return comparison
        } write: {
            written.write(WrittenComparison(comparison: $0))
        }
    }()
}

extension WrittenComparison {
    static let schema = Schema("variants and seeds", blank: WrittenComparison(comparison: Comparison(variants: []))) {
        Key("seeds", \.comparison.seeds, .list(of: .seed), "Each variant runs with each of them.")
        Key(
            "bases", \.comparison.bases, .whole(from: 1, to: RecipeLimits.jobs),
            "How many times the stages before the last are trained; `--bases` on the command line.")
        Key("jobs", \.comparison.jobs, .whole(from: 1, to: RecipeLimits.jobs), "Worker processes at a time.")
        Key(
            "ladder", \.comparison.ladder, .flag,
            "The variants are rungs in order: what changes from each to the next is printed below the tables.")
        Key(
            "sweep", optional: \.sweep, Sweep.codec,
            "Numbers by path, for every variant: `{rewards.1.weight: [0, 1, 4]}`.")
        Key(keys: [
            KeyDescription(
                name: "variants", shape: .named(WrittenVariant.schema.shape, place: "NAME"), isRequired: true,
                doc: "What is compared, by name.")
        ]) { whole, section in
            whole.comparison.variants = try WrittenVariant.all(section, sweep: whole.sweep)
        } write: { whole in
            let variants = whole.comparison.variants.map {
                (key: $0.name, node: WrittenVariant.schema.node(WrittenVariant(variant: $0)) as RecipeNode?)
            }
            return [("variants", .map(variants))]
        }
    } check: { whole, section in
        guard !whole.comparison.variants.isEmpty, !whole.comparison.seeds.isEmpty else {
            throw section.field.error("expected at least one variant and one seed")
        }
        try section.refuseTwice(whole.comparison.seeds.map { String($0) }, of: "seeds")
        try section.refuseTwice(whole.comparison.variants.map(\.name), of: "variants")
    }
}

/// A variant as a recipe writes it: a sweep makes several of it.
private struct WrittenVariant: Sendable {
    var variant: Variant
    var sweep: Sweep?

    static let schema = Schema(
        "a variant, such as {algorithm: ppo}", blank: WrittenVariant(variant: Variant(name: "", algorithm: ""))
    ) {
        Key(
            "algorithm", \.variant.algorithm, .algorithm, isRequired: true,
            "Id of a plugin's algorithm, alone or with a preset.")
        Key(
            "parameters", \.variant.parameters, .values,
            "Override the stage's parameters of that algorithm, and its preset.")
        Key("set", \.variant.set, .values, "Values by path, as for `--set`: `{optimizer.learning_rate: 1e-4}`.")
        Key("sweep", optional: \.sweep, Sweep.codec, "Numbers by path, one variant per value: `{parameters.beta: [0.03, 0.1]}`.")
        Key(
            "except_tasks", \.variant.exceptTasks, .list(of: .choice(Tasks.names)),
            "Tasks for which the variant makes no sense: it is left out, and the command says so.")
        Key("series", optional: \.variant.series, .name, "Of a sweep's point, for charts: the variant that was swept.")
        Key("axis", optional: \.variant.axis, .text("the path of a value"), "Of a sweep's point: the path.")
        Key("value", optional: \.variant.value, .finite, "Of a sweep's point: the number.")
    } check: { whole, section in
        let (reading, algorithm) = (section.field.reading, whole.variant.algorithm)
        whole.variant.parameters = try reading.names.own(whole.variant.parameters, of: algorithm, in: section.field)
        // A path as a variant means it, with the parameter that it ends in by its own name.
        func own(_ path: String) -> String { reading.names.own(path: path, algorithm: algorithm, stages: reading.stages) }
        whole.variant.set = Dictionary(whole.variant.set.map { (own($0.key), $0.value) }, uniquingKeysWith: { $1 })
    }

    /// All variants of a comparison, or the points of their sweeps.
    static func all(_ section: Section, sweep: Sweep?) throws -> [Variant] {
        let byName = Codec<[Variant]>("variants by name", .anything) { field in
            guard case .map = field.node.content else { return nil }
            let variants = try Section(field)
            return try variants.keys.flatMap { name in
                guard let field = variants.field(name) else {
                    throw variants.field.error("\(name): expected a variant, such as {algorithm: ppo}")
                }
                return try points(name, field, sweep: sweep)
            }
        } write: { _ in
            .map([])
        }
        return try section.required("variants", byName)
    }

    private static func points(_ name: String, _ field: Field, sweep shared: Sweep?) throws -> [Variant] {
        let place = RecipeNode(.scalar(.string(name)), place: field.node.place)
        _ = try Codec<String>.name.value(Field(node: place, path: field.path, reading: field.reading))
        var start = schema.blank
        start.variant.name = name
        let written = try schema.codec(from: start).value(field)
        guard written.sweep == nil || shared == nil else {
            throw field.error("has its own sweep in addition to 'compare.sweep'; expected one axis at a time")
        }
        guard let sweep = written.sweep ?? shared else { return [written.variant] }
        let (reading, algorithm) = (field.reading, written.variant.algorithm)
        return try sweep.renamed { reading.names.own(path: $0, algorithm: algorithm, stages: reading.stages) }
            .points(of: written.variant, in: field)
    }
}
