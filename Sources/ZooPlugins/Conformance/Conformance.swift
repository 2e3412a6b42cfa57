import Foundation
import ZooKit

/// The conformance bench: does a plugin keep the ABI? Each case runs in a worker process, so a plugin may crash or hang.
public struct Conformance: Sendable {
    /// Seconds after which a case is killed.
    public var deadline: Double
    /// Cases at a time.
    public var width: Int
    /// What runs `worker check FILE CASE FOLDER`.
    public var executable: String
    /// Called with each result as it comes.
    public var observe: @Sendable (ConformanceReport.Result) -> Void

    public init(
        deadline: Double = 60, width: Int = max(1, ProcessInfo.processInfo.activeProcessorCount),
        executable: String = Worker.loader(), observe: @escaping @Sendable (ConformanceReport.Result) -> Void = { _ in }
    ) {
        (self.deadline, self.width, self.executable, self.observe) = (deadline, width, executable, observe)
    }

    /// Tries every case on the plugin, or those whose id starts with one of `only` and what they need.
    public func check(_ file: String, only: [String] = []) async throws -> ConformanceReport {
        let path = URL(fileURLWithPath: file).standardizedFileURL.path
        guard FileManager.default.fileExists(atPath: path) else { throw ZooError(.notFound, "\(path): no such file") }
        let scan = try await PluginScan(executable: executable, anew: true).results([path])
        let algorithms = scan.compactMap(\.plugin).flatMap(\.algorithms).map(\.id)
        // What is wrong with them is the case reward/library's to say.
        let rewards = (try? await RewardWorker(path, executable: executable).rewards().map(\.id)) ?? []
        let trials = try Self.trials(algorithms, rewards, only)
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
    ///
    /// - Parameter announces: Whether each sub-trial is printed as it begins.
    static func result(of name: String, on file: String, announces: Bool = false) throws -> ConformanceReport.Result {
        let parts = name.split(separator: "@", maxSplits: 1).map(String.init)
        guard let item = ConformanceCase.all.first(where: { $0.id == parts.first }) else {
            throw ZooError(.notFound, "there is no conformance case '\(name)'")
        }
        let trial = Trial(item: item, owner: parts.count > 1 ? parts[1] : nil)
        do {
            let subject = Subject(path: file, id: trial.owner ?? "", announces: announces)
            return trial.result(.passed, try item.run(subject))
        } catch let reason as NotApplicable {
            return trial.result(.skipped, reason.reason)
        } catch let finding as Finding {
            var result = trial.result(.failed, finding.sentence)
            (result.trial, result.expected, result.found) = (finding.trial, finding.expected, finding.found)
            return result
        } catch let error as ZooError {
            return trial.result(.failed, error.message)
        }
    }

    /// The cases by id, with what each asks of a plugin and where the headers say so.
    public static var list: [(id: String, claim: String, rule: String)] {
        ConformanceCase.all.map { ($0.id, $0.claim, $0.rule) }
    }

    // MARK: - Running

    /// How the reason begins why a case was not tried, if not that it does not apply.
    private static let blocked = "needs "

    /// A case on an algorithm or a reward, its owner, or on the plugin as a whole.
    private struct Trial: Sendable {
        let item: ConformanceCase
        let owner: String?

        var name: String { item.id + (owner.map { "@" + $0 } ?? "") }

        /// The name of the trial that has to pass first.
        var needed: String? {
            guard let id = item.needs, let needed = ConformanceCase.all.first(where: { $0.id == id }) else { return nil }
            return needed.scope == .plugin ? id : id + (owner.map { "@" + $0 } ?? "")
        }

        func result(_ outcome: ConformanceReport.Result.Outcome, _ detail: String) -> ConformanceReport.Result {
            .init(
                id: item.id, algorithm: item.scope == .algorithm ? owner : nil, reward: item.scope == .reward ? owner : nil,
                claim: item.claim, rule: item.rule, outcome: outcome, detail: detail)
        }

        func matches(_ prefixes: [String]) -> Bool {
            prefixes.isEmpty || prefixes.contains { item.id.hasPrefix($0) || name.hasPrefix($0) }
        }
    }

    /// The trials asked for, and those that they need.
    private static func trials(_ algorithms: [String], _ rewards: [String], _ only: [String]) throws -> [Trial] {
        let all = ConformanceCase.all.flatMap { item in
            switch item.scope {
            case .plugin: [Trial(item: item, owner: nil)]
            case .algorithm: algorithms.map { Trial(item: item, owner: $0) }
            case .reward: rewards.map { Trial(item: item, owner: $0) }
            }
        }
        var wanted = Set(all.filter { $0.matches(only) }.map(\.name))
        guard !wanted.isEmpty || ConformanceCase.all.contains(where: { Trial(item: $0, owner: nil).matches(only) }) else {
            let known = ConformanceCase.all.map(\.id).joined(separator: ", ")
            throw ZooError(
                .notFound, "no conformance case starts with \(only.joined(separator: " or ")); the cases are: \(known)")
        }
        if algorithms.isEmpty, rewards.isEmpty { wanted.insert("binary/loads") }
        for trial in all.reversed() where wanted.contains(trial.name) {
            if let needed = trial.needed { wanted.insert(needed) }
        }
        return all.filter { wanted.contains($0.name) }
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
        if let needed = trial.needed, let before = done[needed],
            before.outcome == .failed || before.detail.hasPrefix(Self.blocked)
        {
            return trial.result(.skipped, Self.blocked + needed)
        }
        let start = ContinuousClock.now
        let folder = try CaseFolder()
        defer { folder.remove() }
        let worker = Worker(["worker", "check", path, trial.name, folder.path], deadline: deadline, executable: executable)
        let answer = try await worker.answer { $0.decoded(ConformanceReport.Result.self) != nil }
        let answered = answer.lines.last?.decoded(ConformanceReport.Result.self)
        var result = answered ?? trial.result(.failed, answer.failure(of: "the plugin"))
        if answered == nil {
            let touched = answer.lines.last?.decoded(Subject.Touch.self)?.touched
            result.trial = answer.lines.last { $0.hasPrefix("{\"trial\":") }?.decoded(Subject.Announcement.self)?.trial
            result.found = touched ?? result.detail
            result.detail = (result.trial.map { $0 + ": " } ?? "") + (touched ?? result.detail)
        }
        result.seconds = start.duration(to: .now) / .seconds(1)
        if result.outcome == .failed { result.rerun = "zoo plugins check \(path) --only \(trial.name)" }
        return result
    }
}
