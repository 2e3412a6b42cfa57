/// What the host measures of every model, on held-out prompts.
public struct Evaluation: Sendable, Equatable {
    /// nil: nothing is sampled.
    public var prompts: DataSource?
    /// Held-out preference pairs and examples, for the loss of the last stage's algorithm if it learns from such rows.
    public var pairs: DataSource?
    public var examples: DataSource?
    /// Held-out prompts to use, from the first; 0: all. Where their rows have a column `split`, each figure is given by split too, as
    /// `NAME@SPLIT`.
    public var count = 128
    public var samplesPerPrompt = 1
    /// Iterations between evaluations during training; 0: only at the end; nil: about ten, for at most 5% of the run's operations.
    public var every: Int?
    /// Rewards that training never sees.
    public var gold: [RewardSpec] = []
}

extension Evaluation {
    package var node: RecipeNode { Self.schema.node(self) }

    static let schema = Schema("what to measure", blank: Evaluation()) {
        Key("prompts", optional: \.prompts, DataSource.unweighted, "Held-out prompts; without them nothing is sampled.")
        Key("pairs", optional: \.pairs, DataSource.unweighted, "Held-out pairs for the algorithm's own loss.")
        Key("examples", optional: \.examples, DataSource.unweighted, "Held-out examples for the algorithm's own loss.")
        Key("count", \.count, .whole(from: 0, to: RecipeLimits.rows), "How many prompts, from the first; 0: all.")
            .written { $0.prompts != nil }
        Key("samples_per_prompt", \.samplesPerPrompt, .whole(from: 1, to: RecipeLimits.samples), "Samples of each prompt.")
            .written { $0.prompts != nil }
        Key(
            "every", optional: \.every, .iterations, standard: "about ten a run",
            "Iterations between evaluations during training, logged as `eval/…`; 0: only at the end.")
        Key("gold", \.gold, .list(of: RewardSpec.codec), "Rewards that training never sees.")
    } check: { evaluation, section in
        guard evaluation.prompts != nil || evaluation.pairs != nil || evaluation.examples != nil else {
            throw section.field.error("expected held-out 'prompts', 'pairs' or 'examples', found none of them")
        }
        for key in ["count", "samples_per_prompt", "gold"] where evaluation.prompts == nil && section.field(key) != nil {
            throw section.field.error("'\(key)' applies to samples of held-out prompts: add 'prompts', or remove it")
        }
        try section.refuseTwice(evaluation.gold.map(\.name), of: "gold")
    }
}
