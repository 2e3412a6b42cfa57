/// The scores of one variant: a value by seed and held-out prompt, the same prompts for every seed.
public struct Scores: Sendable, Equatable {
    /// By seed, each with one value a prompt; or a single value, where only the mean over prompts is known.
    public let values: [UInt64: [Double]]

    /// - Precondition: every seed has as many values, at least one.
    public init(_ values: [UInt64: [Double]]) {
        precondition(Set(values.values.map(\.count)).count <= 1, "every seed needs the same prompts")
        precondition(values.values.allSatisfy { !$0.isEmpty }, "a seed needs at least one value")
        self.values = values
    }

    /// Means over prompts, by seed.
    public var means: [UInt64: Double] { values.mapValues { $0.reduce(0, +) / Double($0.count) } }
    public var seeds: [UInt64] { values.keys.sorted() }
    public var prompts: Int { values.values.first?.count ?? 0 }
}
