import Foundation
import ZooKit

/// A process of the same executable that may crash or hang without harming the host.
public struct Worker: Sendable {
    /// Where a stream of the worker goes.
    public enum Output: Sendable {
        /// Wherever the host's own goes.
        case inherited
        /// Line by line, without the newline; called on the thread that runs the worker.
        case lines(@Sendable (String) -> Void)
    }

    public var arguments: [String]
    /// Added to the host's environment.
    public var environment: [String: String]
    /// Seconds until the whole process group is killed; nil for never.
    public var deadline: Double?
    /// What the process prints: the plugin's, for the worker itself prints nothing.
    public var output: Output
    public var errors: Output
    /// Receives each line that the worker itself reports, and returns whether that was its result: then it is to end soon.
    package var report: (@Sendable (String) -> Bool)?
    /// Receives what was written to the descriptor of the reports by somebody else.
    package var stray: @Sendable (String) -> Void = { _ in }
    /// Seconds that the process may live after its result. A crash's backtrace takes some, too.
    package var grace = 20.0
    /// The running executable, unless a test says otherwise.
    public var executable: String
    /// The lock of the folder that it works in, which stays locked until the worker has ended too.
    package var lock: FolderLock?

    public init(
        _ arguments: [String], environment: [String: String] = [:], deadline: Double? = nil, output: Output = .inherited,
        errors: Output = .inherited, executable: String = Worker.runningExecutable
    ) {
        (self.arguments, self.environment, self.deadline) = (arguments, environment, deadline)
        (self.output, self.errors, self.executable) = (output, errors, executable)
    }

    public static var runningExecutable: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

    /// What scans and checks plugins: `zoo-plugin-worker` beside an executable, which starts without libtorch, or else itself.
    public static func loader(beside executable: String = runningExecutable) -> String {
        let loader = URL(fileURLWithPath: executable).deletingLastPathComponent().appending(path: "zoo-plugin-worker").path
        return FileManager.default.isExecutableFile(atPath: loader) ? loader : executable
    }

    /// Set in every worker.
    package static let marker = "ZOO_WORKER"

    /// When the worker was started, in nanoseconds of the system's uptime.
    package static let started = "ZOO_STARTED"

    /// Set in every worker. Plugins bind at load. An OpenMP thread that waits spins for up to a tenth of a millisecond, which most gaps
    /// between operators are shorter than, and then sleeps: spinning for longer takes the core from whoever else has work. glibc asks for
    /// memory in large pages, since a training step touches gigabytes anew.
    static let settings = [
        marker: "1", "LD_BIND_NOW": "1", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "0",
        tunables: largePages,
    ]
    private static let tunables = "GLIBC_TUNABLES"
    private static let largePages =
        (ProcessInfo.processInfo.environment[tunables].map { $0 + ":" } ?? "") + "glibc.malloc.hugetlb=1"

    /// Runs to the end on a separate thread.
    public func run() async throws -> WorkerExit {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try self.runAndWait() }) }
            thread.start()
        }
    }

    /// Runs to the end on this thread. Throws if the process cannot be started, or may not be because of Ctrl-C.
    public func runAndWait() throws -> WorkerExit {
        guard !LiveWorkers.shared.wasInterrupted else { throw ZooError(.cancelled, "stopped by Ctrl-C") }
        let process = try WorkerProcess(self)
        LiveWorkers.shared.insert(process.group)
        defer { LiveWorkers.shared.remove(process.group) }
        guard let status = try process.wait(seconds: deadline, grace: grace) else {
            return .deadline(process.hasResult ? grace : deadline ?? 0)
        }
        return WorkerExit(waitStatus: status, wasInterrupted: LiveWorkers.shared.wasInterrupted)
    }
}
