import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Samples the policy and the reference on the same held-out prompts with the same random numbers, and compares.
final class Evaluator {
    let services: RunServices
    let gold: RewardService
    private let prompts: Dataset
    let evaluation: Evaluation
    let setup: StageSetup
    /// The reference's samples, and its version: an algorithm may change it.
    private var before: (drawn: Drawn, version: Int)?

    var stage: Stage { setup.stage }
    /// The same for every run of a recipe.
    var seed: UInt64 { setup.recipe.seed &+ 0x5eed }
    /// Prompts and samples kept for people.
    static let shown = 16

    init(_ evaluation: Evaluation, _ setup: StageSetup, _ services: RunServices, stop: StopSignal) throws {
        self.evaluation = evaluation
        self.setup = setup
        self.services = services
        gold = try setup.rewards(evaluation.gold, stop: stop)
        guard let source = evaluation.prompts else {
            throw ZooError(.invalidArgument, "\(setup.recipe.file.path): 'evaluation' has no 'prompts' to sample for")
        }
        prompts = try setup.checked(
            setup.files.dataset(source, expecting: DataKind.prompts.shapes), .prompts,
            name: "evaluation.prompts")
    }

    /// Measures the current policy. Its cost is not that of training: seconds go to the phase `evaluation`.
    func run() throws -> EvaluationResult {
        let start = secondsNow()
        var ledger = services.model.ledger
        services.model.ledger = Ledger()
        defer {
            ledger.evaluationBytes = max(ledger.evaluationBytes, services.model.ledger.transientBytes)
            ledger.goldBytes = gold.weightBytes
            ledger.note(.evaluation, seconds: secondsNow() - start)
            services.model.ledger = ledger
        }
        let batch = try heldOut()
        let version = try services.model.roles.role("reference").version
        if before?.version != version { before = (try measure("reference", batch), version) }
        guard let before else { throw ZooError(.internal, "the reference has just been measured") }
        return try compare(measure(services.keptPolicy, batch), before.drawn)
    }

    private func heldOut() throws -> Batch {
        let count = evaluation.count == 0 ? prompts.rows.count : min(evaluation.count, prompts.rows.count)
        if let images = setup.imageRows {
            return try images.prompts(Array(prompts.rows.prefix(count)))
        }
        let rows = TokenizedRows(codec: services.codec, maxPromptSteps: stage.data.maxPromptSteps, maxSteps: stage.data.maxSteps)
        var builder = BatchBuilder()
        for row in prompts.rows.prefix(count) { builder.append(try rows.prompt(row)) }
        return builder.finish([Column("row", perStep: false, .i64((0..<count).map(Int64.init)))])
    }

    struct Drawn {
        var items: [RewardItem]
        var gold: [Double]
        var metrics: [String: Double] = [:]
        var prompts: [String: [Double]] = [:]
    }

    func row(_ id: Int) -> Row? { prompts.rows.indices.contains(id) ? prompts.rows[id] : nil }

    /// Samples of a role and their metrics.
    private func measure(_ role: String, _ prompts: Batch) throws -> Drawn {
        if let format = setup.imageFormat { return try measureImages(role, prompts, format) }
        let batch = try services.generate(
            role: role, prompts: prompts, samples: evaluation.samplesPerPrompt, settings: stage.rollout,
            generator: Generator(seed: seed))
        let own = try services.model.forward(role: role, batch: batch, outputs: ["logp", "entropy"])
        let reference =
            role == "reference"
            ? own[0].doubles : try services.model.forward(role: "reference", batch: batch, outputs: ["logp"])[0].doubles
        var drawn = Drawn(items: try gold.items(batch, row), gold: [])
        let actions = Double(max(1, batch.actionCount))
        note("kl", batch.sequenceSums(zip(own[0].doubles, reference).map { $0 - $1 }), &drawn)
        note("length", batch.actionCounts.map(Double.init), &drawn)
        drawn.metrics["entropy"] = own[1].doubles.reduce(0, +) / actions
        drawn.metrics["logp_reference"] = reference.reduce(0, +) / actions
        drawn.metrics["distinct_2"] = distinctPairs(drawn.items.map(\.completion))
        try score(batch, &drawn)
        return drawn
    }

    /// The stage's own reward, and those that training never sees.
    func score(_ batch: Batch, _ drawn: inout Drawn) throws {
        var solved: [Double]?
        if !services.rewards.isEmpty {
            for column in try services.rewards.score(batch, row: row, ledger: &services.model.ledger) {
                noteMean(column.name, column.doubles, &drawn)
                if column.name == "reward" { note("reward", column.doubles, &drawn) }
                if column.name == services.rewards.verifier.map({ "reward/\($0)" }) { solved = column.doubles }
            }
        }
        if !gold.isEmpty {
            for column in try gold.score(batch, row: row, ledger: &services.model.ledger) {
                if column.name == "reward" {
                    drawn.gold = column.doubles
                    note("gold", column.doubles, &drawn)
                } else {
                    noteMean("gold/" + column.name.dropFirst("reward/".count), column.doubles, &drawn)
                }
                if column.name == gold.verifier.map({ "reward/\($0)" }) { solved = column.doubles }
            }
        }
        if let solved { notePass(solved.map { $0 == 1 }, &drawn) }
    }

    /// A metric of sequences: its mean, and that of each prompt.
    func note(_ name: String, _ values: [Double], _ drawn: inout Drawn) {
        noteMean(name, values, &drawn)
        drawn.prompts[name] = perPrompt(values).map { $0.mean ?? .nan }
    }

    /// The mean over sequences, and that of each split of the prompts.
    private func noteMean(_ name: String, _ values: [Double], _ drawn: inout Drawn) {
        drawn.metrics[name] = values.mean ?? .nan
        let splits = perPrompt(values).indices.map { row($0)?.extras["split"]?.string }
        for split in Set(splits.compactMap(\.self)) {
            drawn.metrics["\(name)@\(split)"] =
                zip(splits, perPrompt(values)).flatMap { $0 == split ? Array($1) : [] }.mean ?? .nan
        }
    }

    func perPrompt<T>(_ values: [T]) -> [ArraySlice<T>] {
        let each = evaluation.samplesPerPrompt
        return stride(from: 0, to: values.count, by: each).map { values[$0..<$0 + each] }
    }

    /// pass@1, pass@2, pass@4, … by the unbiased estimator 1 − C(n − c, k) / C(n, k) (Chen et al. 2021, arXiv:2107.03374, eq. 1).
    private func notePass(_ solved: [Bool], _ drawn: inout Drawn) {
        let each = evaluation.samplesPerPrompt
        var k = 1
        while k <= each {
            let chances = perPrompt(solved).map { passChance(of: k, right: $0.count { $0 }, among: each) }
            drawn.metrics["pass@\(k)"] = chances.mean ?? .nan
            drawn.prompts["pass@\(k)"] = chances
            k *= 2
        }
    }

    private func compare(_ after: Drawn, _ before: Drawn) throws -> EvaluationResult {
        var after = after
        if !after.gold.isEmpty {
            note("win_rate", zip(after.gold, before.gold).map { $0 > $1 ? 1 : $0 == $1 ? 0.5 : 0 }, &after)
        }
        if let exact = try ExactTabular(services, setup) { after.metrics.merge(exact.metrics) { $1 } }
        if setup.images != nil {
            return EvaluationResult(
                metrics: after.metrics, reference: before.metrics, prompts: after.prompts, samples: [],
                pictures: grid(after, before))
        }
        let shown = stride(from: 0, to: after.items.count, by: evaluation.samplesPerPrompt).prefix(Self.shown)
        return EvaluationResult(
            metrics: after.metrics, reference: before.metrics, prompts: after.prompts,
            samples: shown.map {
                .init(
                    prompt: after.items[$0].prompt, before: before.items[$0].completion, after: after.items[$0].completion,
                    goldBefore: before.gold.isEmpty ? nil : before.gold[$0], goldAfter: after.gold.isEmpty ? nil : after.gold[$0])
            })
    }

    /// Distinct pairs of neighbouring words over all pairs, across the samples; 1 if there are none.
    private func distinctPairs(_ texts: [String]) -> Double {
        var seen: Set<[Substring]> = []
        var count = 0
        for text in texts {
            let words = text.split(whereSeparator: \.isWhitespace)
            for pair in zip(words, words.dropFirst()) {
                seen.insert([pair.0, pair.1])
                count += 1
            }
        }
        return count == 0 ? 1 : Double(seen.count) / Double(count)
    }
}
