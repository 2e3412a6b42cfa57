import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Tells the programs of a run's `log_to` what happens in it, in the lines of `zoo-log/1`: `start`, `metrics` of each iteration,
/// `evaluation`, `samples` or `images`, and `end`.
final class RunLogging: Sendable {
    private let folder: RunFolder
    private let programs: [LogProgram]

    /// Starts them.
    ///
    /// - Parameter complain: takes a sentence about a program that does not do its work; the run goes on.
    init(_ folder: RunFolder, _ spec: RunSpec, complain: @escaping @Sendable (String) -> Void) {
        self.folder = folder
        programs = spec.recipe.logTo.compactMap { program in
            do {
                return try LogProgram(program, log: folder.url.appending(path: "log_to.txt"), complain: complain)
            } catch {
                complain("'\(program.title)' cannot be started, so nothing is logged there: \(plainWords(error))")
                return nil
            }
        }
        send("start") { try Self.start(folder, spec) }
    }

    private static func start(_ folder: RunFolder, _ spec: RunSpec) throws -> [String: JSONValue] {
        let stage = spec.recipe.stages.first { $0.name == spec.stage }
        var recipe = spec.recipe
        recipe.compare = nil
        let parent = folder.url.deletingLastPathComponent()
        let isCompared = FileManager.default.fileExists(atPath: parent.appending(path: ComparisonRuns.file).path)
        let done = FileManager.default.fileExists(atPath: folder.checkpoints.path)
        return [
            "protocol": "zoo-log/1", "id": .string(shortHash(of: [folder.url.standardizedFileURL.path])),
            "run": .string(
                isCompared ? "\(parent.lastPathComponent)/\(folder.url.lastPathComponent)" : folder.url.lastPathComponent),
            "folder": .string(folder.url.standardizedFileURL.path),
            "group": isCompared ? .string(parent.lastPathComponent) : .null,
            "recipe": .string(recipe.name), "about": .string(recipe.about), "stage": .string(spec.stage),
            "algorithm": .string(stage?.algorithmID ?? ""), "preset": spec.preset.map { .string($0.label) } ?? .null,
            "seed": .integer(Int(clamping: spec.seed)), "resumed": .bool(done), "config": recipe.json,
        ]
    }

    /// Takes an event of the run.
    func note(_ event: RunEvent) {
        guard case .step(let step, _, let metrics, _) = event else { return }
        send("metrics") { ["step": .integer(step), "values": Self.numbers(metrics)] }
    }

    /// The run has ended; what it found is sent if it is finished. Returns at once.
    ///
    /// - Parameter ending: nil if it is finished.
    func end(_ ending: RunEnding?) {
        if ending == nil { sendResults() }
        send("end") {
            [
                "status": .string(ending?.status.rawValue ?? "finished"),
                "reason": ending.flatMap { $0.status == .failed ? .string($0.reason) : nil } ?? .null,
            ]
        }
        LogPrograms.shared.close(programs)
    }

    private func sendResults() {
        guard let result = try? folder.readEvaluation() else { return }
        let step = JSONValue.integer((try? JSON.decode(Ledger.self, from: folder.ledger).algorithmSteps) ?? 0)
        send("evaluation") {
            ["step": step, "metrics": Self.numbers(result.metrics), "reference": Self.numbers(result.reference)]
        }
        if !result.samples.isEmpty {
            send("samples") {
                let samples = result.samples.map { sample -> JSONValue in
                    .object([
                        "prompt": .string(sample.shownPrompt), "before": .string(sample.before), "after": .string(sample.after),
                        "gold_before": sample.goldBefore.map(Self.number) ?? .null,
                        "gold_after": sample.goldAfter.map(Self.number) ?? .null,
                    ])
                }
                return ["step": step, "samples": .array(samples)]
            }
        }
        if FileManager.default.fileExists(atPath: folder.images.path) {
            send("images") { ["step": step, "file": .string(folder.images.standardizedFileURL.path)] }
        }
    }

    private func send(_ type: String, _ members: () throws -> [String: JSONValue]) {
        guard !programs.isEmpty, var line = try? members() else { return }
        line["type"] = .string(type)
        guard let text = try? JSONValue.object(line).text() else { return }
        for program in programs { program.send(text) }
    }

    /// JSON has no numbers that are not finite.
    private static func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }

    private static func numbers(_ values: [String: Double]) -> JSONValue { .object(values.mapValues(number)) }
}
