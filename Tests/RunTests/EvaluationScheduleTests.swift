import Foundation
import Testing
import ZooRun
import ZooServices

@Suite("evaluations during training that the host chooses")
struct EvaluationScheduleTests {
    /// Where a run of so many iterations is measured, and what that came to.
    private func run(
        _ iterations: Int = 100, cost: Double, leastPart: Double = 0.01, growth: Double = 1
    ) -> (at: [Int], part: Double, share: Double) {
        var schedule = EvaluationSchedule(cost: cost, leastPart: leastPart)
        var (at, flops) = ([Int](), 0.0)
        for iteration in 1...iterations {
            let longer = 1 + (growth - 1) * Double(iteration) / Double(iterations)
            flops += longer
            guard let part = schedule.due(fraction: Double(iteration) / Double(iterations), flops: flops) else { continue }
            schedule.note(flops: cost * part * longer)
            at.append(iteration)
        }
        return (at, schedule.part ?? 0, schedule.spent / flops)
    }

    @Test("what costs little is measured in full at every tenth")
    func cheap() {
        let run = run(cost: 0.1)
        #expect(run.at == stride(from: 10, through: 100, by: 10).map(\.self))
        #expect(run.part == 1)
        #expect(run.share < 0.05)
        #expect(self.run(4, cost: 0.001).at == [1, 2, 3, 4])
    }

    @Test("what costs much takes a part of the rows, 8 to 12 times for under 5%", arguments: [1.0, 10, 30], [1.0, 2, 0.5])
    func part(cost: Double, growth: Double) {
        let run = run(cost: cost, growth: growth)
        #expect((8...12).contains(run.at.count), "\(run)")
        #expect(run.part < 1)
        #expect(run.share <= 0.05, "\(run)")
        #expect(run.share > 0.02, "\(run)")
    }

    @Test("where the smallest part costs much there are fewer, as the run pays for them, and none if it never does")
    func few() {
        let run = run(cost: 1, leastPart: 1)
        #expect((2...6).contains(run.at.count), "\(run)")
        #expect(run.share <= 0.05)
        #expect(self.run(cost: 10, leastPart: 1).at.isEmpty)
    }

    @Test("one that a checkpoint holds decides as the one that it was")
    func checkpoint() throws {
        var whole = EvaluationSchedule(cost: 1, leastPart: 0.1, spent: 0.1, prepared: 5)
        var parts = whole
        for iteration in 1...50 {
            let (fraction, flops) = (Double(iteration) / 50, 5 + Double(iteration))
            parts = try JSONDecoder().decode(EvaluationSchedule.self, from: JSONEncoder().encode(parts))
            let part = whole.due(fraction: fraction, flops: flops)
            #expect(parts.due(fraction: fraction, flops: flops) == part)
            guard let part else { continue }
            whole.note(flops: part)
            parts.note(flops: part)
        }
        #expect(parts == whole)
    }

    @Test("with a larger budget a finished run is measured at the tenths of that one")
    func extended() {
        var schedule = EvaluationSchedule(cost: 0.001, leastPart: 1)
        func iterations(_ range: ClosedRange<Int>, of budget: Int) -> [Int] {
            range.filter { schedule.due(fraction: Double($0) / Double(budget), flops: Double($0)) != nil }
        }
        #expect(iterations(1...10, of: 10) == Array(1...10))
        #expect(iterations(11...40, of: 40) == [12, 16, 20, 24, 28, 32, 36, 40])
    }
}

@Suite("evaluations during training, in runs", .serialized)
struct EvaluationAlongTheWayTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// The iterations that were measured, and the messages.
    private func train(_ algorithm: String, _ changes: [String], run: String) async throws -> (at: [Double], told: String) {
        let task = try TinyTask(
            in: folder.url,
            stage: """
                rollout: {max_new_tokens: 4}
                parameters: {grpo: {prompts: 12, samples: 4}, ppo: {prompts: 16, epochs: 1}, dpo: {pairs: 16}, kto: {examples: 32}}
                optimizer: {learning_rate: 3e-3}
                budget: {iterations: 50}
                """,
            more: "evaluation: {prompts: prompts.jsonl, gold: [{function: regex, parameters: {pattern: is}}]}")
        let told = try await zoo.succeed(
            ["train", task.recipe.path, "--algorithm", algorithm, "--run-dir", run] + changes.flatMap { ["--set", $0] }
        ).errors
        let measured = try records(folder.url.appending(path: "\(run)/metrics.jsonl")).filter { $0["eval/gold"] != nil }
        #expect(measured.allSatisfy { $0["eval/kl"] != nil })
        return (measured.compactMap { $0["step"] }, told)
    }

    @Test("are about ten, and change nothing of what is learnt", arguments: ["ppo", "grpo", "dpo", "kto"])
    func ten(algorithm: String) async throws {
        let run = try await train(algorithm, [], run: "measured")
        #expect((8...12).contains(run.at.count), "\(run.at)")
        #expect(run.at.last == 50)
        #expect(try await train(algorithm, ["evaluation.every=0"], run: "plain").at.isEmpty)
        let models = try ["measured", "plain"].map {
            try Data(contentsOf: folder.url.appending(path: "\($0)/model/model.safetensors"))
        }
        #expect(models[0] == models[1])
    }

    @Test("take a part of many prompts, which is said, and the end takes all")
    func part() async throws {
        let run = try await train("grpo", ["budget.iterations=200"], run: "all")
        #expect(!run.told.contains("evaluations during training"))
        let prompts = try String(contentsOf: folder.url.appending(path: "prompts.jsonl"), encoding: .utf8)
        _ = try folder.write(String(repeating: prompts, count: 40), to: "many.jsonl")
        let many = try await train(
            "grpo", ["budget.iterations=200", "evaluation.prompts=many.jsonl", "evaluation.count=240"], run: "part")
        #expect((8...12).contains(many.at.count), "\(many.at)")
        let said = try #require(many.told.firstMatch(of: /evaluations during training take (\d+) of 240 prompts/))
        #expect((16..<240).contains(try #require(Int(said.output.1))))
        let samples = try JSONDecoder().decode(
            Evaluated.self, from: Data(contentsOf: folder.url.appending(path: "part/evaluation.json")))
        #expect(samples.prompts["gold"]?.count == 240)
    }

    private struct Evaluated: Decodable { var prompts: [String: [Double]] }
}
