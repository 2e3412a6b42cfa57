import Foundation
import ZooBase
import ZooData
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// What a report needs of `run.json` and `environment.json`, whatever version of zoo wrote them.
struct RunNote: Decodable {
    struct RecipeNote: Decodable {
        struct Compare: Decodable { var variants: [VariantNote] }
        var name: String
        /// Of the stages before.
        var seed: UInt64?
        var about: String?
        var compare: Compare?
    }

    /// A variant, and the place in a sweep that it may be.
    struct VariantNote: Decodable {
        var name: String
        var series: String?
        var value: Double?
    }

    var command: [String]
    var recipe: RecipeNote
    var stage: String
    var seed: UInt64
    var preset: PresetUse?

    /// Every setting of the recipe as it ran, by path: what of two runs may be compared. Parameters are those of the stage's algorithm.
    static func settings(_ spec: JSONValue) -> [String: String] {
        var settings: [String: String] = [:]
        let recipe = spec["recipe"]?.object?.dictionary ?? [:]
        // Names, and what the runs of one comparison say for themselves, are no settings.
        for (key, value) in recipe where !["name", "about", "file", "seed", "compare", "stages"].contains(key) {
            collect(value, key, &settings)
        }
        for stage in recipe["stages"]?.array ?? [] {
            var members = stage.object?.dictionary ?? [:]
            let name = members.removeValue(forKey: "name")?.string ?? ""
            if let algorithm = members["algorithm"]?.string {
                members["parameters"] = members["parameters"]?[algorithm]
            }
            let isLast = name == spec["stage"]?.string
            for (key, value) in members { collect(value, isLast ? key : "stages.\(name).\(key)", &settings) }
        }
        return settings
    }

    private static func collect(_ value: JSONValue, _ path: String, _ settings: inout [String: String]) {
        switch value {
        case .object(let members):
            for (key, member) in members.dictionary { collect(member, "\(path).\(key)", &settings) }
        case .array(let elements):
            for (index, element) in elements.enumerated() { collect(element, "\(path).\(index)", &settings) }
        case .string(let text): settings[path] = text
        case .integer(let number): settings[path] = "\(number)"
        case .number(let number): settings[path] = Int(exactly: number).map(String.init) ?? "\(number)"
        case .bool(let bool): settings[path] = "\(bool)"
        case .null: settings[path] = "null"
        }
    }
}

/// `environment.json`.
struct EnvironmentNote: Decodable {
    struct Plugin: Decodable {
        struct Algorithm: Decodable {
            var id: String
            var parameters: [Parameter]
        }
        struct Parameter: Decodable {
            var name: String
            var isNullable: Bool?
            var defaultValue: JSONValue?
        }
        var path: String
        var sha256: String
        var toolchain: String?
        var algorithms: [Algorithm]?
    }

    /// The default of a parameter; nil if it has none.
    func standard(_ parameter: String, of algorithm: String?) -> String? {
        let known = plugin.algorithms?.first { $0.id == algorithm }?.parameters.first { $0.name == parameter }
        guard let value = known?.defaultValue else { return known?.isNullable == true ? "null" : nil }
        return value.string ?? (try? value.text())
    }

    var started: Date?
    var plugin: Plugin
    var abi: String?
    var libtorch: String?
    var compiler: String?
    var system: String?
    var processors: Int?
    var memoryBytes: Double?
    var device: String?
    var threads: Int?
}
