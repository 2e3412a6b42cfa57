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
    /// The mask of every sequence handed out, by its tokens: an action where it was one in any of them.
    private(set) var handedOut: [[Int32]: [Bool]] = [:]
    /// Whether it keeps account of what it handed out.
    var remembers = true
    private var partners: [[Int32]: [Int32]] = [:]
    /// Alters the task's data, for the cases that corrupt it.
    var spoilBatch: (Batch) -> Batch = { $0 }
    var spoilRewards: ([Double]) -> [Double] = { $0 }
    var spoilOutputs: ([Double]) -> [Double] = { $0 }
    /// Actions of a sequence, drawn from this range.
    var lengths = 1...6

    /// Nothing is better than anything else: rewards and values are 0, and all roles say what was recorded while sampling.
    private var isLevel = false
    /// Whether the two of every pair have changed places, the rejected one being chosen.
    var exchangesPairs = false
    /// Ratios far from 1, context between actions, rewards of several components with ties and outliers, and longer sequences.
    private(set) var isHarsh = false

    init(seed: UInt64 = 0) { self.seed = seed }

    static func level() -> SyntheticTask {
        let task = SyntheticTask()
        task.isLevel = true
        return task
    }

    static func harsh() -> SyntheticTask {
        let task = SyntheticTask(seed: 1)
        (task.isHarsh, task.lengths) = (true, 1...12)
        return task
    }

    /// A task in the same position as this one.
    func copy() -> SyntheticTask {
        let copy = SyntheticTask(seed: seed)
        copy.row = row
        (copy.lengths, copy.isLevel, copy.isHarsh, copy.exchangesPairs) = (lengths, isLevel, isHarsh, exchangesPairs)
        return copy
    }

    /// The roles of a stage that has all of them, and their outputs.
    static let roles: [String: (outputs: Set<String>, isTrained: Bool)] = [
        "policy": (["logp", "entropy", "score", "kl:reference"], true), "reference": (["logp", "entropy", "score"], false),
        "critic": (["value"], true), "reward": (["score"], true), "teacher": (["logp", "entropy", "score"], false),
    ]

    /// Tokens are 0 to 49.
    static let vocabulary = 50

    /// Scripts the host to serve this task.
    func serve(_ host: ScriptedHost) {
        (host.script.roles, host.script.vocabulary) = (Self.roles, Self.vocabulary)
        host.script.prompts = { [self] n in handOut(batch(rows: n) { sequence(row: $0, completion: false) }) }
        host.script.examples = { [self] n in
            var examples = batch(rows: n) { sequence(row: $0, completion: true) }
            var generator = SplitMix64(seed: hash(UInt64(row), 11))
            examples.set("rating", perSequence: (0..<n).map { _ in generator.normal() })
            examples.set(Column("label", perStep: false, .u8((0..<n).map { _ in Bool.random(using: &generator) ? 1 : 0 })))
            return handOut(examples)
        }
        host.script.pairs = { [self] n in handOut(pairs(n)) }
        host.script.generate = { [self, unowned host] role, prompts, samples in
            handOut(generate(role, version: host.version(of: role), prompts, samples))
        }
        host.script.rewards = { [self] rollout in
            let rewards = (0..<rollout.sequenceCount).map { sequence in
                var generator = SplitMix64(seed: content(rollout, sequence, 12))
                let reward = isLevel ? 0 : generator.normal()
                return isHarsh ? (20 * reward).rounded() : reward
            }
            guard isHarsh else {
                return [
                    Column("reward", perStep: false, .f64(spoilRewards(rewards))),
                    Column("reward/synthetic", perStep: false, .f64(rewards)),
                ]
            }
            let others = (0..<rollout.sequenceCount).map { Double($0 % 3) }
            return [
                Column("reward", perStep: false, .f64(spoilRewards(zip(rewards, others).map { $0 + 0.5 * $1 }))),
                Column("reward/synthetic", perStep: false, .f64(rewards)), Column("reward/other", perStep: false, .f64(others)),
                Column("weight/other", perStep: false, .f64(others.map { _ in 0.5 })),
            ]
        }
        host.script.outputs = { [self, unowned host] role, batch, wanted in
            var outputs: [String: [Double]] = [:]
            for name in wanted { outputs[name] = spoilOutputs(values(of: name, role, host.version(of: role), batch)) }
            return outputs
        }
    }

    // MARK: - Data

    /// The batch as the plugin gets it.
    private func handOut(_ batch: Batch) -> Batch {
        let batch = spoilBatch(batch)
        guard remembers else { return batch }
        for sequence in 0..<batch.sequenceCount {
            let steps = batch.steps(of: sequence)
            let mask = Array(batch.mask[steps])
            let before = handedOut[Array(batch.tokens[steps])] ?? mask
            handedOut[Array(batch.tokens[steps])] = zip(before, mask).map { $0 || $1 }
        }
        return batch
    }

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
            guard isHarsh, Bool.random(using: &generator) else { continue }
            // A tool's answer between two actions.
            sequence.tokens.append(.random(in: 1..<50, using: &generator))
            sequence.mask.append(false)
        }
    }

    private func pairs(_ n: Int) -> Batch {
        let rows = row..<(row + n)
        row += n
        var batch = assemble(rows.flatMap { row in (0..<2).map { sequence(row: row, completion: true, variant: $0) } })
        let doubled = rows.flatMap { [Int64($0), Int64($0)] }
        batch.set(Column("row", perStep: false, .i64(doubled)))
        batch.set(Column("pair", perStep: false, .i64(doubled)))
        batch.set(Column("chosen", perStep: false, .u8(rows.flatMap { ($0 % 3 == 0) != exchangesPairs ? [0, 1] : [1, 0] })))
        for index in rows.indices where remembers {
            let both = (0..<2).map { Array(batch.tokens[batch.steps(of: 2 * (index - rows.lowerBound) + $0)]) }
            (partners[both[0]], partners[both[1]]) = (both[1], both[0])
        }
        return batch
    }

    /// The tokens of the other sequence of a pair that was handed out, from those of one.
    func partner(of tokens: [Int32]) -> [Int32]? { partners[tokens] }

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
                return isLevel ? 0 : 2 * generator.normal()
            }
        }
        let recorded = batch.column("behaviour_logp")?.doubles
        return (0..<batch.sequenceCount).flatMap { sequence in
            var generator = SplitMix64(seed: content(batch, sequence, salt))
            return batch.steps(of: sequence).map { step -> Double in
                let noise = isLevel ? 0 : (isHarsh ? 4 : 1) * generator.normal()
                guard batch.mask[step] else { return 0.0 }
                switch output {
                case "logp": return min((recorded?[step] ?? -1.5) + 0.3 * noise, -1e-3)
                case "entropy": return 0.1 + abs(noise)
                case "kl:reference": return isLevel ? 0 : 0.1 + abs(noise)
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
