import Foundation
import ZooRecords

extension ReportBuilder {
    // MARK: - Samples

    /// The first run of each variant, on the prompts that all of them answered.
    var samples: [Charts.Sample] {
        let firsts = variants.compactMap { variant in
            runs.first { $0.variant == variant && !($0.evaluation?.samples.isEmpty ?? true) }
        }
        guard let first = firsts.first?.evaluation else { return [] }
        return first.samples.map { sample in
            let base = Charts.Sample.Answer(variant: "base", text: Self.short(sample.before), gold: sample.goldBefore)
            let answers = firsts.compactMap { run -> Charts.Sample.Answer? in
                let own = run.evaluation?.samples.first { $0.prompt == sample.prompt }
                return own.map { Charts.Sample.Answer(variant: run.variant, text: Self.short($0.after), gold: $0.goldAfter) }
            }
            return Charts.Sample(prompt: Self.short(sample.shownPrompt), answers: [base] + answers)
        }
    }

    /// A page with many runs stays small; the run's own files have everything.
    private static func short(_ text: String) -> String {
        text.count > longest ? "\(text.prefix(longest))… (\(text.count) characters; all of them are in samples.jsonl)" : text
    }

    private static let longest = 4000

    func section(of samples: [Charts.Sample]) -> Page.Section? {
        guard !samples.isEmpty else { return nil }
        return Page.Section(
            "samples", "What the models write",
            [.chart(.samples, "The same prompt and random numbers for all; the first seed of each variant.")])
    }

    /// The images of the first run of each variant.
    var images: Page.Section? {
        let parts = variants.compactMap { variant -> Page.Part? in
            let first = runs.first { $0.variant == variant && FileManager.default.fileExists(atPath: $0.folder.images.path) }
            // A file that goes away meanwhile is of a run that goes away.
            guard let first, let png = try? Data(contentsOf: first.folder.images) else { return nil }
            return .image("\(variant), \(place(of: first))", png)
        }
        guard !parts.isEmpty else { return nil }
        let rows = "One column per prompt; rows: the reference if there is one, the target, a sample before training, one after."
        return Page.Section("images", "What the models draw", [.text(rows)] + parts)
    }

    // MARK: - Environment

    var environment: Page.Section? {
        guard !runs.isEmpty else { return nil }
        let properties: [(String, (ReportedRun) -> String?)] = [
            ("plugin", { $0.environment.map { URL(filePath: $0.plugin.path).lastPathComponent } }),
            ("plugin's SHA-256", { $0.environment.map { String($0.plugin.sha256.prefix(16)) } }),
            ("plugin toolchain", { $0.environment?.plugin.toolchain }), ("contract", { $0.environment?.abi }),
            ("host toolchain", { $0.environment?.compiler }), ("libtorch", { $0.environment?.libtorch }),
            ("system", { $0.environment?.system }), ("processors", { $0.environment?.processors.map(String.init) }),
            ("memory", { $0.environment?.memoryBytes.map(Quantity.bytes) }), ("device", { $0.environment?.device }),
            ("threads", { $0.environment?.threads.map(String.init) }),
            ("steps", { $0.records.last.map { String($0.step) } }), ("state", { $0.isDone ? "finished" : "incomplete" }),
        ]
        let values = properties.map { name, value in (name: name, values: runs.map { value($0) ?? "–" }) }
        var shared = TextTable([.text("what"), .text("found")])
        for (name, values) in values where Set(values).count == 1 { shared.append([name, values[0]]) }
        let own = values.filter { Set($0.values).count > 1 }
        var parts: [Page.Part] = shared.rows.isEmpty ? [] : [.table("The same for all runs", shared)]
        if !own.isEmpty {
            var table = TextTable([.text("variant"), .text("run")] + own.map { .text($0.name) })
            for (index, run) in runs.enumerated() { table.append([run.variant, place(of: run)] + own.map { $0.values[index] }) }
            parts.append(.table("What differs", table))
        }
        let commands = Set(runs.map { Self.line($0.note.command) }).sorted()
        parts += [.text("Made by:"), .code(commands)]
        return Page.Section("environment", "Environment", parts)
    }

    /// A command as a shell would take it.
    private static func line(_ words: [String]) -> String {
        words.map { word in
            word.allSatisfy { $0.isLetter || $0.isNumber || "-_./=:,+@%".contains($0) } && !word.isEmpty
                ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
