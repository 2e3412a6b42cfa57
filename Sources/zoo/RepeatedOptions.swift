import ArgumentParser
import Foundation

/// Options with one value that were given twice: the parser would silently take the last one.
enum RepeatedOptions {
    private struct Tool: Decodable { var command: Command }
    private struct Command: Decodable {
        var commandName: String
        var subcommands: [Command]?
        var arguments: [Argument]?
    }
    private struct Argument: Decodable {
        struct Name: Decodable { var name: String }
        var kind: String
        var isRepeating: Bool
        var names: [Name]?
    }

    /// - Throws: a message about the first option that was given twice.
    static func refuse(in arguments: [String]) throws {
        guard arguments.first != WorkerCommand.configuration.commandName else { return }
        let tool = try JSONDecoder().decode(Tool.self, from: Data(Zoo._dumpHelp().utf8))
        var command = tool.command
        var words = ArraySlice(arguments)
        while let next = words.first.flatMap({ word in command.subcommands?.first { $0.commandName == word } }) {
            command = next
            words = words.dropFirst()
        }
        let options = (command.arguments ?? []).filter { $0.kind == "option" }
        var seen: Set<String> = []
        while let word = words.popFirst(), word != "--" {
            let name = word.prefix { $0 != "=" }.drop { $0 == "-" }
            guard word.hasPrefix("-"), let option = options.first(where: { $0.names?.contains { $0.name == name } ?? false })
            else {
                continue
            }
            if !word.contains("=") { _ = words.popFirst() }  // its value
            guard option.isRepeating || seen.insert(String(name)).inserted else {
                throw ValidationError("--\(name) was given twice; expected once")
            }
        }
    }
}
