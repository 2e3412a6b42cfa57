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
            collect(value, key, &settings)
        }
        for stage in recipe["stages"]?.array ?? [] {
            var members = stage.object?.dictionary ?? [:]
            let name = members.removeValue(forKey: "name")?.string ?? ""
            if let algorithm = members["algorithm"]?.string {
                members["parameters"] = members["parameters"]?[algorithm]
            }
            let isLast = name == spec["stage"]?.string
            for (key, value) in members {
                collect(value, isLast ? key : "stages.\(name).\(key)", &settings)
            }
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
