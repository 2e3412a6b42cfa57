import CProcess
import Foundation
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    /// What a library that offers rewards says of them, and what they give.
    static let rewardCases: [ConformanceCase] = [
        .once(
            "reward/library", "The rewards that it offers can be read.",
            rule: "zoo/reward_function.h: What a library says of one reward. Static data."
        ) { subject in
            guard try subject.plugin().getExtension(ZOO_REWARD_FUNCTION_ID) != nil else {
                throw NotApplicable(reason: "it offers no rewards")
            }
            return try RewardLibrary(path: subject.path).rewards.map(\.id).joined(separator: ", ")
        },
        .reward(
            "reward/described", "It says what it rewards and what each parameter means, and is made from its defaults.",
            rule: "zoo/reward_function.h: What a library says of one reward. Static data.", needs: "reward/library"
        ) { subject in
            let reward = try subject.reward()
            try expect(!reward.summary.isEmpty, expected: "a summary of one line", found: "none")
            for parameter in reward.parameters where parameter.doc.isEmpty {
                throw Finding(trial: "", expected: "a description of parameter '\(parameter.name)'", found: "none")
            }
            let defaults = try subject.rewardDefaults(reward)
            try subject.attempt("create with {}") { _ = try subject.makeReward() }
            try subject.attempt("create with every default of the schema") { _ = try subject.makeReward(defaults) }
            return "\(reward.parameters.count) parameters"
        },
        .reward(
            "reward/numbers", "A sample gets a finite number, or NaN where it cannot be scored, and a step a finite one.",
            rule: "zoo/reward_function.h: NaN: it cannot score that one", needs: "reward/described"
        ) { subject in
            _ = try subject.rewardDefaults(subject.reward())
            let samples = try RewardSamples.plausible()
            let found = try subject.attempt("plausible samples") { try subject.makeReward().score(samples) }
            let scored = found.totals.filter { !$0.isNaN }
            let range = scored.isEmpty ? "" : ", from \(scored.min() ?? 0) to \(scored.max() ?? 0)"
            return "\(scored.count) of \(found.totals.count) samples scored\(range)"
        },
        .reward(
            "reward/deterministic", "The same samples get the same numbers, bit for bit, from this and from another instance.",
            rule: "zoo/reward_function.h: The same sample gives the same number, whatever else is scored with it."
        ) { subject in
            let samples = try RewardSamples.plausible()
            let (one, other) = (try subject.makeReward(), try subject.makeReward())
            let first = Scores(try one.score(samples), samples)
            try subject.attempt("scored again") { try first.expectEqual(Scores(one.score(samples), samples)) }
            try subject.attempt("another instance") { try first.expectEqual(Scores(other.score(samples), samples)) }
            _ = try one.score(RewardSamples.around("something else"))
            try subject.attempt("scored after others") { try first.expectEqual(Scores(one.score(samples), samples)) }
            return "4 calls"
        },
        .reward(
            "reward/others", "What a sample gets depends on no other sample, nor on their order.",
            rule: "zoo/reward_function.h: The same sample gives the same number, whatever else is scored with it.",
            needs: "reward/deterministic"
        ) { subject in
            let samples = try RewardSamples.plausible()
            let all = Scores(try subject.makeReward().score(samples), samples)
            let count = samples.sequenceCount
            let choices: [(String, [Int])] =
                [
                    ("in reverse order", Array((0..<count).reversed())), ("each twice", (0..<count).flatMap { [$0, $0] }),
                    ("the second half first", (0..<count).map { ($0 + count / 2) % count }),
                ] + (0..<count).map { ("sample \($0) alone", [$0]) }
            for (name, chosen) in choices {
                try subject.attempt(name) {
                    let part = samples.selecting(chosen)
                    try all.selecting(chosen).expectEqual(Scores(subject.makeReward().score(part), part))
                }
            }
            return "\(choices.count) choices of the samples"
        },
        .reward(
            "reward/steps", "Its rewards of steps lie on actions, and are a part of the whole reward.",
            rule: "zoo/reward_function.h: the part of the reward that came at each action, where it knows"
        ) { subject in
            let samples = try RewardSamples.plausible()
            let (totals, steps) = try subject.makeReward().score(samples)
            if let stray = steps.indices.first(where: { steps[$0] != 0 && !samples.mask[$0] }) {
                throw Finding(trial: "", expected: "0 at step \(stray), which is no action", found: "\(steps[stray])")
            }
            guard steps.contains(where: { $0 != 0 }) else { throw NotApplicable(reason: "it rewards no single steps") }
            let sums = totals.indices.map { samples.steps(of: $0).reduce(0) { $0 + steps[$1] } }
            let forgotten = totals.indices.filter { sums[$0] != 0 }
            if let one = forgotten.first, forgotten.allSatisfy({ totals[$0] == 0 }) {
                throw Finding(
                    trial: "sample \(one)", expected: "a reward that has in it what came at its steps, \(sums[one])",
                    found: "0, as for every sample")
            }
            return "\(steps.count { $0 != 0 }) of \(samples.actionCount) actions"
        },
        .reward(
            "reward/any-text", "Whatever a policy writes gets a number or NaN, and no error.",
            rule: "zoo/reward_function.h: What makes no sense is worth 0 or NaN; it is no error.", needs: "reward/others"
        ) { subject in
            let reward = try subject.makeReward()
            let before = try reward.score(RewardSamples.around(" 7")).totals
            for (name, text) in RewardSamples.hostile {
                try subject.attempt(name) {
                    let found = try reward.score(RewardSamples.around(text)).totals
                    let others = [found[0], found[2]].map(\.bitPattern)
                    try expect(
                        others == [before[0], before[2]].map(\.bitPattern),
                        expected: "what its neighbours got without it, "
                            + "\(before[0]) and \(before[2])", found: "\(found[0]) and \(found[2])")
                }
                try subject.attempt("\(name), as the prompt") { _ = try reward.score(RewardSamples.after(text)) }
            }
            return "\(RewardSamples.hostile.count) texts"
        },
        .reward(
            "reward/process", "It leaves the process as it found it, in every call.",
            rule: "zoo/zoo.h: A plugin leaves the process as it found it"
        ) { subject in
            let samples = try RewardSamples.plausible()
            return try ProcessWatch.run(subject, ProcessSnapshot.Aspect.allCases) { watch in
                var reward: RewardInstance? = try watch.call("create") { try subject.makeReward() }
                for time in 1...3 { try watch.call("score \(time)") { _ = try reward?.score(samples) } }
                try watch.call("destroy") { reward = nil }
            }
        },
    ]
}

extension Subject {
    func reward() throws -> RewardDescription { try RewardLibrary(path: path).reward(id) }

    /// Makes the reward that the case tries.
    func makeReward(_ parameters: [String: JSONValue] = [:], makeArena: @escaping () -> Arena = { Arena() }) throws
        -> RewardInstance
    {
        try RewardLibrary(path: path).create(id, parameters: parameters, makeArena: makeArena) { _, _ in }
    }

    /// The defaults of its parameters. Not applicable where one has none: the bench knows no value for it.
    func rewardDefaults(_ reward: RewardDescription) throws -> [String: JSONValue] {
        var defaults: [String: JSONValue] = [:]
        for parameter in reward.parameters {
            guard let value = parameter.defaultValue ?? (parameter.isNullable ? .null : nil) else {
                throw NotApplicable(reason: "parameter '\(parameter.name)' has no default, so the bench cannot make it")
            }
            defaults[parameter.name] = value
        }
        return defaults
    }
}

/// What samples got: each its number and those of its steps.
private struct Scores {
    private let rows: [(total: Double, steps: [Double])]

    init(_ scores: (totals: [Double], steps: [Double]), _ samples: Batch) {
        rows = scores.totals.indices.map { (scores.totals[$0], Array(scores.steps[samples.steps(of: $0)])) }
    }

    private init(rows: [(total: Double, steps: [Double])]) { self.rows = rows }

    func selecting(_ chosen: [Int]) -> Scores { Scores(rows: chosen.map { rows[$0] }) }

    /// Throws for the first sample that differs, if only by a bit.
    func expectEqual(_ other: Scores) throws {
        for (place, (one, two)) in zip(rows, other.rows).enumerated() {
            try expect(
                one.total.bitPattern == two.total.bitPattern || (one.total.isNaN && two.total.isNaN),
                expected: "\(one.total) for sample \(place), as before", found: "\(two.total)")
            try expect(
                one.steps.map(\.bitPattern) == two.steps.map(\.bitPattern),
                expected: "\(one.steps) for the steps of sample \(place), as before", found: "\(two.steps)")
        }
    }
}
