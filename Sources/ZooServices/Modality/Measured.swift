import ZooBase
import ZooData
import ZooKit
import ZooRecipe

/// How samples are measured.
package struct MeasuringPlan {
    /// Samples per prompt.
    var samples: Int
    var rollout: RolloutSettings
    /// The same for every run of a recipe.
    var seed: UInt64
    /// The held-out rows.
    package var rows: [Row]

    package init(samples: Int, rollout: RolloutSettings, seed: UInt64, rows: [Row]) {
        self.samples = samples
        self.rollout = rollout
        self.seed = seed
        self.rows = rows
    }
    /// Prompts and samples kept for people.
    private static let most = 16

    package func row(_ id: Int) -> Row? { rows.indices.contains(id) ? rows[id] : nil }
    /// The first samples of the prompts that are shown.
    func shown(of count: Int) -> [Int] { Array(stride(from: 0, to: count, by: samples).prefix(Self.most)) }
}

/// What was measured of samples: `samples` per prompt, prompt-major.
package struct Measured {
    let samples: Int
    /// Of each prompt: the split that its row names.
    private let splits: [String?]
    var items: [RewardItem] = []
    package var gold: [Double] = []
    /// Means over the samples, by name; those of a split as `NAME@SPLIT`.
    package var metrics: [String: Double] = [:]
    /// Means over each prompt's samples, by name.
    package var prompts: [String: [Double]] = [:]

    /// - Parameter count: prompts measured, the first of the plan's rows.
    package init(_ plan: MeasuringPlan, count: Int) {
        samples = plan.samples
        splits = plan.rows.prefix(count).map { $0.extras["split"]?.string }
    }

    /// A metric of sequences: its mean, and that of each prompt.
    package mutating func note(_ name: String, _ values: [Double]) {
        noteMean(name, values)
        prompts[name] = perPrompt(values).map { $0.mean ?? .nan }
    }

    /// The mean over sequences, and that of each split of the prompts.
    package mutating func noteMean(_ name: String, _ values: [Double]) {
        metrics[name] = values.mean ?? .nan
        let own = perPrompt(values)
        for split in Set(splits.compactMap(\.self)) {
            metrics["\(name)@\(split)"] = zip(splits, own).flatMap { $0 == split ? Array($1) : [] }.mean ?? .nan
        }
    }

    func perPrompt<T>(_ values: [T]) -> [ArraySlice<T>] {
        stride(from: 0, to: values.count, by: samples).map { values[$0..<$0 + samples] }
    }

    /// pass@1, pass@2, pass@4, … by the unbiased estimator 1 − C(n − c, k) / C(n, k) (Chen et al. 2021, arXiv:2107.03374, eq. 1).
    package mutating func notePass(_ solved: [Bool]) {
        var k = 1
        while k <= samples {
            let chances = perPrompt(solved).map { passChance(of: k, right: $0.count { $0 }, among: samples) }
            metrics["pass@\(k)"] = chances.mean ?? .nan
            prompts["pass@\(k)"] = chances
            k *= 2
        }
    }
}
