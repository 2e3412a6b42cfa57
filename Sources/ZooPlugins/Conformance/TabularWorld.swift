import Foundation
import ZooBase
import ZooData
import ZooKit

/// A task whose optimum is known: a few prompts, two actions of four kinds after each, a softmax policy of one logit for every
/// (prompt, position, action), and a reward for each of them. Everything is exact and in double.
final class TabularWorld {
    private static let (prompts, length, actions) = (4, 2, 4)
    /// Tokens of prompts are 1 to 4, those of actions 10 to 13.
    private static let (firstPrompt, firstAction): (Int32, Int32) = (1, 10)
    private static var states: Int { prompts * length }

    /// One row of numbers for each state: logits of a policy, values of a critic, scores of a reward model.
    private var tables: [String: [[Double]]] = [:]
    private var gradients: [String: [[Double]]] = [:]
    private var optimizers: [String: Adam] = [:]
    private var generator: SplitMix64
    private var row = 0

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
        let flat = Array(repeating: Array(repeating: 0.0, count: Self.actions), count: Self.states)
        for role in ["policy", "reference", "reward"] { tables[role] = flat }
        tables["critic"] = Array(repeating: [0.0], count: Self.states)
        tables["teacher"] = (0..<Self.states).map { state in (0..<Self.actions).map { 4 * Self.reward(state, $0) } }
    }

    /// 1 for the best action of a state, ½ for the next one, 0 for the others.
    private static func reward(_ state: Int, _ action: Int) -> Double {
        switch (action + 2 * actions - state / length - state % length) % actions {
        case 0: 1
        case 1: 0.5
        default: 0
        }
    }

    // MARK: - What was learned

    /// The expected reward of the policy, exactly: 0.375 of the uniform one, 1 of the best.
    var expectedReward: Double {
        let policy = tables["policy"] ?? []
        return (0..<Self.states).reduce(0) { sum, state in
            let logp = Self.logSoftmax(policy[state])
            return sum + (0..<Self.actions).reduce(0) { $0 + exp(logp[$1]) * Self.reward(state, $1) }
        } / Double(Self.states)
    }

    /// The share of pairs of actions that the reward model orders as the reward does: 0.5 by chance, 1 at best.
    var orderedShare: Double {
        let scores = tables["reward"] ?? []
        var (right, all) = (0.0, 0.0)
        for state in 0..<Self.states {
            for one in 0..<Self.actions {
                for other in 0..<Self.actions where Self.reward(state, one) > Self.reward(state, other) {
                    let lead = scores[state][one] - scores[state][other]
                    right += lead > 0 ? 1 : lead == 0 ? 0.5 : 0
                    all += 1
                }
            }
        }
        return right / all
    }

    // MARK: - The services

    /// Scripts the host to serve this world, and learns from what the plugin accumulates.
    func serve(_ host: ScriptedHost) {
        (host.script.roles, host.script.vocabulary) = (SyntheticTask.roles, 20)
        host.script.prompts = { [self] n in batch(n) { _ in [] } }
        host.script.examples = { [self] n in
            var examples = batch(n) { prompt in
                (0..<Self.length).map { position in
                    let best = (prompt + position) % Self.actions
                    return Double.random(in: 0..<1, using: &generator) < 0.7
                        ? best : .random(in: 0..<Self.actions, using: &generator)
                }
            }
            let ratings = rewards(examples)
            examples.set("rating", perSequence: ratings)
            examples.set(Column("label", perStep: false, .u8(ratings.map { $0 > 0.7 ? 1 : 0 })))
            return examples
        }
        host.script.pairs = { [self] n in pairs(n) }
        host.script.generate = { [self] role, prompts, samples in generate(role, prompts, samples) }
        host.script.rewards = { [self] rollout in [Column("reward", perStep: false, .f64(rewards(rollout)))] }
        host.script.outputs = { [self] role, batch, wanted in
            wanted.reduce(into: [:]) { $0[$1] = values($1, role, batch) }
        }
        host.inspect = { [self] _, loss in backward(loss) }
        host.updated = { [self] role in update(role) }
        host.blended = { [self] blend in
            guard let source = tables[blend.source] else { return }
            let target = tables[blend.destination] ?? source
            tables[blend.destination] = zip(target, source).map {
                zip($0, $1).map { $0 * (1 - blend.weight) + $1 * blend.weight }
            }
        }
    }

    private func batch(_ n: Int, _ completion: (Int) -> [Int]) -> Batch {
        let rows = row..<(row + n)
        row += n
        var batch = Self.assemble(rows.map { row in (row % Self.prompts, completion(row % Self.prompts)) })
        batch.set(Column("row", perStep: false, .i64(rows.map(Int64.init))))
        return batch
    }

    private static func assemble(_ sequences: [(prompt: Int, actions: [Int])]) -> Batch {
        var batch = Batch()
        for sequence in sequences {
            batch.tokens += [firstPrompt + Int32(sequence.prompt)] + sequence.actions.map { firstAction + Int32($0) }
            batch.mask += [false] + sequence.actions.map { _ in true }
            batch.offsets.append(batch.mask.count)
        }
        return batch
    }

    private func pairs(_ n: Int) -> Batch {
        let rows = row..<(row + n)
        row += n
        var sequences: [(prompt: Int, actions: [Int])] = []
        var chosen: [UInt8] = []
        for row in rows {
            let prompt = row % Self.prompts
            func draw() -> [Int] { (0..<Self.length).map { _ in .random(in: 0..<Self.actions, using: &generator) } }
            func worth(_ actions: [Int]) -> Double {
                actions.enumerated().reduce(0) { $0 + Self.reward(prompt * Self.length + $1.offset, $1.element) }
            }
            var (one, other) = (draw(), draw())
            while worth(one) == worth(other) { (one, other) = (draw(), draw()) }
            sequences += [(prompt, one), (prompt, other)]
            chosen += worth(one) > worth(other) ? [1, 0] : [0, 1]
        }
        var batch = Self.assemble(sequences)
        let doubled = rows.flatMap { [Int64($0), Int64($0)] }
        batch.set(Column("row", perStep: false, .i64(doubled)))
        batch.set(Column("pair", perStep: false, .i64(doubled)))
        batch.set(Column("chosen", perStep: false, .u8(chosen)))
        return batch
    }

    private func generate(_ role: String, _ prompts: Batch, _ samples: Int) -> Batch {
        let parents = (0..<prompts.sequenceCount * samples).map { $0 / samples }
        let table = tables[role] ?? []
        var batch = Self.assemble(
            parents.map { parent in
                let prompt = Int(prompts.tokens[prompts.offsets[parent]] - Self.firstPrompt)
                let drawn = (0..<Self.length).map { position in
                    var left = Double.random(in: 0..<1, using: &generator)
                    let logp = Self.logSoftmax(table[prompt * Self.length + position])
                    for action in 0..<Self.actions {
                        left -= exp(logp[action])
                        if left < 0 { return action }
                    }
                    return Self.actions - 1
                }
                return (prompt, drawn)
            })
        batch.set("behaviour_logp", perStep: values("logp", role, batch))
        batch.set(Column("group", perStep: false, .i64(parents.map(Int64.init))))
        batch.set(Column("finished", perStep: false, .u8(parents.map { _ in 1 })))
        batch.set(Column("policy_version", perStep: false, .i64(parents.map { _ in 0 })))
        batch.set("temperature", perSequence: parents.map { _ in 1 })
        for column in prompts.selecting(parents).columns where !column.perStep { batch.set(column) }
        return batch
    }

    private func rewards(_ batch: Batch) -> [Double] {
        (0..<batch.sequenceCount).map { sequence in
            let worth = Self.places(batch, sequence).map { Self.reward($0.state, $0.action) }
            return worth.reduce(0, +) / Double(max(worth.count, 1))
        }
    }

    // MARK: - Networks

    /// The state and the action of each masked step of a sequence.
    private static func places(_ batch: Batch, _ sequence: Int) -> [(step: Int, state: Int, action: Int)] {
        let steps = batch.steps(of: sequence)
        let prompt = Int(batch.tokens[steps.lowerBound] - firstPrompt)
        guard (0..<prompts).contains(prompt) else { return [] }
        return steps.filter { batch.mask[$0] }.map { step in
            let position = min(step - steps.lowerBound - 1, length - 1)
            return (step, prompt * length + position, min(max(Int(batch.tokens[step] - firstAction), 0), actions - 1))
        }
    }

    private func values(_ output: String, _ role: String, _ batch: Batch) -> [Double] {
        guard let table = tables[role] else { return [] }
        var values = [Double](repeating: 0, count: output == "score" ? batch.sequenceCount : batch.stepCount)
        for sequence in 0..<batch.sequenceCount {
            for (step, state, action) in Self.places(batch, sequence) {
                let logp = Self.logSoftmax(table[state])
                switch output {
                case "value": values[step] = table[state][0]
                case "score": values[sequence] += role == "reward" ? table[state][action] : logp[action]
                case "entropy": values[step] = -logp.reduce(0) { $0 + exp($1) * $1 }
                case "kl:reference": values[step] = kl(logp, state)
                default: values[step] = logp[action]
                }
            }
        }
        return values
    }

    private func kl(_ logp: [Double], _ state: Int) -> Double {
        let reference = Self.logSoftmax(tables["reference"]?[state] ?? [])
        return zip(logp, reference).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    /// Adds the derivative by the role's table, from those by its outputs.
    private func backward(_ loss: ScriptedHost.Record.Loss) {
        guard let table = tables[loss.role] else { return }
        var sum = gradients[loss.role] ?? table.map { $0.map { _ in 0 } }
        for sequence in 0..<loss.batch.sequenceCount {
            for (step, state, action) in Self.places(loss.batch, sequence) {
                let logp = Self.logSoftmax(table[state])
                for (name, gradient) in loss.gradients {
                    let slope = gradient[name == "score" ? sequence : step]
                    guard slope != 0 else { continue }
                    if name == "value" {
                        sum[state][0] += slope
                        continue
                    }
                    if loss.role == "reward" {
                        sum[state][action] += slope
                        continue
                    }
                    let entropy = -logp.reduce(0) { $0 + exp($1) * $1 }
                    let reference = Self.logSoftmax(tables["reference"]?[state] ?? table[state])
                    let divergence = kl(logp, state)
                    for other in 0..<Self.actions {
                        let p = exp(logp[other])
                        switch name {
                        case "entropy": sum[state][other] -= slope * p * (logp[other] + entropy)
                        case "kl:reference": sum[state][other] += slope * p * (logp[other] - reference[other] - divergence)
                        default: sum[state][other] += slope * ((other == action ? 1 : 0) - p)
                        }
                    }
                }
            }
        }
        gradients[loss.role] = sum
    }

    private func update(_ role: String) {
        guard let table = tables[role], let gradient = gradients[role] else { return }
        let width = table[0].count
        var flat = Array(table.joined())
        optimizers[role, default: Adam(count: flat.count)].update(&flat, Array(gradient.joined()))
        tables[role] = stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<($0 + width)]) }
        gradients[role] = nil
    }

    private static func logSoftmax(_ logits: [Double]) -> [Double] {
        let largest = logits.max() ?? 0
        let sum = log(logits.reduce(0) { $0 + exp($1 - largest) })
        return logits.map { $0 - largest - sum }
    }
}

/// Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1) with a rate of 0.1.
private struct Adam {
    private var first: [Double]
    private var second: [Double]
    private var count = 0

    init(count: Int) { (first, second) = (Array(repeating: 0, count: count), Array(repeating: 0, count: count)) }

    mutating func update(_ weights: inout [Double], _ gradient: [Double]) {
        count += 1
        let (scale1, scale2) = (1 - pow(0.9, Double(count)), 1 - pow(0.999, Double(count)))
        for index in weights.indices {
            first[index] = 0.9 * first[index] + 0.1 * gradient[index]
            second[index] = 0.999 * second[index] + 0.001 * gradient[index] * gradient[index]
            weights[index] -= 0.1 * first[index] / scale1 / ((second[index] / scale2).squareRoot() + 1e-8)
        }
    }
}
