import Foundation
import Testing
import ZooKit
import ZooPlugins
import ZooRun
import ZooServices

@Suite("the metrics of every algorithm, by hand")
struct CommonMetricsTests {
    /// Two samples of one prompt token each, of 2 and 3 actions; only the first ended on its own.
    private func rollout() -> Batch {
        var batch = Batch(
            offsets: [0, 3, 7], tokens: [5, 1, 2, 5, 3, 4, 6], mask: [false, true, true, false, true, true, true])
        batch.set("behaviour_logp", perStep: [0, -1, -2, 0, -0.5, -0.5, -2])
        batch.set(Column("finished", perStep: false, .u8([1, 0])))
        return batch
    }

    private func logp(_ values: [Double]) -> [Column] { [Column("logp", perStep: true, .f64(values))] }
    private func score(_ values: [Double]) -> [Column] { [Column("score", perStep: false, .f64(values))] }

    private func metrics(
        _ trainedRole: String = "policy", dimensions: Int = 1, _ body: (CommonMetrics) throws -> Void
    ) throws -> [String: Double] {
        let common = CommonMetrics(trainedRole: trainedRole, dimensions: dimensions, keys: \.tokenKeys)
        common.begin()
        try body(common)
        common.end(seconds: 4)
        return Dictionary(uniqueKeysWithValues: common.values.map { ($0.name, $0.value) })
    }

    @Test("of samples: reward, length, share that ended, entropy, and KL where the reference was asked")
    func samples() throws {
        let found = try metrics { common in
            try common.sampled(rollout())
            common.scored([1, .nan, 3])
            try common.evaluated(role: "reference", rollout(), logp([0, -2, -2, 0, -1, -1.5, -2]))
            // Neither another network nor sequences that nobody sampled now.
            try common.evaluated(role: "teacher", rollout(), logp([0, -9, -9, 0, -9, -9, -9]))
            let strangers = Batch(offsets: [0, 2], tokens: [1, 2], mask: [false, true])
            try common.evaluated(role: "reference", strangers, logp([0, -9]))
        }
        #expect(
            found == [
                "common/reward": 2, "common/length": 2.5, "common/finished": 0.5,
                "common/entropy": 1.2,  // (1 + 2 + 0.5 + 0.5 + 2) / 5
                "common/kl": 1.25,  // ((−3 + 4) + (−3 + 4.5)) / 2
                "common/tokens": 5, "common/seconds": 4,
            ])
    }

    @Test("log-probabilities that are means over an image's elements count for all of them")
    func images() throws {
        let found = try metrics(dimensions: 10) { common in
            try common.sampled(rollout())
            try common.evaluated(role: "reference", rollout(), logp([0, -2, -2, 0, -1, -1.5, -2]))
        }
        #expect(found["common/entropy"] == 12)
        #expect(found["common/kl"] == 12.5)
    }

    /// Two pairs, each the chosen and then the rejected sequence, all different.
    private func pairs() -> Batch {
        var batch = Batch(
            offsets: [0, 2, 4, 6, 8], tokens: [5, 1, 5, 2, 6, 3, 6, 4],
            mask: [false, true, false, true, false, true, false, true])
        batch.set(Column("pair", perStep: false, .i64([0, 0, 1, 1])))
        batch.set(Column("chosen", perStep: false, .u8([1, 0, 1, 0])))
        return batch
    }

    private let quiet = LossCall { _, outputs in (0, outputs.map { $0.doubles.map { _ in 0 } }) }

    /// Margins: (−1 + 2) − (−3 + 2) = 2 and (−4 + 3) − (−2.5 + 3) = −1.5.
    private let ofPairs = [
        "common/margin": 0.25, "common/accuracy": 0.5, "common/logp_chosen": -2.5, "common/logp_rejected": -2.75,
        "common/loss": 0.5, "common/tokens": 4, "common/seconds": 4,
    ]

    @Test("of pairs: margin, accuracy and log-probabilities, also where the slices of a loss divide pairs")
    func margins() throws {
        let (values, references) = ([-1, -3, -4, -2.5], [-2.0, -2, -3, -3])
        for slices in [[[0, 1, 2, 3]], [[0, 1], [2, 3]], [[0, 2], [1, 3]], [[3], [2], [1], [0]]] {
            let found = try metrics { common in
                try common.evaluated(role: "reference", pairs(), score(references))
                let value = try common.accumulating(role: "policy", pairs(), quiet) { loss in
                    for slice in slices { _ = try loss(pairs().selecting(slice), score(slice.map { values[$0] })) }
                    return 0.5
                }
                #expect(value == 0.5)
                common.updated(role: "policy")
            }
            #expect(found == ofPairs)
        }
    }

    @Test("of pairs whose reference was asked before they were pairs, per step")
    func onlinePairs() throws {
        let found = try metrics { common in
            let plain = Batch(offsets: pairs().offsets, tokens: pairs().tokens, mask: pairs().mask)
            try common.evaluated(role: "reference", plain, logp([0, -2, 0, -2, 0, -3, 0, -3]))
            _ = try common.accumulating(role: "policy", pairs(), quiet) { loss in
                _ = try loss(pairs(), logp([0, -1, 0, -3, 0, -4, 0, -2.5]))
                return 0.5
            }
            common.updated(role: "policy")
        }
        #expect(found == ofPairs)
    }

    @Test("without the reference a pair has log-probabilities and no margin; a reward model's scores are none")
    func withoutReference() throws {
        func accumulate(_ role: String) throws -> [String: Double] {
            try metrics(role) { common in
                _ = try common.accumulating(role: role, pairs(), quiet) { loss in
                    _ = try loss(pairs(), score([-1, -3, -4, -2.5]))
                    return 0.5
                }
                common.updated(role: role)
            }
        }
        let policy = try accumulate("policy")
        #expect(policy["common/logp_chosen"] == -2.5)
        #expect(policy["common/margin"] == nil && policy["common/accuracy"] == nil)
        #expect(try accumulate("reward") == ["common/loss": 0.5, "common/tokens": 4, "common/seconds": 4])
    }

    @Test("the loss is that of an update, from all that was accumulated for it, averaged over updates of the trained network")
    func loss() throws {
        let found = try metrics { common in
            func accumulate(_ role: String, _ value: Double) throws {
                _ = try common.accumulating(role: role, rollout(), quiet) { _ in value }
            }
            try accumulate("policy", 0.5)
            try accumulate("critic", 100)
            common.updated(role: "critic")
            try accumulate("policy", 0.25)
            common.updated(role: "policy")
            try accumulate("policy", 1.25)
            common.updated(role: "policy")
            try accumulate("policy", 50)  // not an update yet
        }
        #expect(found == ["common/loss": 1, "common/tokens": 20, "common/seconds": 4])
    }

    @Test("what happens between iterations is none of theirs, and an iteration starts from nothing")
    func iterations() throws {
        let common = CommonMetrics(trainedRole: "policy", dimensions: 1, keys: \.tokenKeys)
        #expect(common.values.isEmpty)
        common.scored([7])
        common.begin()
        common.scored([1])
        common.end(seconds: 2)
        try common.sampled(rollout())
        common.scored([9])
        #expect(common.values.map(\.name) == ["common/reward", "common/seconds"])
        #expect(common.values.map(\.value) == [1, 2])
        common.begin()
        common.end(seconds: 3)
        #expect(common.values.map(\.name) == ["common/seconds"])
    }

    @Test("each has a name of the host's own, a unit and a definition")
    func table() throws {
        for metric in CommonMetric.allCases {
            #expect(metric.name == "common/\(metric.rawValue)")
            #expect(!metric.unit.isEmpty && metric.definition.count > 20)
            #expect(throws: ZooError.self) { try ReservedMetric.check(metric.name) }
        }
        #expect(Set(CommonMetric.allCases.map(\.definition)).count == CommonMetric.allCases.count)
    }
}
