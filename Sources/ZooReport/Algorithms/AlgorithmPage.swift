import ZooBase
import ZooPlugins

// The text of `zoo plugins show` for an algorithm or one of its presets.

extension Offer {
    /// The page of the algorithm or of its preset, for a terminal of this width.
    package func page(width: Int) throws -> String {
        try preset.map { try page(of: $0, width: width) } ?? algorithmPage(width: width)
    }

    /// Title, paper, plugin, needs, parameters, and the presets with their settings.
    private func algorithmPage(width: Int) throws -> String {
        var table = TextTable([.text("parameter"), .text("default"), .text("takes"), .text("meaning")])
        for parameter in algorithm.parameters {
            table.append([parameter.name, try parameter.defaultText, try parameter.takes, parameter.meaning])
        }
        let head = """
            \(algorithm.id): \(algorithm.title)

            \(algorithm.summary)
            \(algorithm.paper)

            plugin  \(plugin.path) (\(plugin.toolchain), contract 1.\(plugin.abiMinor))
            needs   \(algorithm.needs.data.map(\.rawValue).joined(separator: " or ")); roles \(algorithm.needs.roles.joined(separator: ", "))
            """
        return head.wrapped(toWidth: width) + "\n\n" + table.plain(width: width) + (try presets(width: width))
    }

    /// The parameters as a table of Markdown, for the algorithm's page.
    package func parameterTable() throws -> String {
        var table = TextTable([.text("Parameter"), .text("Default"), .text("Takes"), .text("Meaning")])
        func code(_ text: String) -> String { "`\(text)`" }
        for parameter in algorithm.parameters {
            let takes =
                parameter.choices.isEmpty
                ? try parameter.takes : try parameter.choices.map { code(try $0.cell) }.joined(separator: ", ")
            let others = parameter.aliases.isEmpty ? "" : " TRL: " + parameter.aliases.map(code).joined(separator: ", ")
            table.append([code(parameter.name), code(try parameter.defaultText), takes, parameter.doc + others])
        }
        return table.markdown()
    }

    private func presets(width: Int) throws -> String {
        guard !algorithm.presets.isEmpty else { return "" }
        let set = Set(algorithm.presets.flatMap(\.parameters.keys)).sorted()
        var table = TextTable([.text("a preset sets"), .text("default")] + algorithm.presets.map { .text("@" + $0.name) })
        table.keys = 2
        for name in set {
            let standard = try algorithm.parameter(name)?.defaultText ?? "no such parameter"
            table.append([name, standard] + (try algorithm.presets.map { try $0.parameters[name]?.cell ?? "" }))
        }
        let words = algorithm.presets.map { "\(algorithm.id)@\($0.name)\n" + $0.words.wrapped(toWidth: width) }
        return "\n" + table.plain(width: width) + "\n" + words.joined(separator: "\n")
    }

    /// A preset in full: every parameter with its value and where that comes from.
    private func page(of preset: PresetDescription, width: Int) throws -> String {
        var table = TextTable([.text("parameter"), .text("value"), .text("default"), .text("set by"), .text("meaning")])
        for parameter in algorithm.parameters {
            table.append([
                parameter.name, try values[parameter.name]?.cell ?? "", try parameter.defaultText,
                preset.parameters[parameter.name] == nil ? "default" : "preset", parameter.meaning,
            ])
        }
        return "\(name): \(algorithm.title)\n\n\(preset.words.wrapped(toWidth: width))\n\(table.plain(width: width))"
    }
}

extension PresetDescription {
    /// Summary, source and notes, a line each.
    var words: String {
        (["  \(summary)", "  source: \(source)"] + notes.map { "  note: \($0)" }).map { $0 + "\n" }.joined()
    }
}

extension ZooBase.JSONValue {
    /// As a table shows it.
    var cell: String { get throws { try string ?? text() } }
}

extension ParameterDescription {
    /// What it is, and what TRL calls it.
    var meaning: String { aliases.isEmpty ? doc : "\(doc) TRL: \(aliases.joined(separator: ", "))" }

    var defaultText: String { get throws { try defaultValue?.cell ?? (isNullable ? "null" : "required") } }

    /// `0.5`, `1000`, and powers of ten beyond that as `1e6` or `1e-6`.
    private static func plain(_ bound: Double) -> String {
        if let exponent = [-6, 6, 7, 8, 9, 12].first(where: { Double("1e\($0)") == abs(bound) }) {
            return "\(bound < 0 ? "-" : "")1e\(exponent)"
        }
        return Int(exactly: bound).map(String.init) ?? "\(bound)"
    }

    /// The values that the parameter accepts, in words.
    var takes: String {
        get throws {
            if !choices.isEmpty { return try choices.map { try $0.cell }.joined(separator: " | ") }
            let lower = minimum.map { "\(minimumIsExcluded ? "above" : "from") \(Self.plain($0))" }
            let upper = maximum.map { "\(maximumIsExcluded ? "below" : "to") \(Self.plain($0))" }
            return ([kind.rawValue, lower, upper].compactMap(\.self) + (isNullable ? ["or null"] : [])).joined(separator: " ")
        }
    }
}
