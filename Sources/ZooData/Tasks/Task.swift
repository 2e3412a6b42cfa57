import Foundation
import ZooBase

/// A built-in task: what it trains on, what it rewards, and the shape of a new model for it.
///
/// A new task is a folder beside this file and a line in ``Tasks/all``. Nothing else compares names of tasks: recipes, the cache,
/// `zoo data` and `zoo doctor` ask that list.
///
/// 1. The folder holds a type that conforms to this protocol. `task: NAME` in a recipe makes one from the settings that the
///    recipe gives; each is declared in ``settings`` with its default and range.
/// 2. ``modality`` and ``content`` say what its data is: files of rows (``TaskFolder``), images in memory (``ImageTask``), or a
///    table (``TabularTask``). The same settings and the same seed must give the same data on every machine.
/// 3. If it is made from downloaded files, ``raw`` names them, and `fetch-NAME.sh` in the folder fetches them. `Package.swift`
///    lists the script, since it is compiled into the executable; `make data` runs every script that it finds.
/// 4. Rewards of its own are in ``rewards``; recipes can then name them. One that needs only the row works for every recipe, one
///    that asks the task (``RewardKind/needsTask``) for recipes with this task alone.
public protocol Task: Sendable {
    /// What recipes call it; also its folder of the cache.
    static var name: String { get }
    /// What it is, in one line.
    static var summary: String { get }
    static var modality: TaskModality { get }
    /// What a recipe may set, all of it numbers with defaults; nothing unless given.
    static var settings: [Setting] { get }
    /// The downloaded files that it is made from; nil if it needs none.
    static var raw: RawFiles? { get }
    /// What `task:NAME` may name in a recipe.
    static var files: [TaskFile] { get }
    /// Reward functions of its own; none unless given.
    static var rewards: [RewardKind] { get }

    /// - Parameter seed: the recipe's, for what is drawn anew with every seed.
    /// - Throws: ``DataError`` if the settings do not go together.
    init(_ settings: Settings, seed: UInt64) throws

    var content: TaskContent { get }
}

/// What a policy for a task makes.
public enum TaskModality: Sendable, Equatable {
    case text
    case images(ImageLayout)
    /// Completions of a table that lists the reward of each.
    case table
}

/// What a task trains on.
public enum TaskContent: Sendable {
    /// Files of rows, and others that rewards read.
    case files(TaskFolder)
    /// Images, read from the folder of the raw files when they are needed.
    case images(@Sendable (_ raw: URL) throws -> ImageTask)
    case table(TabularTask)
}

/// Files that a task writes before it is first used.
public struct TaskFolder: Sendable {
    /// The folder's name in that of the task: equal names hold equal files. Gets a hash of the raw files.
    public let name: @Sendable (_ content: String) -> String
    /// Writes the folder atomically, from the folder of the raw files if the task has any.
    public let write: @Sendable (_ raw: URL, _ folder: URL) throws -> Void
}

/// What `task:NAME` names: a dataset, or a file that a reward reads.
public struct TaskFile: Sendable, Equatable {
    public let name: String
    public let doc: String
    /// Whether it holds rows.
    public let isDataset: Bool

    init(_ name: String, _ doc: String, isDataset: Bool = true) {
        self.name = name
        self.doc = doc
        self.isDataset = isDataset
    }
}

extension Task {
    public static var settings: [Setting] { [] }
    public static var raw: RawFiles? { nil }
    public static var rewards: [RewardKind] { [] }

    /// The defaults of its settings.
    public static var defaults: [String: Double] {
        settings.reduce(into: [:]) { $0[$1.name] = $1.defaultValue?.number }
    }

    /// The shape of its images; nil if it makes none.
    public static var layout: ImageLayout? { if case .images(let layout) = modality { layout } else { nil } }

    /// The task with some settings, and the defaults of the others.
    ///
    /// - Throws: ``DataError`` that names the task and the setting.
    public static func make(_ given: [String: Double] = [:], seed: UInt64 = 0) throws -> Self {
        let settings = try Settings(
            given.mapValues { .number($0) }, of: settings, owner: "task \(name)", word: "setting")
        return try Self(settings, seed: seed)
    }

    /// Refuses a name that `task:NAME` may not name, with the nearest that it may.
    public static func check(file: String) throws {
        let names = files.map(\.name)
        guard !names.contains(file) else { return }
        throw DataError(
            "task \(name)", "has no '\(file)'; it has: \(names.joined(separator: ", "))\(didYouMean(file, among: names))")
    }
}
