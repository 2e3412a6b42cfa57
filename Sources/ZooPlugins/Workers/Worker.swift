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
    public var output: Output
    public var errors: Output
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

    /// Set in every worker.
    package static let marker = "ZOO_WORKER"

    /// When the worker was started, in nanoseconds of the system's uptime.
    package static let started = "ZOO_STARTED"

    /// Set in every worker: plugins bind at load, and idle OpenMP threads do not spin.
    static let settings = [
        marker: "1", "LD_BIND_NOW": "1", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0",
    ]

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
        guard let status = try process.wait(until: deadline.map { .now + .seconds($0) }) else { return .deadline(deadline ?? 0) }
        return WorkerExit(waitStatus: status, wasInterrupted: LiveWorkers.shared.wasInterrupted)
    }
}
