import Foundation
import ZooBase
import ZooRecords

/// The runs and probes below the folders that a report is asked for.
package struct ReportPlace {
    package var runs: [ReportedRun] = []
    package var probes: [ProbeResult] = []

    /// - Parameters:
    ///   - paths: folders of runs, of comparisons (whose children are runs) or of probes.
    ///   - allowsNone: an existing folder may still be empty, as one that is to be followed.
    /// - Throws: ``ReportError`` for a folder that is neither.
    package init(_ paths: [String], allowsNone: Bool = false) throws {
        var found: [(folder: URL, comparison: URL?)] = []
        for path in paths {
            let folder = URL(fileURLWithPath: path, isDirectory: true)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else {
                throw ReportError("\(path): there is no such folder", status: .noInput)
            }
            guard isFolder.boolValue else {
                throw ReportError(
                    "\(path) is a file; expected the folder of a run, a comparison or a probe",
                    status: .noInput)
            }
            let children = try Self.folders(in: folder)
            let runs = children.filter(Self.isRun)
            let probes = ([folder] + children).map { $0.appending(path: "probe.json") }.filter(Self.exists)
            guard Self.isRun(folder) || !runs.isEmpty || !probes.isEmpty || allowsNone else {
                throw ReportError(
                    "\(path) is not a run (no run.json), a comparison (a folder of runs) or a probe (no probe.json); "
                        + "zoo train and zoo compare make runs",
                    status: .noInput)
            }
            found += Self.isRun(folder) ? [(folder, nil)] : runs.map { ($0, folder) }
            self.probes += try probes.map(Self.probe)
        }
        runs = try Self.named(found)
    }

    private static func probe(_ file: URL) throws -> ProbeResult {
        let probe = try RecordFile.read(ProbeResult.self, file)
        for point in probe.points {
            let count = point.estimators.count
            guard point.cosines.isEmpty || (point.cosines.count == count && point.cosines.allSatisfy { $0.count == count }) else {
                throw ReportError(
                    "\(file.shortPath) is damaged: step \(point.step) has \(count) estimators; expected as many rows and columns of "
                        + "cosines", status: .data)
            }
        }
        return probe
    }

    private static func exists(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.path) }
    private static func isRun(_ folder: URL) -> Bool { exists(RunFolder(folder).spec) }

    private static func folders(in folder: URL) throws -> [URL] {
        let children: [URL]
        do {
            children = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
        } catch { throw FileError(reading: folder.path, error) }
        return
            children.filter { $0.hasDirectoryPath && !$0.lastPathComponent.hasPrefix(".") }
            .sorted { $0.lastPathComponent.localizedStandardCompare($1.lastPathComponent) == .orderedAscending }
    }

    /// Reads the runs. A comparison's are called by its variants (`VARIANT-seedN`, `VARIANT-baseN-seedN`), others by their algorithm;
    /// where that gives one name, base and seed to two, by their folders too.
    private static func named(_ found: [(folder: URL, comparison: URL?)]) throws -> [ReportedRun] {
        var runs = try found.map { folder, comparison in
            try ReportedRun(RunFolder(folder), variant: comparison.flatMap { _ in variant(folder.lastPathComponent) })
        }
        func key(_ run: ReportedRun) -> String { "\(run.variant) \(run.base) \(run.seed)" }
        let counts = Dictionary(grouping: runs, by: key).mapValues(\.count)
        let ambiguous = Set(runs.filter { counts[key($0)] ?? 0 > 1 }.map(\.variant))
        for (index, place) in found.enumerated() where ambiguous.contains(runs[index].variant) {
            runs[index].variant =
                place.comparison.map { "\($0.lastPathComponent)/\(runs[index].variant)" } ?? place.folder.lastPathComponent
            runs[index].name = runs[index].variant
        }
        return runs
    }

    private static func variant(_ name: String) -> String? {
        name.firstMatch(of: /^(.+?)(-base[0-9]+)?-seed[0-9]+$/).map { String($0.1) }
    }

    /// The variants in the recipe's order, then others by the order of the folders.
    package var variants: [String] {
        let named = runs.flatMap { $0.note.recipe.compare?.variants.map(\.name) ?? [] }
        let inOrder = named.flatMap { name in runs.filter { $0.name == name } } + runs
        var seen = Set<String>()
        return inOrder.map(\.variant).filter { seen.insert($0).inserted }
    }
}
