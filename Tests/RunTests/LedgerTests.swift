import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("the ledger of a run", .serialized)
struct LedgerTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func train(_ name: String, _ changes: [String]) async throws -> RunFolder {
        let run = folder.url.appending(path: name, directoryHint: .isDirectory)
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        try await zoo.succeed(
            ["train", recipe, "--quiet", "--run-dir", run.path]
                + (["budget.iterations=150", "checkpoints.every=50"] + changes).flatMap { ["--set", $0] })
        return RunFolder(run)
    }

    @Test("explains the process's time within 2% and its memory within 10%")
    func sums() async throws {
        let start = Date()
        let run = try await train("run", ["evaluation.every=50"])
        let around = Date().timeIntervalSince(start)
        let ledger = try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: run.ledger))
        #expect(ledger.wallSeconds > 0 && ledger.wallSeconds < around)
        // From before the worker was started to after the ledger was written, by the files' own times.
        func written(_ file: URL) throws -> Date {
            try #require(try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date)
        }
        let process = try written(run.done).timeIntervalSince(written(run.recipe))
        #expect(abs(ledger.wallSeconds - process) < 0.1 + 0.05 * process, "\(ledger.wallSeconds) of \(process) s")
        #expect(abs(ledger.remainingSeconds) < 0.02 * ledger.wallSeconds, "\(ledger)")
        #expect(abs(ledger.remainingBytes) < ledger.processPeakBytes / 10, "\(ledger)")
        // Nothing is counted twice: each part is within the whole.
        #expect(ledger.algorithmSeconds > 0 && ledger.algorithmSeconds < ledger.seconds)
        for phase in Ledger.Phase.allCases { #expect(ledger.phases[phase.rawValue] ?? 0 > 0, "\(phase) took no time") }
    }

    @Test("a variant of a comparison may be measured more seldom, and may not change what all runs share")
    func variantsEvaluation() async throws {
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        func compare(_ set: String) async throws -> EndedProcess {
            let variants = "compare={seeds: [0], variants: {ppo: {algorithm: ppo}, dpo: {algorithm: dpo, set: {\(set)}}}}"
            let changes = [variants, "probe=null", "budget.iterations=8", "evaluation.every=2"]
            return try await zoo.start(["compare", recipe, "--quiet", "--run-dir", "pair"] + changes.flatMap { ["--set", $0] })
                .end()
        }
        let refused = try await compare("seed: 4")
        #expect(refused.status == 65)
        #expect(try refused.complaint.contains("variant 'dpo' sets seed"))
        #expect(try await compare("evaluation.every: 4").status == 0)
        func steps(_ run: String) throws -> [Double] {
            try String(contentsOf: folder.url.appending(path: "pair/\(run)/metrics.jsonl"), encoding: .utf8).split(
                separator: "\n"
            ).compactMap {
                let record = try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
                return record["eval/gold"] == nil ? nil : record["step"]
            }
        }
        #expect(try steps("ppo-seed0") == [0, 2, 4, 6, 8])
        #expect(try steps("dpo-seed0") == [0, 4, 8])
    }

    @Test("measuring along the way changes nothing of what is learnt, and its records stand at their steps")
    func evaluationAlongTheWay() async throws {
        let plain = try await train("plain", [])
        let watched = try await train("watched", ["evaluation.every=40"])
        let model = "model.safetensors"
        #expect(
            try Data(contentsOf: plain.model.appending(path: model)) == Data(contentsOf: watched.model.appending(path: model)))
        let records = try String(contentsOf: watched.metrics, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
        #expect(records.compactMap { $0["eval/gold"] == nil ? nil : $0["step"] } == [0, 40, 80, 120])
        #expect(records.first?["eval/kl"] == 0)
        #expect(records.first?["budget/sampled_steps"] == 0)
    }
}
