import ZooBase
import ZooData
import ZooKit

/// One property of a good plugin, checked in a separate process.
struct ConformanceCase: Sendable {
    /// "group/name"; the groups are binary, contract, numerics, state and faults.
    let id: String
    /// What a good plugin does, in a sentence.
    let claim: String
    /// The case that this one depends on.
    let needs: String?
    /// Tried for each algorithm of the plugin; otherwise once.
    let perAlgorithm: Bool
    /// Throws a sentence if the plugin fails; returns what was observed.
    let run: @Sendable (Subject) throws -> String

    /// Every case, in the order of the report.
    static let all = binaryCases + contractCases + tableCases + numericsCases + stateCases + faultCases

    /// One that is tried once.
    static func once(
        _ id: String, _ claim: String, needs: String? = "binary/loads", _ run: @escaping @Sendable (Subject) throws -> String
    ) -> ConformanceCase {
        ConformanceCase(id: id, claim: claim, needs: needs, perAlgorithm: false, run: run)
    }

    /// One that is tried for each algorithm.
    static func each(
        _ id: String, _ claim: String, needs: String? = "contract/step", _ run: @escaping @Sendable (Subject) throws -> String
    ) -> ConformanceCase {
        ConformanceCase(id: id, claim: claim, needs: needs, perAlgorithm: true, run: run)
    }
}

/// The case does not apply to this plugin.
struct NotApplicable: Error {
    let reason: String
}

/// Throws the sentence where the condition does not hold.
func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    guard condition else { throw ZooError(.failedPrecondition, sentence()) }
}

/// The plugin and the algorithm that a case tries.
struct Subject {
    let path: String
    /// The algorithm's id; empty for a case that is tried once.
    let algorithmID: String

    /// Loads the plugin; a second call gives the same table.
    func plugin() throws -> Plugin { try Plugin(path: path) }

    func algorithm(in plugin: Plugin) throws -> AlgorithmDescription {
        guard let found = plugin.description.algorithm(algorithmID) else {
            throw ZooError(.notFound, "\(path) offers no algorithm '\(algorithmID)'")
        }
        return found
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
        host: ScriptedHost? = nil
    ) throws {
        (self.task, self.parameters) = (task, parameters)
        self.host = host ?? ScriptedHost(seed: 1)
        task.serve(self.host)
        table = HostTable(self.host)
        self.algorithm = try plugin.create(algorithm, host: table, parameters: JSONValue.object(parameters).text())
    }

    func step(_ count: Int = 1) throws {
        for _ in 0..<count { try algorithm.step() }
    }
}
