import ZooBase
import ZooKit

extension PluginDescription {
    /// Refuses text that could control a terminal, or that is not the one line that tables and pages have room for.
    func checkText() throws {
        try requireLine(toolchain, "its toolchain")
        for algorithm in algorithms {
            let name = "of the algorithm '\(algorithm.id)'"
            try requireLine(algorithm.title, "the title \(name)")
            try requireLine(algorithm.summary, "the summary \(name)")
            try requireLine(algorithm.paper, "the paper \(name)")
            try algorithm.parameters.checkText(name)
            for preset in algorithm.presets {
                for text in [preset.source, preset.summary] + preset.notes {
                    try requireText(text, "the preset '\(preset.name)' \(name)")
                }
            }
        }
    }
}

extension [ParameterDescription] {
    /// The same of parameters; `name` says whose they are.
    func checkText(_ name: String) throws {
        for parameter in self {
            let names = [parameter.name] + parameter.aliases + parameter.formerly
            for text in names { try requireLine(text, "the name of a parameter \(name)") }
            try requireText(parameter.doc, "the description of parameter '\(parameter.name)' \(name)")
            for choice in parameter.choices.compactMap(\.string) {
                try requireLine(choice, "a choice of parameter '\(parameter.name)' \(name)")
            }
        }
    }
}

private func requireLine(_ text: String, _ what: String) throws {
    guard text.isPlainLine else { throw refusal(text, what, "one line of text without control characters") }
}

private func requireText(_ text: String, _ what: String) throws {
    guard !text.steersTerminal else { throw refusal(text, what, "text without control characters") }
}

private func refusal(_ text: String, _ what: String, _ expected: String) -> ZooError {
    ZooError(.invalidArgument, "\(what) is '\(String(text.prefix(120)).shownOnOneLine)'; expected \(expected)")
}
