import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// Where plugins are searched.
struct PluginOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Also search this folder for plugins (repeatable).", valueName: "dir"))
    var pluginPath: [String] = []

    func catalog(anew: Bool = false) async throws -> PluginCatalog {
        try await PluginCatalog.scan(PluginSearchPath(options: pluginPath), anew: anew)
    }
}

/// A recipe and the changes to it.
struct RecipeOptions: ParsableArguments {
    @Option(name: .customLong("set"), help: ArgumentHelp("Change one value of the recipe (repeatable).", valueName: "key=value"))
    var changes: [String] = []

    @Option(
        help: ArgumentHelp("Build on this recipe instead of the one that 'extends' names.", valueName: "recipe"),
        completion: .file(extensions: ["yaml"]))
    var base: String?

    /// Reads and checks the recipe. The algorithms are checked against the plugins here, where the file's line is known, unless a
    /// plugin could not be read; in that case the controller says which.
    func recipe(_ path: String, algorithm: String? = nil, variants: [String] = [], plugins: PluginCatalog) throws -> Recipe {
        try Recipe.load(
            URL(fileURLWithPath: path), base: base.map { URL(fileURLWithPath: $0) }, overrides: changes.map { try Override($0) },
            algorithm: algorithm, variants: variants,
            knownAlgorithms: plugins.failures.isEmpty ? plugins.algorithmNames : nil, names: plugins.parameterNames)
    }
}

/// The variants of a recipe that a command works on.
struct VariantOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only these variants, or all points of a sweep by its name; separated by commas (repeatable).", valueName: "names"))
    var variants: [String] = []

    @Option(
        name: .customLong("algorithm"),
        help: ArgumentHelp(
            "Use this algorithm, such as grpo or grpo@trl, instead of the recipe's variants (repeatable).", valueName: "id"))
    var algorithms: [String] = []

    func validate() throws {
        guard variants.allSatisfy({ !$0.listed.isEmpty }) else {
            throw ValidationError("--variants is empty; leave it out to use all variants")
        }
    }

    /// Empty means all.
    var names: [String] {
        variants.flatMap(\.listed) + algorithms
    }
}

/// The bounds of numbers on the command line.
enum Bounds {
    /// - Throws: `ValidationError` that names the option.
    static func check<Value: Comparable & Sendable>(_ option: String, _ value: Value, _ range: ClosedRange<Value>) throws {
        guard !range.contains(value) else { return }
        let kind = value is Int ? "a whole number" : "a number"
        throw ValidationError("\(option) is \(value); expected \(kind) from \(range.lowerBound) to \(range.upperBound)")
    }
}

extension RunPlace {
    /// The folder given, or one of the name.
    init(_ given: String?, name: String, anew: Bool = true) {
        self = given.map { .folder(URL(fileURLWithPath: $0, isDirectory: true)) } ?? .new(name, anew: anew)
    }
}

extension String {
    /// The parts between its commas, trimmed.
    var listed: [String] { split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
}

/// Tells the user something about a command's work, separate from its output.
func note(_ line: String) { StandardStream.complain("zoo: \(line)") }
