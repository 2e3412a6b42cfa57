import ZooBase

/// The scores of one variant: a value by run and held-out prompt, the same prompts for every run.
public struct Scores: Sendable, Equatable {
    /// What tells the runs of a variant apart: the base model that it began from, and its seed. Runs are nested in base models.
    public struct Run: Hashable, Comparable, Sendable {
        public var base: UInt64
        public var seed: UInt64

        public init(base: UInt64 = 0, seed: UInt64) {
            self.base = base
            self.seed = seed
        }

        public static func < (a: Run, b: Run) -> Bool { (a.base, a.seed) < (b.base, b.seed) }
    }

    /// By run, each with one value a prompt; or a single value, where only the mean over prompts is known.
    public let values: [Run: [Double]]

    /// - Precondition: every run has as many values, at least one.
    public init(_ values: [Run: [Double]]) {
        precondition(Set(values.values.map(\.count)).count <= 1, "every run needs the same prompts")
        precondition(values.values.allSatisfy { !$0.isEmpty }, "a run needs at least one value")
        self.values = values
    }

    /// Of runs over one base model, by seed.
    public init(_ seeds: [UInt64: [Double]]) {
        self.init(Dictionary(uniqueKeysWithValues: seeds.map { (Run(seed: $0.key), $0.value) }))
    }

    public var runs: [Run] { values.keys.sorted() }
    public var prompts: Int { values.values.first?.count ?? 0 }

    /// Means over prompts and, where there are several base models, over the runs of each: the values that vary independently.
    public var unitMeans: [Double] {
        let runs = runs
        return Self.units(runs).map { unit in
            unit.reduce(0) { sum, index in
                sum + (values[runs[index]]?.mean ?? .nan)
            } / Double(unit.count)
        }
    }

    /// What varies independently, as indices into `runs`: the base models with their runs, or of a single one the runs.
    static func units(_ runs: [Run]) -> [[Int]] {
        let bases = Set(runs.map(\.base)).sorted()
        guard bases.count > 1 else { return runs.indices.map { [$0] } }
        return bases.map { base in runs.indices.filter { runs[$0].base == base } }
    }
}

extension Scores {
    /// The weights of runs in one resample: units with replacement, then the runs of each unit drawn, again with replacement; the mean
    /// weight is 1 if the units are of one size.
    static func weights(_ units: [[Int]], runs: Int, using random: inout SplitMix64) -> [Double] {
        var weights = [Double](repeating: 0, count: runs)
        for (unit, times) in zip(units, Bootstrap.weights(units.count, using: &random)) where times > 0 {
            let share = Double(runs) / Double(units.count * unit.count)
            guard unit.count > 1 else {
                weights[unit[0]] += times * share
                continue
            }
            for _ in 0..<Int(times) {
                for (index, count) in zip(unit, Bootstrap.weights(unit.count, using: &random)) { weights[index] += count * share }
            }
        }
        return weights
    }
}
