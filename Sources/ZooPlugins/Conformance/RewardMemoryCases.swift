import CProcess
import Foundation
import ZooBase
import ZooKit

extension ConformanceCase {
    /// Memory that a reward is lent, and that of its own.
    static let rewardMemoryCases: [ConformanceCase] = [
        lent(
            .borrowed, "reward/borrowed", "It keeps no pointer to what a call lent it: samples, texts, parameters.",
            "zoo/reward_function.h: Borrowed for the call."),
        lent(
            .readOnly, "reward/read-only", "It writes into the numbers of the rewards alone.",
            "zoo/reward_function.h: the library reads it and writes into `data` of `reward` and `step_reward`."),
        lent(
            .edges, "reward/edges", "It stays within every array and every text, by a byte.",
            "zoo/base.h: UTF-8 text, not terminated."),
        .reward(
            "reward/leaks", "Scores, and rewards made and destroyed, leave no memory behind.",
            rule: "zoo/reward_function.h: Frees the reward and this table."
        ) { subject in
            let samples = try RewardSamples.plausible()
            let reward = try subject.makeReward()
            func grown(_ body: () throws -> Void) throws -> Int {
                func round() throws -> Int {
                    for _ in 0..<40 { try body() }
                    return Int(zoo_malloc_bytes())
                }
                _ = try round()
                let (first, second, third) = (try round(), try round(), try round())
                return max(0, min(second - first, third - second))
            }
            let calls: [(String, () throws -> Void)] = [
                ("scores", { _ = try reward.score(samples) }), ("rewards made and destroyed", { _ = try subject.makeReward() }),
            ]
            for (name, call) in calls {
                let bytes = try grown(call)
                try expect(
                    bytes < 8192, expected: "less than 8 KiB more memory after 40 \(name)",
                    found: "\(bytes / 1024) KiB, twice in succession")
            }
            return "40 calls of each, three times over"
        },
    ]

    private static func lent(_ guarded: Guarded, _ id: String, _ claim: String, _ rule: String) -> ConformanceCase {
        .reward(id, claim, rule: rule) { subject in
            let report = HostChannel.signalReport
            zoo_explain_crashes(CommandStatus.data.rawValue, report.descriptor, strdup(report.prefix))
            let reward = try subject.attempt("create") { try subject.makeReward { GuardedArena(guarded) } }
            let samples = try RewardSamples.plausible()
            for time in 1...3 { try subject.attempt("score \(time)") { _ = try reward.score(samples) } }
            // An error is another case's.
            try subject.attempt("an empty completion") { _ = try? reward.score(RewardSamples.around("")) }
            return "4 calls"
        }
    }
}
