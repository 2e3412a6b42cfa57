import Foundation
import ZooBase
import ZooRecords

/// The runs of a folder, and those of the comparisons in it.
package struct RunList {
    package private(set) var runs: [RunRecord] = []
    /// Folders that are no runs, or of which something cannot be read: a sentence each.
    package private(set) var remarks: [String] = []

    /// - Throws: ``ReportError`` if there is no such folder.
    package init(_ path: String) throws {
        let root = URL(fileURLWithPath: path, isDirectory: true)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw ReportError(
                "\(path): there is no such folder; zoo train and zoo compare make runs in 'runs', or name another folder",
                status: .noInput)
        }
        if RunFolder(root).isBegun { add(root, name: root.shortPath) } else { children(of: root, below: "") }
        runs.sort { ($0.started ?? .distantPast, $0.name) < ($1.started ?? .distantPast, $1.name) }
    }

    private mutating func children(of folder: URL, below place: String) {
        for child in Self.folders(in: folder) {
            let name = place + child.lastPathComponent
            if RunFolder(child).isBegun {
                add(child, name: name)
            } else if place.isEmpty, Self.folders(in: child).contains(where: { RunFolder($0).isBegun }) {
                children(of: child, below: name + "/")
            } else if place.isEmpty {
                remarks.append("\(name): \(Self.what(child))")
            }
        }
    }

    private mutating func add(_ folder: URL, name: String) {
        do { runs.append(try RunRecord(RunFolder(folder), name: name)) } catch { remarks.append(plainWords(error)) }
    }

    /// What a folder without a run is.
    private static func what(_ folder: URL) -> String {
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.appending(path: name).path) }
        if has("probe-spec.json") || has("probe.json") { return "a probe; zoo report shows it" }
        if has(ComparisonRuns.file) { return "a comparison without runs yet" }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.allSatisfy { $0.hasPrefix(".") } ? "empty: a run that was not begun" : "no run: it has no run.json"
    }

    private static func folders(in folder: URL) -> [URL] {
        let found =
            (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])) ?? []
        return found.filter { $0.hasDirectoryPath && !$0.lastPathComponent.hasPrefix(".") }
            .sorted { $0.lastPathComponent.localizedStandardCompare($1.lastPathComponent) == .orderedAscending }
    }

    // MARK: - As text

    /// A line for each run, the oldest first.
    package var table: TextTable {
        let names = Array(Self.ranked.filter { name in runs.contains { $0.metrics[name] != nil } }.prefix(Self.shown))
        var table = TextTable(
            [
                .text("run"), .text("status"), .text("algorithm"), .text("model"), .number("seed"), .text("started"),
                .number("took"), .text("budget"),
            ] + names.map { .number(Self.short[$0] ?? $0) })
        for run in runs {
            table.append(
                [
                    run.name, run.status.rawValue, run.algorithm, run.model, "\(run.note.seed)", RunRecord.day(run.started),
                    run.seconds.map(Quantity.seconds) ?? "–", run.progress,
                ] + names.map { name in run.metrics[name].map { Quantity.number($0) } ?? "–" })
        }
        return table
    }

    private static let ranked = ["gold", "pass@1", "reward", "kl", "loss"]
    private static let short = ["gold": "gold", "reward": "reward", "kl": "KL", "loss": "loss"]
    private static let shown = 4

    /// Why runs failed, a line each.
    package var failures: [String] {
        runs.compactMap { run in run.reason.map { "\(run.name) failed: \($0.shownOnOneLine.prefix(300))" } }
    }

    package var json: JSONValue {
        .object(["runs": .array(runs.map(\.json)), "others": .array(remarks.map(JSONValue.string))])
    }
}
