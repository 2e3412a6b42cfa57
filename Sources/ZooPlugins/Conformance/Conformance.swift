import Foundation
import ZooKit

/// The conformance bench: does a plugin keep the ABI? Each case runs in a worker process, so a plugin may crash or hang.
public struct Conformance: Sendable {
    /// Seconds after which a case is killed.
    public var deadline: Double
    /// Cases at a time.
    public var width: Int
    /// What runs `worker check FILE CASE`.
    public var executable: String
    /// Called with each result as it comes.
    public var observe: @Sendable (ConformanceReport.Result) -> Void

    public init(
        deadline: Double = 60, width: Int = max(1, ProcessInfo.processInfo.activeProcessorCount),
        executable: String = Worker.runningExecutable, observe: @escaping @Sendable (ConformanceReport.Result) -> Void = { _ in }
    ) {
        (self.deadline, self.width, self.executable, self.observe) = (deadline, width, executable, observe)
    }

    /// Tries every case on the plugin, or those whose id starts with one of `only` and what they need.
    public func check(_ file: String, only: [String] = []) async throws -> ConformanceReport {
        let path = URL(fileURLWithPath: file).standardizedFileURL.path
        guard FileManager.default.fileExists(atPath: path) else { throw ZooError(.notFound, "\(path): no such file") }
        let scan = try await PluginCatalog.scan(files: [path], executable: executable)
        let algorithms = scan.compactMap(\.plugin).flatMap(\.algorithms).map(\.id)
        let cases = try Self.cases(only)
        let trials = cases.flatMap { item in
            item.perAlgorithm ? algorithms.map { Trial(item: item, algorithm: $0) } : [Trial(item: item, algorithm: nil)]
        }
        var results: [String: ConformanceReport.Result] = [:]
        var waiting = trials
        while !waiting.isEmpty {
            // A case runs once the case that it needs has an outcome.
            let ready = waiting.filter { trial in trial.needed.map { results[$0] != nil } ?? true }
            waiting.removeAll { trial in ready.contains { $0.name == trial.name } }
            for (name, result) in try await run(ready, path, after: results) { results[name] = result }
        }
        return ConformanceReport(path: path, results: trials.compactMap { results[$0.name] })
    }

    /// The case `name` ("numerics/gradients@ppo") on the file, in this process.
    static func result(of name: String, on file: String) throws -> ConformanceReport.Result {
        let parts = name.split(separator: "@", maxSplits: 1).map(String.init)
        guard let item = ConformanceCase.all.first(where: { $0.id == parts.first }) else {
            throw ZooError(.notFound, "there is no conformance case '\(name)'")
        }
        let trial = Trial(item: item, algorithm: parts.count > 1 ? parts[1] : nil)
        do {
            return trial.result(.passed, try item.run(Subject(path: file, algorithmID: trial.algorithm ?? "")))
        } catch let reason as NotApplicable {
            return trial.result(.skipped, reason.reason)
        } catch let error as ZooError {
            return trial.result(.failed, error.message)
        }
    }

    // MARK: - Running

    /// A case on an algorithm, or on the plugin as a whole.
    private struct Trial: Sendable {
        let item: ConformanceCase
        let algorithm: String?

        var name: String { item.id + (algorithm.map { "@" + $0 } ?? "") }

        /// The name of the trial that has to pass first.
        var needed: String? {
            guard let id = item.needs, let needed = ConformanceCase.all.first(where: { $0.id == id }) else { return nil }
            return needed.perAlgorithm ? id + (algorithm.map { "@" + $0 } ?? "") : id
        }

        func result(_ outcome: ConformanceReport.Result.Outcome, _ detail: String) -> ConformanceReport.Result {
            .init(id: item.id, algorithm: algorithm, claim: item.claim, outcome: outcome, detail: detail)
        }
    }

    /// The cases asked for, and those that they need.
    private static func cases(_ only: [String]) throws -> [ConformanceCase] {
        var wanted = Set(ConformanceCase.all.map(\.id).filter { id in only.isEmpty || only.contains { id.hasPrefix($0) } })
        guard !wanted.isEmpty else {
            let known = ConformanceCase.all.map(\.id).joined(separator: ", ")
            throw ZooError(
                .notFound, "no conformance case starts with \(only.joined(separator: " or ")); the cases are: \(known)")
        }
        for item in ConformanceCase.all.reversed() where wanted.contains(item.id) {
            if let needs = item.needs { wanted.insert(needs) }
        }
        return ConformanceCase.all.filter { wanted.contains($0.id) }
    }

    private func run(
        _ trials: [Trial], _ path: String, after done: [String: ConformanceReport.Result]
    ) async throws -> [(String, ConformanceReport.Result)] {
        try await withThrowingTaskGroup(of: (String, ConformanceReport.Result).self) { group in
            var results: [(String, ConformanceReport.Result)] = []
            for (index, trial) in trials.enumerated() {
                if index >= width, let result = try await group.next() { results.append(result) }
                group.addTask {
                    let result = try await self.run(trial, path, after: done)
                    self.observe(result)
                    return (trial.name, result)
                }
            }
            for try await result in group { results.append(result) }
            return results
        }
    }

    private func run(_ trial: Trial, _ path: String, after done: [String: ConformanceReport.Result]) async throws
        -> ConformanceReport.Result
    {
        if let needed = trial.needed, let before = done[needed], before.outcome != .passed {
            return trial.result(.skipped, "needs \(needed)")
        }
        let start = ContinuousClock.now
        let answer = try await Worker(["worker", "check", path, trial.name], deadline: deadline, executable: executable).answer()
        let answered = answer.exit == .ok ? answer.lines.last?.decoded(ConformanceReport.Result.self) : nil
        var result = answered ?? trial.result(.failed, answer.failure(of: "the plugin"))
        result.seconds = start.duration(to: .now) / .seconds(1)
        return result
    }
}
