import ZooBase
import ZooData

/// A built-in task and its settings.
public struct TaskSpec: Sendable, Equatable {
    public var name: String
    /// All that the task has, defaults included.
    public var settings: [String: Double] = [:]
}

extension TaskSpec {
    /// The task of that name with its defaults.
    init(_ name: String) { self.init(name: name, settings: Tasks[name]?.defaults ?? [:]) }

    /// What the task is; nil if no built-in one has the name.
    package var kind: (any Task.Type)? { Tasks[name] }

    package var makesImages: Bool { kind?.layout != nil }
    /// Whether what it trains on is in files.
    package var makesFiles: Bool { kind?.modality == .text }

    /// The name; naming another task gives its default settings.
    private var task: String {
        get { name }
        set { self = TaskSpec(newValue) }
    }

    private subscript(setting name: String) -> Double {
        get { settings[name] ?? 0 }
        set { settings[name] = newValue }
    }

    private static let schema = Schema("a task", blank: TaskSpec(name: "")) {
        Key("name", \.task, .choice(Tasks.names), isRequired: true, "The task.")
        Tasks.all.flatMap { task in task.settings.map { key($0, of: task.name) } }
    }

    private static func key(_ setting: Setting, of task: String) -> Key<TaskSpec> {
        Key(
            setting.name, \.[setting: setting.name], .setting(setting), standard: setting.defaultValue?.yaml,
            "`\(task)`: \(setting.doc)"
        ).when { $0.name == task }
    }

    /// A name, or a mapping with the name and settings.
    static let codec = Codec<TaskSpec>(
        "a task: \(Tasks.names.joined(separator: " or ")), or a mapping with its name",
        .either([.choice(Tasks.names), schema.shape])
    ) { field in
        if case .scalar = field.node.content { return TaskSpec(try Codec<String>.choice(Tasks.names).value(field)) }
        return try Section.read(field) { try schema.value($0, from: schema.blank) }
    } write: {
        schema.node($0)
    }
}

extension Codec where Value == Double {
    /// What a task's setting takes.
    fileprivate static func setting(_ setting: Setting) -> Codec {
        Codec("a \(setting.type)", setting.shape) { field in
            guard case .scalar(let value) = field.node.content, setting.accepts(value) else { return nil }
            return value.number
        } write: {
            .number($0)
        }
    }
}

extension Setting {
    fileprivate var shape: Shape {
        switch kind {
        case .whole(let range): Codec<Int>.whole(from: range.lowerBound, to: range.upperBound).shape
        case .positive(let most): .number(NumberRange(from: 0, to: most, excludesFrom: true))
        case .number(let range): .number(NumberRange(from: range.lowerBound, to: range.upperBound))
        case .string, .bool: preconditionFailure("a task's setting is a number")
        }
    }
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
