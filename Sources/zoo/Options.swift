import ArgumentParser
import Foundation
import ZooHost

/// Where plugins are looked for.
struct PluginOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Look for plugins in this folder too (repeatable).", valueName: "dir"))
    var pluginPath: [String] = []

    func catalog() async throws -> PluginCatalog { try await PluginCatalog.scan(PluginSearchPath(options: pluginPath)) }
}

/// A recipe and the changes to it.
struct RecipeOptions: ParsableArguments {
    @Option(name: .customLong("set"), help: ArgumentHelp("Change one value of the recipe (repeatable).", valueName: "key=value"))
    var changes: [String] = []

    @Option(
        help: ArgumentHelp("Build on this recipe in place of the one that 'extends' names.", valueName: "recipe"),
        completion: .file(extensions: ["yaml"]))
    var base: String?

    /// Reads and checks the recipe. The algorithms are checked against the plugins here, where the file's line is known, unless a
    /// plugin could not be read: then the controller says which.
    func recipe(_ path: String, algorithm: String? = nil, variants: [String] = [], plugins: PluginCatalog) throws -> Recipe {
        try Recipe.load(
            URL(fileURLWithPath: path), base: base.map { URL(fileURLWithPath: $0) }, overrides: changes.map { try Override($0) },
            algorithm: algorithm, variants: variants,
            knownAlgorithms: plugins.failures.isEmpty ? plugins.algorithmNames : nil)
    }
}

/// The variants of a recipe that a command is about.
struct VariantOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only these variants, or all points of a sweep by its name, separated by commas.", valueName: "names"))
    var variants: String?

    @Option(
        name: .customLong("algorithm"),
        help: ArgumentHelp(
            "This algorithm, such as grpo or grpo@trl, in place of the recipe's variants (repeatable).", valueName: "id"))
    var algorithms: [String] = []

    /// All where empty.
    var names: [String] {
        (variants?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []) + algorithms
    }
}

enum RunPlace {
    /// The folder for a new run: the one given, or the first free `runs/NAME-N`.
    ///
    /// - Throws: where the folder given holds a run already.
    static func new(_ given: String?, name: String) throws -> URL {
        let files = FileManager.default
        guard let given else {
            let runs = URL(fileURLWithPath: "runs", isDirectory: true)
            return (1...).lazy.map { runs.appending(path: "\(name)-\($0)", directoryHint: .isDirectory) }
                .first { !files.fileExists(atPath: $0.path) } ?? runs
        }
        let folder = URL(fileURLWithPath: given, isDirectory: true)
        guard !files.fileExists(atPath: RunFolder(folder).spec.path) else {
            throw Failure(
                "\(given) holds a run already; go on with it by --resume \(given), or name another folder", status: Failure.data)
        }
        return folder
    }
}

extension URL {
    /// The path as a user would type it: relative where it lies below the working folder.
    var shortPath: String {
        let here = FileManager.default.currentDirectoryPath + "/"
        let path = standardizedFileURL.path
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
}
