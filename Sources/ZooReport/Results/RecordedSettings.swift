import ZooBase

/// The settings of a run by path, as `run.json` has them: what of two runs may be compared.
package enum RecordedSettings {
    /// Every setting of the recipe as it ran; parameters are those of the stage's algorithm.
    ///
    /// - Parameter spec: the content of `run.json`.
    package static func of(_ spec: JSONValue) -> [String: String] {
        var settings: [String: String] = [:]
        let recipe = spec["recipe"]?.object?.dictionary ?? [:]
        // Names, and what the runs of one comparison say for themselves, are no settings.
        for (key, value) in recipe where !["name", "about", "file", "seed", "compare", "stages"].contains(key) {
            collect(value, Spelling.word(key), &settings)
        }
        for stage in recipe["stages"]?.array ?? [] {
            var members = stage.object?.dictionary ?? [:]
            let name = members.removeValue(forKey: "name")?.string ?? ""
            if let algorithm = members["algorithm"]?.string {
                members["parameters"] = members["parameters"]?[algorithm]
            }
            let isLast = name == spec["stage"]?.string
            for (key, value) in members {
                collect(value, isLast ? Spelling.word(key) : "stages.\(name).\(Spelling.word(key))", &settings)
            }
        }
        return settings
    }

    private static func collect(_ value: JSONValue, _ path: String, _ settings: inout [String: String]) {
        switch value {
        case .object(let members):
            for (key, member) in members.dictionary { collect(member, Spelling.path(key, below: path), &settings) }
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

/// The words of recipes, from the names that Swift's encoder writes into `run.json`.
///
/// Only for runs whose `run.json` has those names: one in the recipe's own words passes through unchanged.
private enum Spelling {
    /// `learningRate` is `learning_rate`.
    static func word(_ key: String) -> String {
        key.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }

    /// An enumeration's only value has no name of its own.
    static func path(_ key: String, below path: String) -> String { key == "_0" ? path : "\(path).\(word(key))" }
}
