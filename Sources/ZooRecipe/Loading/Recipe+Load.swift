import Foundation
import ZooBase
import ZooData
import ZooPlugins

extension Recipe {
    /// Reads a recipe and checks everything that can be checked before anything runs.
    ///
    /// - Parameters:
    ///   - base: replaces the recipe that `extends` names; the recipe's name then includes it.
    ///   - overrides: changes by path, applied in order after `algorithm`.
    ///   - algorithm: replaces the algorithm of the last stage.
    ///   - variants: algorithms to add to `compare` as variants under their own names, unless it has such a variant.
    ///   - knownAlgorithms: the ids that plugins offer, alone and with each preset; nil leaves them unchecked.
    ///   - names: what parameters may be called besides their own names.
    /// - Throws: ``RecipeError`` that names file, line and key; ``FileError`` if the file cannot be read.
    public static func load(
        _ file: URL, base: URL? = nil, overrides: [Override] = [], algorithm: String? = nil, variants: [String] = [],
        knownAlgorithms: [String]? = nil, names: ParameterNames = ParameterNames()
    ) throws -> Recipe {
        try parse(
            text(of: file), file: file, base: base, overrides: overrides, algorithm: algorithm, variants: variants,
            knownAlgorithms: knownAlgorithms, names: names)
    }

    /// Reads a recipe from YAML text as if it were in `file`; relative paths start in the file's folder.
    public static func parse(
        _ yaml: String, file: URL, base: URL? = nil, overrides: [Override] = [], algorithm: String? = nil,
        variants: [String] = [], knownAlgorithms: [String]? = nil, names: ParameterNames = ParameterNames()
    ) throws -> Recipe {
        var root = try RecipeExtension(base: base, names: names).whole(RecipeNode.parse(yaml, file: file), file: file)
        if let algorithm { root = try root.settingAlgorithm(algorithm, place: "--algorithm \(algorithm)") }
        for variant in variants { root = try root.addingVariant(variant) }
        for change in overrides { root = try root.applying(change, names) }
        var recipe = try Recipe(root, Reading(file: file, knownAlgorithms: knownAlgorithms, names: names))
        recipe.written = Written(root: root, names: names)
        for variant in recipe.compare?.variants ?? [] { _ = try recipe.applying(variant, knownAlgorithms: knownAlgorithms) }
        return recipe
    }

    /// The recipe of one variant of its comparison: the last stage changed, and no comparison of its own.
    ///
    /// What changes is the recipe as it was written, as by `--set`: defaults that follow from what is changed follow it.
    ///
    /// - Throws: ``RecipeError`` if the variant's `set` names an unknown key or gives it an invalid value.
    public func applying(_ variant: Variant, knownAlgorithms: [String]? = nil) throws -> Recipe {
        let place = "\(file.relativePath): compare.variants.\(variant.name)"
        let names = written.names
        var root = (written.root ?? node).without("compare", "probe")
        root = try root.settingAlgorithm(variant.algorithm, place: place)
        for (key, value) in variant.parameters.sorted(by: { $0.key < $1.key }) {
            root = try root.applying(
                Override("parameters.\(variant.algorithm).\(key)", RecipeNode(value, place: place), place: place), names)
        }
        for (key, value) in variant.set.sorted(by: { $0.key < $1.key }) {
            root = try root.applying(Override(key, RecipeNode(value, place: place), place: place), names)
        }
        return try Recipe(root, Reading(file: file, knownAlgorithms: knownAlgorithms, names: names))
    }

    /// The last stage as a variant has it.
    public func stage(for variant: Variant) throws -> Stage {
        let stages = try applying(variant).stages
        return stages[stages.count - 1]
    }

    /// Largest size of a recipe in bytes; a thousand stages are far below.
    private static let longest = 16 << 20

    /// The text of a recipe's file.
    static func text(of file: URL) throws -> String {
        let path = file.relativePath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else {
            let folder = file.deletingLastPathComponent()
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            let recipes = names.filter { $0.hasSuffix(".yaml") }.sorted()
            let wanted = file.lastPathComponent
            let others = recipes.isEmpty ? "" : "; its folder has \(recipes.joined(separator: ", "))"
            let fix = nearest(wanted, among: recipes) ?? recipes.first { $0 == "\(wanted).yaml" }
            throw FileError(
                .noInput, path, "no such recipe" + (fix.map { "; did you mean '\($0)' in the same folder?" } ?? others))
        }
        guard !isFolder.boolValue else { throw FileError(.noInput, path, "is a folder; expected a recipe (a YAML file)") }
        let data = try InputFile.data(file, atMost: longest)
        guard let text = String(data: data, encoding: .utf8) else {
            throw RecipeError(path, "is not UTF-8 text; expected a recipe (a YAML file)")
        }
        return text
    }
}
