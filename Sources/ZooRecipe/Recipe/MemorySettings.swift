/// How networks are held in memory.
public struct MemorySettings: Sendable, Equatable {
    public enum FrozenType: String, Sendable, CaseIterable {
        case float32, bfloat16, float16
    }

    /// Element type of the matrices that are not trained: of a reference, a teacher, reward models, and the base of an adapter.
    public var frozen = FrozenType.float32
    public enum TrainedType: String, Sendable, CaseIterable { case float32, bfloat16 }

    /// Element type of what products of a trained language model multiply; its weights, gradients and optimizer are float32.
    public var trained = TrainedType.float32
    /// Whether blocks compute their activations again in the backward pass instead of keeping them.
    public var recompute = false
    /// Bytes that the activations of one forward and backward pass may take; nil: 1 GiB, or one sequence where that takes more.
    public var activations: Int?
    /// Bytes of an optimizer's state from which ranks hold a part of it each.
    public var shardOptimizer = 1 << 30

    public init() {}
}

extension MemorySettings {
    static let schema = Schema("how networks are held, such as {frozen: bfloat16, recompute: true}", blank: MemorySettings()) {
        Key(
            "frozen", \.frozen, .choice,
            "Element type of the matrices that are not trained: reference, teacher, reward models, an adapter's base. Sums stay in float32."
        )
        Key(
            "trained", \.trained, .choice,
            "Element type of the products of a trained language model's blocks: with bfloat16 they read a copy of its matrices, half as large again; the weights themselves, gradients and optimizer stay in float32. For GPUs: on a CPU it is slower."
        )
        Key(
            "recompute", \.recompute, .flag,
            "Compute the activations of blocks again in the backward pass instead of keeping them (TRL's `gradient_checkpointing`): the same numbers, a third more operations."
        )
        Key(
            "activations", optional: \.activations, .bytes, standard: "1 GiB, or one sequence",
            "What the activations of a language model's pass may take, such as `4 GiB`: passes are cut to that, below `microbatch_tokens` too. Where one sequence takes more than is set here, blocks recompute."
        )
        Key(
            "shard_optimizer", \.shardOptimizer, .bytes,
            "On several ranks: where an optimizer's state takes more than this, each rank holds a part of it (ZeRO, stage 1), and the weights are sent round after each update. The same bits."
        )
    }
}
