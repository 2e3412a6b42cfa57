import Foundation
import Synchronization
import Testing

/// The built `zoo`, run as a user runs it: a process, its exit status, its two streams.
struct ZooCommand {
    /// Where `zoo`, the built-in plugins and the test bundle lie.
    static let folder =
        Bundle.main.bundleURL.pathExtension == "xctest"
        ? Bundle.main.bundleURL.deletingLastPathComponent() : Bundle.main.bundleURL

    /// The root of the clone.
    static let clone = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL

    /// Takes the streams, the artifacts and the working folder of the processes.
    let folder: URL
    /// Added to the environment of the processes.
    var environment = ["COLUMNS": ""]

    /// - Parameter cache: where artifacts are kept; a folder of its own unless tests share one.
    init(in folder: URL, cache: URL? = nil) {
        self.folder = folder
        environment["POLICYZOO_CACHE"] = (cache ?? folder.appending(path: "cache")).path
    }

    /// Starts `zoo` with these arguments.
    func start(_ arguments: [String]) throws -> RunningProcess {
        try RunningProcess(Self.folder.appending(path: "zoo"), arguments, environment, in: folder)
    }

    /// Runs `zoo` with these arguments to its end.
    func run(_ arguments: String...) async throws -> EndedProcess { try await start(arguments).end() }

    /// Runs `zoo` and requires that it ends well.
    @discardableResult
    func succeed(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws -> EndedProcess {
        let ended = try await start(arguments).end()
        try #require(
            ended.status == 0, "zoo \(arguments.joined(separator: " ")): \(ended.errors)", sourceLocation: sourceLocation)
        return ended
    }
}

/// How a process ended. A status of 128 + n stands for signal n, as in a shell.
struct EndedProcess {
    var status: Int32
    var output: String
    var errors: String

    /// The one line on standard error that begins with `zoo: error: `, without that.
    var complaint: String {
        get throws {
            let lines = errors.split(separator: "\n").filter { $0.hasPrefix("zoo: error: ") }
            try #require(lines.count == 1, "expected one line of error, found: \(errors)")
            return String(lines[0].dropFirst("zoo: error: ".count))
        }
    }
}

/// A process that runs, its streams going to files.
final class RunningProcess: Sendable {
    private let process: Process
    private let streams: URL
    private let ends: AsyncStream<Int32>

    init(_ executable: URL, _ arguments: [String], _ environment: [String: String], in folder: URL) throws {
        streams = folder.appending(path: ".streams-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: streams, withIntermediateDirectories: true)
        process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.file(streams.appending(path: "output"))
        process.standardError = try Self.file(streams.appending(path: "errors"))
        let (ends, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.ends = ends
        process.terminationHandler = { process in
            continuation.yield(
                process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus)
            continuation.finish()
        }
        try process.run()
    }

    private static func file(_ url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }

    /// The process's number.
    var number: Int32 { process.processIdentifier }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Sends the signal as soon as `condition` holds; false where the process ended before.
    func send(_ signal: Int32, when condition: @escaping @Sendable () -> Bool) async -> Bool {
        let isSent = Mutex(false)
        _ = await eventually { [self] in
            guard process.isRunning else { return true }
            guard condition() else { return false }
            send(signal)
            isSent.withLock { $0 = true }
            return true
        }
        return isSent.withLock { $0 }
    }

    /// Waits for the end. A test that is cancelled kills the process.
    func end() async throws -> EndedProcess {
        let status = await withTaskCancellationHandler {
            await ends.first { _ in true } ?? -1
        } onCancel: {
            send(SIGKILL)
        }
        func text(_ name: String) throws -> String { try String(contentsOf: streams.appending(path: name), encoding: .utf8) }
        return EndedProcess(status: status, output: try text("output"), errors: try text("errors"))
    }
}

/// A folder of one test, removed with it.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appending(
        path: "zoo-\(UUID().uuidString)", directoryHint: .isDirectory)

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    deinit {
        // What is left behind lies in the system's folder for it.
        try? FileManager.default.removeItem(at: url)
    }

    func write(_ text: String, to name: String) throws -> URL {
        let file = url.appending(path: name)
        try Data(text.utf8).write(to: file)
        return file
    }
}

/// Looks every few milliseconds, on a thread of its own that busy tests do not hold up, until `condition` holds; false after a minute.
func eventually(_ condition: @escaping @Sendable () -> Bool) async -> Bool {
    await withCheckedContinuation { continuation in
        Thread {
            let limit = ContinuousClock.now + .seconds(60)
            while !condition() {
                guard ContinuousClock.now < limit else { return continuation.resume(returning: false) }
                usleep(2000)
            }
            continuation.resume(returning: true)
        }.start()
    }
}
