import Foundation
import ZooBase
import ZooData
import ZooKit

/// The plugin and the algorithm or reward that a case tries, and what of it is being tried at the moment.
final class Subject {
    let path: String
    /// The algorithm's id, or the reward's; empty for a case that is tried once.
    let id: String
    /// Whether each sub-trial is printed as it begins.
    private let announces: Bool
    private var trials: [String] = []

    init(path: String, id: String, announces: Bool = false) {
        (self.path, self.id, self.announces) = (path, id, announces)
    }

    /// Loads the plugin; a second call gives the same table.
    func plugin() throws -> Plugin { try Plugin(path: path) }

    func algorithm(in plugin: Plugin) throws -> AlgorithmDescription {
        guard let found = plugin.description.algorithm(id) else {
            throw ZooError(.notFound, "\(path) offers no algorithm '\(id)'")
        }
        return found
    }

    /// Runs a part of a case under its name, which the sentence of a failure, a crash or a timeout begins with.
    func attempt<R>(_ trial: String, _ body: () throws -> R) throws -> R {
        trials.append(trial)
        defer { trials.removeLast() }
        if announces { try WorkerMain.report(Announcement(trial: trials.joined(separator: ", "))) }
        do { return try body() } catch var finding as Finding {
            if finding.trial.isEmpty { finding.trial = trials.joined(separator: ", ") }
            throw finding
        } catch let error as ZooError {
            throw Finding(trial: trials.joined(separator: ", "), expected: nil, found: error.message)
        }
    }

    /// The line before a sub-trial.
    struct Announcement: Codable {
        var trial: String
    }

    /// The line of a crash in memory that the plugin was lent.
    struct Touch: Codable {
        var touched: String
    }
}

/// One algorithm at work on synthetic data.
final class Session {
    let task: SyntheticTask
    let host: ScriptedHost
    let table: HostTable
    let algorithm: AlgorithmInstance
    let parameters: [String: JSONValue]

    init(
        _ plugin: Plugin, _ algorithm: String, _ parameters: [String: JSONValue] = [:], task: SyntheticTask = SyntheticTask(),
        host: ScriptedHost? = nil, isChecked: Bool = true
    ) throws {
        (self.task, self.parameters) = (task, parameters)
        self.host = host ?? ScriptedHost(seed: 1)
        task.serve(self.host)
        table = HostTable(self.host)
        self.algorithm = try plugin.create(
            algorithm, host: table, parameters: JSONValue.object(parameters).text(), isChecked: isChecked)
    }

    init(task: SyntheticTask, host: ScriptedHost, table: HostTable, algorithm: AlgorithmInstance) {
        (self.task, self.host, self.table, self.algorithm, parameters) = (task, host, table, algorithm, [:])
    }

    func step(_ count: Int = 1) throws {
        for _ in 0..<count {
            try algorithm.step()
            host.endIteration()
        }
    }
}
