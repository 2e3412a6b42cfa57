/// How `zoo probe` compares the gradients of the variants of `compare` on frozen samples.
public struct Probe: Sendable, Equatable {
    /// The variant whose training is frozen at each of `at`: its policy samples, and its critic is the critic.
    public var driver: String
    /// Iterations of the driver, ascending.
    public var at: [Int] = [0]
    /// A batch: prompts, and samples of each.
    public var prompts = 16
    public var samples = 4
    /// Batches to sample, for means, variances and intervals.
    public var batches = 32
    /// Strength of the KL in the objective E[reward] − β KL whose gradient and values are the reference.
    public var beta = 0.0
    /// Sequences behind the reference gradient where it is not known exactly.
    public var reference = 4096
    /// Intermediate states whose value is measured, and the continuations of each.
    public var states = 64
    public var continuations = 32
    public var threads: Int?
}

extension Probe {
    static let schema = Schema("how to probe, such as {driver: ppo}", blank: Probe(driver: "")) {
        Key(
            "driver", \.driver, .variant, isRequired: true,
            "The variant whose training is frozen: its policy samples, and its critic is the critic.")
        Key("at", \.at, .list(of: .iterations), "Iterations of the driver at which it is frozen, ascending.")
        Key(
            "prompts", \.prompts, .whole(from: 1, to: 1_000_000),
            "Prompts of the batch that every variant gets, instead of its own `prompts` and `pairs`.")
        Key("samples", \.samples, .whole(from: 2, to: RecipeLimits.samples), "Samples of each prompt of the batch.")
        Key("batches", \.batches, .whole(from: 4, to: 100_000), "Batches, for means, variances and intervals.")
        Key(
            "beta", \.beta, .fromZero(to: 1e6), "Strength of the KL in the objective whose gradient and values are the reference."
        )
        Key(
            "reference", \.reference, .whole(from: 256, to: RecipeLimits.rows),
            "Sequences behind the reference gradient, where it is not known exactly.")
        Key("states", \.states, .whole(from: 8, to: 1_000_000), "Intermediate states whose value is measured.")
        Key("continuations", \.continuations, .whole(from: 2, to: RecipeLimits.samples), "Completions sampled from each state.")
        Key("threads", optional: \.threads, .threads, standard: "the recipe's", "Threads of the probe's worker process.")
    } check: { probe, section in
        guard !probe.at.isEmpty, zip(probe.at, probe.at.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw RecipeError(
                section.field.node.place, path: section.path("at"), "expected ascending iterations, such as [0, 40, 160]")
        }
    }
}

extension Codec where Value == String {
    /// A variant of the comparison.
    fileprivate static var variant: Codec {
        Codec("the name of a variant", .text("name of a variant")) { field in
            guard let names = field.reading.variants else { return try name.value(field) }
            guard !names.isEmpty else {
                throw RecipeError(
                    field.node.place, path: "probe", "a probe compares the variants of 'compare', but the recipe has none")
            }
            return try choice(names).value(field)
        } write: {
            .text($0)
        }
    }
}
