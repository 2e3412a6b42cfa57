import Foundation
import ZooBase

/// The built-in tasks.
public enum Tasks {
    /// In the order of their names.
    public static let all: [any Task.Type] = [
        CountdownTask.self, DigitsTask.self, FashionTask.self, SentimentTask.self, SubjectTask.self, TabularTask.self,
    ]

    public static var names: [String] { all.map { $0.name } }

    /// What tasks are made from: each once, though several tasks may share it.
    public static var raw: [RawFiles] {
        var seen: Set<String> = []
        return all.compactMap { $0.raw }.filter { seen.insert($0.name).inserted }
    }

    /// The task of that name; nil if there is none.
    public static subscript(_ name: String) -> (any Task.Type)? { all.first { $0.name == name } }

    /// - Throws: ``DataError`` with the nearest name if there is none of that name.
    public static func named(_ name: String) throws -> any Task.Type {
        if let task = Self[name] { return task }
        throw DataError(
            "task \(name)", "is unknown; built in are \(names.joined(separator: ", "))\(didYouMean(name, among: names))")
    }
}

// MARK: - Rewards

extension RewardKind {
    /// All that recipes can name: the general ones, then those of the tasks.
    public static let all: [RewardKind] = {
        var seen: Set<String> = []
        return (general + Tasks.all.flatMap { $0.rewards }).filter { seen.insert($0.name).inserted }
    }()

    /// Makes a reward function from a recipe's words.
    ///
    /// - Parameters:
    ///   - folder: where relative paths among the parameters begin; nil for the working directory.
    ///   - source: what the recipe's task lends its own rewards.
    /// - Throws: ``DataError`` that names the reward and the parameter.
    public static func make(
        _ name: String, parameters: [String: JSONValue] = [:], folder: URL? = nil, source: (any RewardSource)? = nil
    ) throws -> any RewardFunction {
        try named(name).make(parameters, RewardInputs(folder: folder, source: source))
    }

    /// Checks a reward's name, the names, types and ranges of its parameters, and that it goes with a recipe's task, without
    /// reading any file.
    ///
    /// - Parameter task: the recipe's; nil if it has none.
    /// - Throws: ``DataError`` that names the reward and the parameter.
    public static func check(_ name: String, parameters: [String: JSONValue], task: String?) throws {
        let kind = try named(name)
        try kind.check(parameters)
        guard kind.needsTask else { return }
        let owners = Tasks.all.filter { $0.rewards.contains { $0.name == name } }.map { $0.name }
        guard task.map(owners.contains) != true else { return }
        throw DataError(
            "reward \(name)",
            "belongs to the task \(owners.joined(separator: ", ")); the recipe has \(task.map { "'task: \($0)'" } ?? "no task")")
    }

    private static func named(_ name: String) throws -> RewardKind {
        guard let kind = all.first(where: { $0.name == name }) else {
            let names = all.map(\.name)
            throw DataError(
                "reward \(name)", "is unknown; built in are \(names.joined(separator: ", "))\(didYouMean(name, among: names))")
        }
        return kind
    }
}
