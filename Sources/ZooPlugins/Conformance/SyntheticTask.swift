import Foundation
import ZooBase
import ZooData
import ZooKit

/// Small, plausible data of every kind that an algorithm can ask for. All of it follows from the seed and from what was asked, so
/// two hosts in the same position give the same answers.
final class SyntheticTask {
    let seed: UInt64
    /// Rows handed out so far, which is the data's position.
    var row = 0
    /// Alters the task's data, for the cases that corrupt it.
    var spoilBatch: (Batch) -> Batch = { $0 }
    var spoilRewards: ([Double]) -> [Double] = { $0 }
    var spoilOutputs: ([Double]) -> [Double] = { $0 }
    /// Actions of a sequence, drawn from this range.
    var lengths = 1...6

    init(seed: UInt64 = 0) { self.seed = seed }

    /// A task in the same position as this one.
    func copy() -> SyntheticTask {
        let copy = SyntheticTask(seed: seed)
        copy.row = row
        copy.lengths = lengths
        return copy
    }

    /// Scripts the host to serve this task.
    func serve(_ host: ScriptedHost) {
        host.script.prompts = { [self] n in spoilBatch(batch(rows: n) { sequence(row: $0, completion: false) }) }
        host.script.examples = { [self] n in
            var examples = batch(rows: n) { sequence(row: $0, completion: true) }
            var generator = SplitMix64(seed: hash(UInt64(row), 11))
            examples.set("rating", perSequence: (0..<n).map { _ in generator.normal() })
            examples.set(Column("label", perStep: false, .u8((0..<n).map { _ in Bool.random(using: &generator) ? 1 : 0 })))
            return spoilBatch(examples)
        }
        host.script.pairs = { [self] n in spoilBatch(pairs(n)) }
        host.script.generate = { [self, unowned host] role, prompts, samples in
            spoilBatch(generate(role, version: host.version(of: role), prompts, samples))
        }
        host.script.rewards = { [self] rollout in
            let rewards = (0..<rollout.sequenceCount).map { sequence in
                var generator = SplitMix64(seed: content(rollout, sequence, 12))
                return generator.normal()
            }
            return [
                Column("reward", perStep: false, .f64(spoilRewards(rewards))),
                Column("reward/synthetic", perStep: false, .f64(rewards)),
            ]
        }
        host.script.outputs = { [self, unowned host] role, batch, wanted in
            var outputs: [String: [Double]] = [:]
            for name in wanted { outputs[name] = spoilOutputs(values(of: name, role, host.version(of: role), batch)) }
            return outputs
        }
    }

    // MARK: - Data

    private typealias Sequence = (tokens: [Int32], mask: [Bool])

    private func batch(rows count: Int, _ make: (Int) -> Sequence) -> Batch {
        let rows = row..<(row + count)
        row += count
        var batch = assemble(rows.map(make))
        batch.set(Column("row", perStep: false, .i64(rows.map(Int64.init))))
        return batch
    }

    private func assemble(_ sequences: [Sequence]) -> Batch {
        Batch(
            offsets: sequences.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.tokens.count) },
            tokens: sequences.flatMap(\.tokens),
            mask: sequences.flatMap(\.mask))
    }

    private func sequence(row: Int, completion: Bool, variant: UInt64 = 0) -> Sequence {
        var prompt = SplitMix64(seed: hash(UInt64(row), 1))
        var sequence: Sequence = ([], [])
        for _ in 0..<Int.random(in: 2...4, using: &prompt) {
            sequence.tokens.append(.random(in: 1..<50, using: &prompt))
            sequence.mask.append(false)
        }
        var generator = SplitMix64(seed: hash(UInt64(row), 2 + variant))
        if completion { extend(&sequence, &generator) }
        return sequence
    }

    private func extend(_ sequence: inout Sequence, _ generator: inout SplitMix64) {
        for _ in 0..<Int.random(in: lengths, using: &generator) {
            sequence.tokens.append(.random(in: 1..<50, using: &generator))
            sequence.mask.append(true)
        }
    }

    private func pairs(_ n: Int) -> Batch {
        let rows = row..<(row + n)
        row += n
        var batch = assemble(rows.flatMap { row in (0..<2).map { sequence(row: row, completion: true, variant: $0) } })
        let doubled = rows.flatMap { [Int64($0), Int64($0)] }
        batch.set(Column("row", perStep: false, .i64(doubled)))
        batch.set(Column("pair", perStep: false, .i64(doubled)))
        batch.set(Column("chosen", perStep: false, .u8(rows.flatMap { $0 % 3 == 0 ? [0, 1] : [1, 0] })))
        return batch
    }

    private func generate(_ role: String, version: Int, _ prompts: Batch, _ samples: Int) -> Batch {
        let count = prompts.sequenceCount * samples
        let parents = (0..<count).map { $0 / samples }
        var behaviour: [Double] = []
        var finished: [UInt8] = []
        let sequences = (0..<count).map { index in
            let steps = prompts.steps(of: parents[index])
            var sequence: Sequence = (Array(prompts.tokens[steps]), Array(repeating: false, count: steps.count))
            var generator = SplitMix64(seed: content(prompts, parents[index], hash(UInt64(index), UInt64(version))))
            extend(&sequence, &generator)
            behaviour += sequence.mask.map { $0 ? -0.05 - 2 * Double.random(in: 0..<1, using: &generator) : 0 }
            finished.append(Bool.random(using: &generator) ? 1 : 0)
            return sequence
        }
        var batch = assemble(sequences)
        batch.set("behaviour_logp", perStep: behaviour)
        batch.set(Column("group", perStep: false, .i64(parents.map(Int64.init))))
        batch.set(Column("finished", perStep: false, .u8(finished)))
        batch.set(Column("policy_version", perStep: false, .i64(Array(repeating: Int64(version), count: count))))
        batch.set("temperature", perSequence: Array(repeating: 1, count: count))
        for column in prompts.selecting(parents).columns where !column.perStep { batch.set(column) }
        return batch
    }

    // MARK: - Networks

    /// An output of a role after `version` updates: scattered around what was recorded while sampling, so that ratios lie on both
    /// sides of every clip.
    private func values(of output: String, _ role: String, _ version: Int, _ batch: Batch) -> [Double] {
        let salt = hash(text: role, hash(text: output, UInt64(version)))
        if output == "score" {
            return (0..<batch.sequenceCount).map { sequence in
                var generator = SplitMix64(seed: content(batch, sequence, salt))
                return 2 * generator.normal()
            }
        }
        let recorded = batch.column("behaviour_logp")?.doubles
        return (0..<batch.sequenceCount).flatMap { sequence in
            var generator = SplitMix64(seed: content(batch, sequence, salt))
            return batch.steps(of: sequence).map { step in
                let noise = generator.normal()
                guard batch.mask[step] else { return 0.0 }
                switch output {
                case "logp": return min((recorded?[step] ?? -1.5) + 0.3 * noise, -1e-3)
                case "entropy", "kl:reference": return 0.1 + abs(noise)
                default: return noise
                }
            }
        }
    }

    // MARK: - Hashing

    private func hash(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var generator = SplitMix64(seed: seed &+ first &* 0x9e37_79b9 &+ second &* 0xc2b2_ae3d_27d4_eb4f)
        return generator.next()
    }

    private func hash(text: String, _ salt: UInt64) -> UInt64 { text.utf8.reduce(salt) { hash($0, UInt64($1)) } }

    private func content(_ batch: Batch, _ sequence: Int, _ salt: UInt64) -> UInt64 {
        batch.steps(of: sequence).reduce(salt) { hash($0, UInt64(bitPattern: Int64(batch.tokens[$1]))) }
    }
}
