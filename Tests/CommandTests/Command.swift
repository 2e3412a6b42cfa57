import Foundation
import Testing

/// Runs the built `zoo` as a user would, with a cache and a working folder of its own.
struct Command {
    let folder: URL
    /// Over the variables that every command gets.
    var environment: [String: String] = [:]

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The repository.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let tabular = root.appending(path: "recipes/tabular.yaml").path

    /// `zoo`, built beside the test bundle.
    static var executable: URL {
        let bundle = Bundle.main.bundleURL
        return (bundle.pathExtension == "xctest" ? bundle.deletingLastPathComponent() : bundle).appending(path: "zoo")
    }

    /// Runs `body` in a new folder that is removed afterwards.
    static func inFolder(_ body: (Command) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(Command(folder: folder))
    }

    func start(_ arguments: [String], output: Any? = nil, errors: Any? = nil) throws -> Process {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["POLICYZOO_CACHE": folder.appending(path: "cache").path, "COLUMNS": ""]
        ) { $1 }.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = errors ?? FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Runs to the end. The streams go through files: a pipe that nobody empties would stop the command.
    func callAsFunction(_ arguments: String...) throws -> Result { try run(arguments) }

    func run(_ arguments: [String]) throws -> Result {
        func file(_ name: String) throws -> (url: URL, handle: FileHandle) {
            let url = folder.appending(path: ".\(name)-\(UUID().uuidString)")
            try Data().write(to: url)
            return (url, try FileHandle(forWritingTo: url))
        }
        let (output, errors) = (try file("output"), try file("errors"))
        let process = try start(arguments, output: output.handle, errors: errors.handle)
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: try String(contentsOf: output.url, encoding: .utf8),
            errors: try String(contentsOf: errors.url, encoding: .utf8))
    }

    func path(_ name: String) -> URL { folder.appending(path: name) }
}
