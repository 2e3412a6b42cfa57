import Foundation
import Synchronization
import ZooBase
import ZooRecipe
import ZooServices

/// A program that is told what happens in a run, in lines of JSON on its standard input; what it prints goes to `log_to.txt` in the run's
/// folder.
///
/// Lines wait in memory while it is busy, so it never holds up the run; one that is far behind, or has ended, gets no more.
final class LogProgram: Sendable {
    /// Bytes of lines that may wait.
    private static let most = 64 << 20

    private struct State {
        var waiting: [Data] = []
        var bytes = 0
        var isClosed = false
        /// Nothing more can be written.
        var isOver = false
        var hasComplained = false
    }

    private let state = Mutex(State())
    private let hasWork = DispatchSemaphore(value: 0)
    private let process = Process()
    private let input = Pipe()
    private let program: ExternalProgram
    private let say: @Sendable (String) -> Void
    private let ended = DispatchSemaphore(value: 0)

    /// Starts it.
    ///
    /// - Parameter complain: takes the one sentence about what went wrong.
    /// - Throws: if it cannot be started.
    init(_ program: ExternalProgram, log: URL, complain: @escaping @Sendable (String) -> Void) throws {
        (self.program, say) = (program, complain)
        guard let executable = program.executable, let directory = program.directory else {
            throw FileError(.noInput, program.command.first ?? "", "there is no such program")
        }
        if !FileManager.default.fileExists(atPath: log.path) { try OutputFile.write(Data(), to: log) }
        let output = try FileHandle(forWritingTo: log)
        try output.seekToEnd()
        process.executableURL = executable
        process.arguments = Array(program.command.dropFirst())
        process.currentDirectoryURL = directory
        process.environment = try PythonModules.environment()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        process.terminationHandler = { [ended] _ in ended.signal() }
        // Its end of the pipe alone: a child of another thread must not keep it open.
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        try? input.fileHandleForReading.close()
        Thread.detachNewThread { [self] in write() }
    }

    /// Takes a line, without its end.
    func send(_ line: String) {
        let data = Data((line + "\n").utf8)
        let isFull = state.withLock { state in
            guard !state.isOver, !state.isClosed else { return false }
            state.waiting.append(data)
            state.bytes += data.count
            state.isOver = state.bytes > Self.most
            return state.isOver
        }
        if isFull {
            complain("'\(program.title)' takes too long to read what the run logs; what follows is not logged there")
            kill(process.processIdentifier, SIGKILL)
        }
        hasWork.signal()
    }

    /// There are no more lines. Returns at once.
    func close() {
        state.withLock { $0.isClosed = true }
        hasWork.signal()
    }

    /// Waits until the closed program has ended, as long as the recipe allows; then it is killed.
    func wait() {
        guard ended.wait(timeout: .now() + program.timeout) != .success else {
            if process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
                complain("'\(program.title)' \(ending)")
            }
            return
        }
        kill(process.processIdentifier, SIGKILL)
        state.withLock { $0.isOver = true }
        hasWork.signal()
        complain(
            "'\(program.title)' has not ended \(program.timeout.formatted()) s after the run and was killed; raise its 'timeout' if it "
                + "needs longer")
    }

    // MARK: - Its thread

    private func write() {
        let descriptor = input.fileHandleForWriting.fileDescriptor
        defer { try? input.fileHandleForWriting.close() }
        while true {
            hasWork.wait()
            let (lines, isLast) = state.withLock { state -> ([Data], Bool) in
                defer { (state.waiting, state.bytes) = ([], 0) }
                return (state.isOver ? [] : state.waiting, state.isClosed || state.isOver)
            }
            for line in lines where StandardStream.writeAll(line, descriptor) != nil {
                state.withLock { $0.isOver = true }
                complain("'\(program.title)' \(end)")
                return
            }
            if isLast { return }
        }
    }

    /// Says what went wrong, the first time.
    private func complain(_ line: String) {
        let isFirst = state.withLock { state in
            defer { state.hasComplained = true }
            return !state.hasComplained
        }
        if isFirst { say(line) }
    }

    /// How it ended, which reads no more.
    private var end: String {
        guard ended.wait(timeout: .now() + 1) == .success else { return "reads no more; what follows is not logged there" }
        ended.signal()
        return ending
    }

    private var ending: String {
        let status = process.terminationStatus
        let how = process.terminationReason == .uncaughtSignal ? "was ended by signal \(status)" : "ended with status \(status)"
        return "\(how); what follows is not logged there; see log_to.txt in the run's folder"
    }
}

/// The programs of all runs of this process that still work on what they were told.
public final class LogPrograms: Sendable {
    public static let shared = LogPrograms()

    private let closed = Mutex<[LogProgram]>([])

    func close(_ programs: [LogProgram]) {
        for program in programs { program.close() }
        closed.withLock { $0 += programs }
    }

    /// Waits for them, before the process ends.
    public func wait() {
        for program in closed.withLock({ programs in
            defer { programs = [] }
            return programs
        }) { program.wait() }
    }
}
