/// When a run writes its state, and what of it.
public struct CheckpointSettings: Sendable, Equatable {
    /// Iterations between checkpoints; 0: only at the end.
    public var every = 50
    /// How many of the newest stay.
    public var keep = 2
    /// Whether they hold the optimizer's state, without which a resumed run is another run.
    public var optimizer = true
    /// Whether a finished run keeps its last checkpoint, from which a larger budget can continue.
    public var afterEnd = false

    public init() {}
}

extension CheckpointSettings {
    static let schema = Schema("checkpoints, such as {every: 50, keep: 1}", blank: CheckpointSettings()) {
        Key("every", \.every, .iterations, "Iterations between checkpoints. 0: only when the run is stopped.")
        Key("keep", \.keep, .whole(from: 1, to: 1_000_000), "How many of the newest stay (TRL's `save_total_limit`).")
        Key(
            "optimizer", \.optimizer, .flag,
            "Whether they hold AdamW's moments, two thirds of their size. Without them a resumed run begins with fresh ones, and says so."
        )
        Key(
            "after_end", \.afterEnd, .flag,
            "Whether a finished run keeps its last checkpoint, so that it can be extended.")
    }
}

/// Which of the models of a run is kept beside the last: the one with the best evaluation.
public struct BestModel: Sendable, Equatable {
    /// As an evaluation during training is logged, without `eval/`.
    public var metric: String
    /// Whether less of it is better.
    public var isLower = false
}

extension BestModel {
    static let schema = Schema("the best model, such as {metric: pass@1}", blank: BestModel(metric: "")) {
        Key(
            "metric", \.metric, .text("the name of a metric of the evaluation"), isRequired: true,
            "A metric of the evaluations during training, such as `pass@1` (TRL's `metric_for_best_model`).")
        Key("lower", \.isLower, .flag, "Whether less of it is better.")
    }
}
