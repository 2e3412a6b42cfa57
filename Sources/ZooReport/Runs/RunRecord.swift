import Foundation
import ZooBase
import ZooRecipe
import ZooRecords

/// What the folder of a run says about it, finished or not. Nothing is started, and no lock is taken.
package struct RunRecord {
    package enum Status: String { case finished, running, stopped, failed }

    package let folder: RunFolder
    /// Below the folder that was listed; its path if it was named.
    package let name: String
    package let note: RunNote
    /// By path, as ``RecordedSettings`` reads them.
    package let settings: [String: String]
    package let status: Status
    /// Why it failed.
    package let reason: String?
    package let started: Date?
    package let ended: Date?
    package let environment: EnvironmentNote?
    package let evaluation: EvaluationResult?
    package let ledger: Ledger?
    /// The last iteration that is recorded.
    package let last: MetricLine?

    /// - Throws: ``ReportError`` that names the file which cannot be read.
    package init(_ folder: RunFolder, name: String) throws {
        (self.folder, self.name) = (folder, name)
        guard folder.isBegun else {
            throw ReportError("\(folder.url.shortPath) is not a run: it has no run.json", status: .noInput)
        }
        let spec = try RecordFile.read(JSONValue.self, folder.spec)
        note = try RecordFile.read(RunNote.self, folder.spec)
        settings = RecordedSettings.of(spec)
        environment = try RecordFile.readIfPresent(EnvironmentNote.self, folder.environment)
        evaluation = try RecordFile.readIfPresent(EvaluationResult.self, folder.evaluation)
        ledger = try RecordFile.readIfPresent(Ledger.self, folder.ledger)
        last = MetricLine.last(folder.metrics)
        started = environment?.started ?? Self.date(folder.spec)
        let ending = folder.readEnding()
        if folder.isDone {
            (status, reason, ended) = (.finished, nil, Self.date(folder.done))
        } else if folder.isInUse {
            (status, reason, ended) = (.running, nil, nil)
        } else {
            status = ending?.status == .failed ? .failed : .stopped
            reason = ending?.status == .failed ? ending?.reason : nil
            ended = ending?.at ?? Self.date(folder.metrics)
        }
    }

    private static func date(_ file: URL) -> Date? {
        try? FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date
    }

    // MARK: - In words

    package var algorithm: String { note.preset?.title(of: settings["algorithm"] ?? "?") ?? settings["algorithm"] ?? "?" }

    /// The model that the policy begins with, and whether an adapter is trained.
    package var model: String {
        let key = settings["algorithm"] == "reward-model" ? "reward" : "policy"
        let source =
            settings["\(key).folder"].map { URL(fileURLWithPath: $0).lastPathComponent }
            ?? settings["\(key).from"].map { "stage \($0)" } ?? settings["\(key).new.family"].map { "new \($0)" } ?? "?"
        return source + (settings["\(key).lora.r"].map { ", lora r \($0)" } ?? "")
    }

    /// Seconds of its processes; of one that is not finished those of its iterations, as far as recorded.
    package var seconds: Double? { ledger?.wallSeconds ?? last?.values["budget/seconds"] }

    package var iterations: Int? { last?.step ?? ledger?.algorithmSteps }

    /// `12 of 400 updates`.
    package var progress: String {
        guard let (axis, amount) = budget else { return iterations.map { "\($0) iterations" } ?? "–" }
        let done = axis == "iterations" ? last.map { Double($0.step) } : last?.values["budget/\(axis)"]
        let words = axis.replacing("_", with: " ")
        guard let done, status != .finished else { return "\(Quantity.count(amount)) \(words)" }
        return "\(Quantity.count(done)) of \(Quantity.count(amount)) \(words)"
    }

    private var budget: (axis: String, amount: Double)? {
        settings.lazy.compactMap { key, value in
            guard key.hasPrefix("budget."), let amount = Double(value) else { return nil }
            return (String(key.dropFirst("budget.".count)), amount)
        }.first
    }

    /// The result of the evaluation; of a run that has none yet, the last one along the way.
    package var metrics: [String: Double] {
        if let evaluation { return evaluation.metrics }
        let along = last?.values.filter { $0.key.hasPrefix("eval/") } ?? [:]
        return Dictionary(uniqueKeysWithValues: along.map { (String($0.key.dropFirst("eval/".count)), $0.value) })
    }

    package static func day(_ date: Date?) -> String {
        guard let date else { return "–" }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = Calendar.current.isDate(date, equalTo: Date(), toGranularity: .year) ? "MM-dd HH:mm" : "yyyy-MM-dd"
        return format.string(from: date)
    }

    // MARK: - As JSON

    package var json: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        func number(_ value: Double?) -> JSONValue { value.flatMap { $0.isFinite ? JSONValue.number($0) : nil } ?? .null }
        func time(_ value: Date?) -> JSONValue { text(value?.formatted(.iso8601)) }
        return .object([
            "run": .string(name), "folder": .string(folder.url.standardizedFileURL.path), "status": .string(status.rawValue),
            "reason": text(reason), "recipe": .string(note.recipe.name), "stage": .string(note.stage),
            "algorithm": .string(algorithm), "seed": .integer(Int(clamping: note.seed)), "model": .string(model),
            "started": time(started), "ended": time(ended), "seconds": number(seconds),
            "iterations": iterations.map(JSONValue.integer) ?? .null, "budget": .string(progress),
            "metrics": .object(metrics.mapValues { number($0) }),
        ])
    }
}

extension MetricLine {
    /// The last whole line of a file that is one; nil if there is none. Only the file's end is read.
    package static func last(_ file: URL) -> MetricLine? {
        guard let handle = try? FileHandle(forReadingFrom: file), let end = try? handle.seekToEnd() else { return nil }
        defer { try? handle.close() }
        let start = end > 1 << 18 ? end - 1 << 18 : 0
        guard (try? handle.seek(toOffset: start)) != nil, let data = try? handle.readToEnd() else { return nil }
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        for line in lines.reversed() {
            guard let values = try? RecordFile.decoder.decode([String: Double?].self, from: line),
                let step = values["step"] ?? nil,
                let whole = Int(exactly: step)
            else { continue }
            return MetricLine(step: whole, values: values.compactMapValues { $0 }.filter { $0.key != "step" })
        }
        return nil
    }
}
