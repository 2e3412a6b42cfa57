import Foundation
import Testing

@Suite("training from the command line", .serialized)
struct TrainingTests {
    private struct Line: Decodable, Equatable {
        var values: [String: Double]

        init(from decoder: any Decoder) throws {
            // Time is no part of what a run computes.
            values = try decoder.singleValueContainer().decode([String: Double].self).filter { !$0.key.contains("seconds") }
        }
    }

    private func metrics(_ run: URL) throws -> [Line] {
        let text = try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    private func lines(_ file: URL) -> Int { (try? String(contentsOf: file, encoding: .utf8))?.filter(\.isNewline).count ?? 0 }

    private let settings = ["--quiet", "--set", "budget.updates=2400", "--set", "checkpoints.every=40", "--seed", "3"]

    @Test("a run that is stopped or killed goes on bit for bit", arguments: [SIGINT, SIGKILL])
    func resume(signal: Int32) throws {
        try Command.inFolder { zoo in
            let whole = zoo.path("whole")
            let first = try zoo.run(["train", Command.tabular, "--run-dir", whole.path] + settings)
            #expect(first.status == 0, "\(first.errors)")

            let broken = zoo.path("broken")
            let process = try zoo.start(["train", Command.tabular, "--run-dir", broken.path] + settings)
            while process.isRunning, lines(broken.appending(path: "metrics.jsonl")) < 60 { usleep(5000) }
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            try #require(
                !FileManager.default.fileExists(atPath: broken.appending(path: "done").path), "the run was over too soon")
            if signal == SIGINT { #expect(process.terminationStatus == 130) }

            let resumed = try zoo("train", "--resume", broken.path, "--quiet")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try metrics(broken) == metrics(whole))
            let weights = try [whole, broken].map { try Data(contentsOf: $0.appending(path: "model/model.safetensors")) }
            #expect(weights[0] == weights[1])
        }
    }

    @Test("a comparison writes a table of all variants, and a second call with its folder runs nothing again")
    func compare() throws {
        try Command.inFolder { zoo in
            let words = [
                "compare", Command.tabular, "--variants", "ppo", "--variants", "dpo", "--seeds", "0", "--seeds", "1", "--set",
                "budget.updates=20", "--quiet",
            ]
            let first = try zoo.run(words + ["--run-dir", "both"])
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.output.contains("gold reward"))
            #expect(first.output.contains("seconds, critic"))
            #expect(first.output.contains("Mean over 2 seeds"))
            let csv = try String(contentsOf: zoo.path("both/comparison.csv"), encoding: .utf8)
            #expect(csv.contains("dpo,0,1,gold,"))
            let finished = zoo.path("both/ppo-seed0/done")
            let date = try finished.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate
            #expect(try zoo.run(words + ["--run-dir", "both"]).output == first.output)
            let later = try URL(filePath: finished.path).resourceValues(forKeys: [.contentModificationDateKey])
                .contentModificationDate
            #expect(later == date)
        }
    }

    @Test("a trained model is sampled and evaluated as its run was")
    func evaluate() throws {
        try Command.inFolder { zoo in
            #expect(
                try zoo.run(["train", Command.tabular, "--run-dir", "run", "--algorithm", "dpo", "--set", "budget.updates=20"])
                    .status == 0)
            let samples = try zoo("sample", "run", "--prompt", "1", "--samples", "3").output.split(separator: "\n")
            #expect(samples.count == 3)
            func gold(_ data: Data) throws -> Double {
                struct Evaluation: Decodable { var metrics: [String: Double] }
                return try #require(try JSONDecoder().decode(Evaluation.self, from: data).metrics["gold"])
            }
            let again = try zoo("evaluate", Command.tabular, "run", "--json")
            #expect(try gold(Data(again.output.utf8)) == gold(Data(contentsOf: zoo.path("run/evaluation.json"))))
        }
    }
}
