import ZooData

/// A built-in task and its settings.
public struct TaskSpec: Sendable, Equatable {
    public var name: String
    /// For `countdown` and `tabular`; the other tasks have none.
    public var settings: [String: Double] = [:]
}

extension TaskSpec {
    /// The built-in tasks with the defaults of their settings.
    static let all: [String: [String: Double]] = [
        "countdown": ["numbers": 3, "max_number": 20, "max_target": 50], "digits": [:], "fashion": [:],
        "sentiment": [:], "subject": [:],
        "tabular": ["prompts": 4, "vocabulary": 4, "horizon": 2, "reward_scale": 1],
    ]
    static var names: [String] { all.keys.sorted() }
    package var makesImages: Bool { ImageTask.conditions[name] != nil }

    private static func standard(_ name: String) -> TaskSpec { TaskSpec(name: name, settings: all[name] ?? [:]) }

    /// The name; naming another task gives its default settings.
    private var task: String {
        get { name }
        set { self = .standard(newValue) }
    }

    private subscript(setting name: String) -> Double {
        get { settings[name] ?? 0 }
        set { settings[name] = newValue }
    }

    private static func setting(
        _ name: String, _ path: WritableKeyPath<TaskSpec, Double> & Sendable, _ codec: Codec<Double>, of task: String,
        _ doc: String
    ) -> Key<TaskSpec> {
        let standard = all[task]?[name].map { Shape.plain($0) }
        return Key(name, path, codec, standard: standard, "`\(task)`: \(doc)").when { $0.name == task }
    }

    private static let schema = Schema("a task", blank: TaskSpec(name: "")) {
        Key("name", \.task, .choice(names), isRequired: true, "The task.")
        setting("numbers", \.[setting: "numbers"], count, of: "countdown", "numbers given, each to be used once.")
        setting("max_number", \.[setting: "max_number"], count, of: "countdown", "the largest number given.")
        setting("max_target", \.[setting: "max_target"], count, of: "countdown", "the largest target.")
        setting("prompts", \.[setting: "prompts"], count, of: "tabular", "how many prompts there are.")
        setting("vocabulary", \.[setting: "vocabulary"], count, of: "tabular", "tokens to choose from.")
        setting("horizon", \.[setting: "horizon"], count, of: "tabular", "tokens of a completion.")
        setting(
            "reward_scale", \.[setting: "reward_scale"], .positive(to: 1e9), of: "tabular",
            "standard deviation of the table's rewards.")
    }

    private static let count = Codec<Double>.whole(from: 1, to: 1_000_000)

    /// A name, or a mapping with the name and settings.
    static let codec = Codec<TaskSpec>(
        "a task: \(names.joined(separator: " or ")), or a mapping with its name", .either([.choice(names), schema.shape])
    ) { field in
        if case .scalar = field.node.content { return .standard(try Codec<String>.choice(names).value(field)) }
        return try Section.read(field) { try schema.value($0, from: schema.blank) }
    } write: {
        schema.node($0)
    }
}
