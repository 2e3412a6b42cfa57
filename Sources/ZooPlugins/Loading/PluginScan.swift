import Foundation
import ZooBase
import ZooKit

/// Scans files in worker processes: several at a time, each with its own deadline, and none that is known already.
struct PluginScan {
    var executable = Worker.loader()
    /// Whether to scan again what is known.
    var anew = false
    /// Seconds for one file. Loading a plugin takes milliseconds.
    var deadline = 10.0
    private let width = max(2, ProcessInfo.processInfo.activeProcessorCount)

    init(executable: String = Worker.loader(), anew: Bool = false) {
        (self.executable, self.anew) = (executable, anew)
    }

    /// What a scan of each file finds, in their order.
    func results(_ files: [String]) async throws -> [ScanResult] {
        let records = ScanRecords(executable: executable)
        let pins = try AddedPlugins.pins()
        var found: [String: ScanResult] = [:]
        var hashes: [String: String] = [:]
        for file in files {
            do {
                let real = try PluginFile.checked(file)
                let hash = try records.hash(of: real)
                try AddedPlugins.check(file, hash, pins)
                hashes[file] = hash
                if !anew { found[file] = records.result(hash, of: file, real: real) }
            } catch {
                found[file] = ScanResult(path: file, failure: ZooError(plain: error).message.shown)
            }
        }
        // Those that came with the program share a process; any other could disturb its neighbours.
        let unknown = files.filter { found[$0] == nil }
        let own = PluginSearchPath.executableFolder
        let builtIn = unknown.filter { ($0 as NSString).deletingLastPathComponent == own }
        let groups = (builtIn.isEmpty ? [] : [builtIn]) + unknown.filter { !builtIn.contains($0) }.map { [$0] }
        for (result, isRemembered) in try await scan(groups) {
            found[result.path] = result
            if isRemembered, let hash = hashes[result.path] { records.keep(result, hash) }
        }
        return files.compactMap { found[$0] }
    }

    private func scan(_ groups: [[String]]) async throws -> [(ScanResult, Bool)] {
        try await withThrowingTaskGroup(of: [(ScanResult, Bool)].self) { tasks in
            var results: [(ScanResult, Bool)] = []
            for (index, group) in groups.enumerated() {
                if index >= width, let found = try await tasks.next() { results += found }
                tasks.addTask { try await self.scan(group) }
            }
            for try await found in tasks { results += found }
            return results
        }
    }

    /// Scans files in a worker; if a file ends it, that file has failed, and another worker scans the rest.
    private func scan(_ files: [String]) async throws -> [(ScanResult, Bool)] {
        var results: [(ScanResult, Bool)] = []
        var remaining = files[...]
        while !remaining.isEmpty {
            let count = remaining.count
            let worker = Worker(["worker", "scan"] + remaining, deadline: deadline * Double(count), executable: executable)
            let answer = try await worker.answer(lines: count)
            for result in answer.lines.compactMap({ $0.decoded(ScanResult.self) }) where result.path == remaining.first {
                results.append((result, true))
                remaining.removeFirst()
            }
            guard let path = remaining.popFirst() else { break }
            let failure = answer.failure(of: "plugin \(path)")
            // Memory or a signal may have been somebody else's doing.
            let isItsOwn =
                switch answer.exit {
                case .killed, .signal, .interrupted: false
                default: true
                }
            let again =
                isItsOwn ? "; this is remembered as long as the file stays the same: `zoo plugins list --rescan` tries again" : ""
            results.append((ScanResult(path: path, failure: failure + again), isItsOwn))
        }
        return results
    }
}
