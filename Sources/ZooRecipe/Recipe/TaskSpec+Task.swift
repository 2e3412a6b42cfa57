import ZooBase
import ZooData
import ZooPlugins

extension TaskSpec {
    /// The task of that name with its defaults.
    init(_ name: String) { self.init(name: name, settings: Tasks[name]?.defaults ?? [:]) }

    /// What the task is; nil if no built-in one has the name.
    package var kind: (any Task.Type)? { Tasks[name] }

    package var makesImages: Bool { kind?.layout != nil }
    /// Whether what it trains on is in files.
    package var makesFiles: Bool { kind?.modality == .text }
}

extension Recipe {
    /// The recipe's task with its settings; nil if it has none.
    ///
    /// - Throws: a sentence with the recipe's file if the settings do not go together.
    package func makeTask() throws -> (any Task)? {
        guard let task else { return nil }
        do { return try Tasks.named(task.name).make(task.settings, seed: seed) } catch {
            throw RecipeError(file.path, "\(plainWords(error))")
        }
    }
}

extension RewardSpec {
    /// The reward that is a trained network; all others are functions.
    package static let model = "model"

    /// Whether the function reads nothing but rows, so that they can be checked with it before anything runs.
    package var readsRowsAlone: Bool {
        function != Self.model && RewardKind.all.contains { $0.name == function && !$0.needsTask }
    }
}

extension Expectation where Value == Double {
    /// What a task's setting takes.
    static func setting(_ setting: Setting) -> Expectation {
        .number("a \(setting.type)") { setting.accepts(.number($0)) }
    }
}
