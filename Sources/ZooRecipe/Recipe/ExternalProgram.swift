import Foundation
import ZooBase
import ZooData

/// A program of the user's that answers in JSON: a process that the run starts, or a service that is there already.
public struct ExternalProgram: Sendable, Equatable {
    /// The words of the command; empty for a service.
    public var command: [String] = []
    /// The folder that the command works in, where Python finds its modules; nil for a service.
    public var directory: URL?
    /// Where the service is; nil for a command.
    public var url: URL?
    /// Whether the service may be on another machine.
    public var isRemote = false
    /// Lines `NAME: VALUE` that are sent along.
    public var headersFile: URL?
    /// Seconds that an answer may take.
    public var timeout = 60.0
    /// How often a request is repeated: after the process died, or where the service could not be reached or failed.
    public var retries = 2

    package init(command: [String] = [], directory: URL? = nil, url: URL? = nil) {
        (self.command, self.directory, self.url) = (command, directory, url)
    }
}

extension ExternalProgram {
    /// The command as it would be typed, or the URL.
    package var title: String { url?.absoluteString ?? command.map(\.shellWord).joined(separator: " ") }

    /// Files that the command names: paths, and Python's modules, such as `my_rewards:f` for `my_rewards.py`. Each with the number
    /// of its word, and what of the word stands for it.
    package var files: [(word: Int, part: String, file: URL)] {
        guard let directory else { return [] }
        return command.indices.compactMap { index in
            let word = command[index]
            let module = String(word.prefix { $0 != ":" && $0 != "=" })
            let path = module.replacing(".", with: "/")
            let candidates = [(word, word), (module, "\(path).py"), (module, "\(path)/__init__.py")]
            for (part, name) in candidates where !part.isEmpty {
                let file = URL(fileURLWithPath: name, relativeTo: directory).standardizedFileURL
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue else {
                    continue
                }
                return (index, part, file)
            }
            return nil
        }
    }

    /// Where the command's executable is; nil if there is none of that name.
    package var executable: URL? {
        guard let name = command.first, let directory else { return nil }
        let files = FileManager.default
        if name.contains("/") {
            let file = URL(fileURLWithPath: name, relativeTo: directory).standardizedFileURL
            return files.isExecutableFile(atPath: file.path) ? file : nil
        }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { URL(fileURLWithPath: String($0)).appending(path: name) }.first {
            files.isExecutableFile(atPath: $0.path)
        }
    }
}

// MARK: - Keys

extension ExternalProgram {
    /// Of a command alone.
    static let commandKeys = Schema("a command", blank: ExternalProgram()) {
        Key("command", \.command, .command, "The words of a command that is started once for a run and answers lines of JSON.")
        Key(keys: [
            KeyDescription(
                name: "directory", shape: .text("path"), standard: "the recipe's folder",
                doc: "The folder that the command works in, where Python finds its modules.")
        ]) { program, section in
            let place = section.field.node.folder ?? section.field.reading.file.deletingLastPathComponent()
            let given = try section.optional("directory", .path("a folder", needsFolder: true))
            program.directory = program.command.isEmpty ? nil : given ?? place.standardizedFileURL.absoluteURL
        } write: {
            [("directory", $0.directory.map { .text($0.path) })]
        }
    }.keys

    /// A command that is told what happens and answers nothing.
    static let logCodec = Schema(
        "a program to log to, such as {command: [python3, -m, zoo_log_wandb]}", blank: ExternalProgram()
    ) {
        commandKeys
        Key("timeout", \.timeout, .positive(to: 1e6), "Seconds that it may take to end after the run has ended.")
    } check: { program, section in
        guard program.command.isEmpty else { return }
        throw section.field.error(
            "expected the key 'command', a list of words such as [python3, -m, zoo_log_wandb]")
    }.codec

    /// Of a service alone.
    static let serviceKeys = Schema("a service", blank: ExternalProgram()) {
        Key("url", optional: \.url, .http, "A service that answers the same JSON to POST.")
        Key("remote", \.isRemote, .flag, "Whether the service may be on another machine.")
        Key(
            "headers_file", optional: \.headersFile, .path("a file of headers"),
            "A file of lines `NAME: VALUE` that are sent along, such as a token; its content is never logged.")
    }.keys

    /// Of either.
    static let commonKeys = Schema("a program", blank: ExternalProgram()) {
        Key("timeout", \.timeout, .positive(to: 1e6), "Seconds that an answer may take.")
        Key(
            "retries", \.retries, .whole(from: 0, to: 1000),
            "How often a request is repeated after the process died, or where the service cannot be reached or fails.")
    }.keys

    /// Refuses what does not go together.
    func check(_ section: Section) throws {
        guard let url, !isRemote, let host = url.host(), !Self.isLoopback(host) else { return }
        throw section.field.error(
            "url: \(url.absoluteString) is on another machine, where prompts and completions would be sent; expected one on "
                + "127.0.0.1, or 'remote: true' with it")
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host == "[::1]"
            || (host.hasPrefix("127.") && host.split(separator: ".").count == 4 && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}

extension Codec where Value == [String] {
    /// The words of a command; numbers among them are words too.
    fileprivate static var command: Codec {
        Codec("the words of a command, such as [python3, -m, zoo_reward, \"my_rewards:f\"]", .list(.text("word"), place: "N")) {
            field in
            guard case .list(let items) = field.node.content, !items.isEmpty else { return nil }
            return try items.enumerated().map { index, item in
                let place = Field(node: item, path: "\(field.path)[\(index)]", reading: field.reading)
                guard case .scalar(let value) = item.content else { throw place.error("expected a word, found \(item.found)") }
                switch value {
                case .string(let text): return text
                case .integer, .number: return value.yaml
                default: throw place.error("expected a word, found \(item.found); put it in quotes")
                }
            }
        } write: {
            .list($0.map { .text($0) })
        }
    }
}

extension Codec where Value == URL {
    static var http: Codec {
        Codec("a URL, such as http://127.0.0.1:8000/score", .text("URL")) { field in
            guard let text = field.node.json.string, let url = URL(string: text), ["http", "https"].contains(url.scheme),
                url.host()?.isEmpty == false
            else { return nil }
            return url
        } write: {
            .text($0.absoluteString)
        }
    }
}
