import Foundation
import ZooBase
import ZooRecords

/// Folders of runs as `zoo` leaves them, made in a folder that is removed afterwards.
struct RunFolders {
    let root: URL

    static func make(_ body: (RunFolders) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(
            path: "report-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        try body(RunFolders(root: root))
    }

    func write(_ text: String, to path: String) throws {
        let file = root.appending(path: path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    /// A run of a comparison of `ppo` and `dpo`.
    ///
    /// - Parameters:
    ///   - gold: of each held-out prompt.
    ///   - metrics: the lines of `metrics.jsonl`.
    func run(
        _ path: String, algorithm: String, seed: UInt64, gold: [Double]?, metrics: [String] = [], rate: String = "0.001",
        updates: Int = 10
    ) throws {
        let spec = """
            {"command": ["zoo", "compare", "my recipe.yaml"], "seed": \(seed), "stage": "tune", "recipe": {
              "name": "small", "about": "Two ways", "seed": 0, "device": "cpu",
              "compare": {"variants": [{"name": "ppo"}, {"name": "dpo"}]},
              "stages": [{"name": "tune", "algorithm": "\(algorithm)", "policy": {"learning_rate": \(rate)},
                "parameters": {"\(algorithm)": {"beta": 0.1}}}]}}
            """
        try write(spec, to: "\(path)/run.json")
        try write(metrics.map { $0 + "\n" }.joined(), to: "\(path)/metrics.jsonl")
        guard let gold else { return }
        let mean = gold.reduce(0, +) / Double(gold.count)
        let sample = EvaluationResult.Sample(prompt: "A film", before: "is.", after: "is \(algorithm).")
        let evaluation = EvaluationResult(
            metrics: ["gold": mean, "kl": 1], reference: ["gold": 0, "kl": 0], prompts: ["gold": gold], samples: [sample])
        var ledger = Ledger()
        ledger.updates = updates
        ledger.seconds = 2
        try write(String(decoding: JSON.encode(evaluation), as: UTF8.self), to: "\(path)/evaluation.json")
        try write(String(decoding: JSON.encode(ledger), as: UTF8.self), to: "\(path)/ledger.json")
        try write("", to: "\(path)/done")
    }

    /// Two seeds of each, `dpo` better on every prompt.
    func comparison() throws {
        for seed in 0..<2 as Range<UInt64> {
            let offset = 0.01 * Double(seed)
            try run(
                "both/dpo-seed\(seed)", algorithm: "dpo", seed: seed, gold: [0.9 + offset, 0.8, 0.7],
                metrics: [#"{"step": 1, "loss": 2}"#])
            try run(
                "both/ppo-seed\(seed)", algorithm: "ppo", seed: seed, gold: [0.5 + offset, 0.4, 0.3],
                metrics: [#"{"step": 1, "loss": 2, "critic/vf_explained_var": 0.5, "eval/gold": 0.25}"#], rate: "0.002")
        }
    }
}
