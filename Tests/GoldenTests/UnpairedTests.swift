import Testing
import ZooKit
import ZooPlugins

/// What a plugin asked of its host, apart from gradients.
private final class Asked {
    var batches: [(role: String, outputs: [String], batch: Batch)] = []
}

/// Two pairs: prompts [1] and [2, 3]; chosen answers [4] and [5, 6], rejected [7, 8] and [9].
private func pairs(tokens: Bool = true) -> Batch {
    let sequences: [(prompt: [Int32], answer: [Int32])] = [([1], [4]), ([1], [7, 8]), ([2, 3], [5, 6]), ([2, 3], [9])]
    var batch = Batch()
    for (prompt, answer) in sequences {
        batch.tokens += tokens ? prompt + answer : []
        batch.mask += prompt.map { _ in false } + answer.map { _ in true }
        batch.offsets.append(batch.mask.count)
    }
    batch.set(Column("pair", perStep: false, .i64([0, 0, 1, 1])))
    batch.set(Column("chosen", perStep: false, .u8([1, 0, 1, 0])))
    return batch
}

/// The policy gives each token of an answer −1, the reference −`reference`; scores are −(number of the sequence) and 0.
private func train(_ parameters: String, reference: Double = 2, _ batch: Batch = pairs()) throws -> (ScriptedHost.Record, Asked) {
    let asked = Asked()
    var script = ScriptedHost.Script()
    script.pairs = { _ in batch }
    script.outputs = { role, batch, outputs in
        asked.batches.append((role, outputs, batch))
        let logp = role == "policy" ? -1 : -reference
        return [
            "score": (0..<batch.sequenceCount).map { role == "policy" ? -Double($0) : 0 },
            "logp": batch.mask.map { $0 ? logp : 0 },
        ]
    }
    return (try step("KTO", "kto", parameters, script), asked)
}

@Suite("kto by hand")
struct UnpairedTests {
    @Test("z₀ pairs each prompt with the answer before it, wanted answers first, and is the mean of the log-ratios")
    func mismatched() throws {
        let (record, asked) = try train(#"{"examples": 4}"#)
        let shown = asked.batches.filter { $0.outputs == ["logp"] }
        #expect(shown.map(\.role) == ["policy", "reference"])
        for (_, _, batch) in shown {
            // Answers in the order [4], [5, 6], [7, 8], [9], each moved on by one prompt.
            #expect(batch.tokens == [1, 9, 2, 3, 4, 1, 5, 6, 2, 3, 7, 8])
            #expect(batch.offsets == [0, 2, 5, 8, 12])
            #expect(batch.mask == [false, true, false, false, true, false, true, true, false, false, true, true])
        }
        // Each of six tokens is one nat likelier than under the reference, over four sequences.
        #expect(record.metric("kl") == 1.5)
        #expect(record.losses[0].batch.tokens == [1, 4, 2, 3, 5, 6, 1, 7, 8, 2, 3, 9])
        #expect(try record.losses[0].batch.integers("label") == [1, 1, 0, 0])
        #expect(record.metric("logps/chosen") == -0.5)
        #expect(record.metric("logps/rejected") == -2.5)
        let margin = try #require(record.metric("rewards/margins"))
        #expect(abs(margin - 0.2) < 1e-12)
    }

    @Test("a negative estimate counts as none")
    func clamped() throws {
        let (record, _) = try train(#"{"examples": 4}"#, reference: 0.5)
        #expect(record.metric("kl") == 0)
    }

    @Test("where steps are not tokens, kto says what to set, and apo_zero_unpaired learns from scores alone")
    func images() throws {
        let images = pairs(tokens: false)
        #expect {
            try train(#"{"examples": 4}"#, images)
        } throws: {
            ($0 as? ZooError)?.code == .failedPrecondition && "\($0)".contains("set loss_type to apo_zero_unpaired")
        }
        let (record, asked) = try train(#"{"examples": 4, "loss_type": "apo_zero_unpaired", "beta": 1}"#, images)
        #expect(asked.batches.map(\.outputs) == [["score"], ["score"]])
        #expect(record.metric("kl") == nil)
        // Scores 0, −1 of wanted answers and −2, −3 of the others: 1 − σ(0), 1 − σ(−1), σ(−2), σ(−3).
        let expected = (0.5 + 0.7310585786300049 + 0.11920292202211755 + 0.04742587317756678) / 4
        #expect(abs(record.losses[0].value - expected) < 1e-12)
    }

    @Test("each source of labels that is missing names the other")
    func sources() throws {
        for (data, missing, other) in [("pairs", "pairs", "labels"), ("labels", "examples", "pairs")] {
            #expect {
                try step("KTO", "kto", #"{"data": "\#(data)"}"#, ScriptedHost.Script())
            } throws: {
                "\($0)".contains("no \(missing)") && "\($0)".contains("set kto's data to '\(other)'")
            }
        }
    }
}
