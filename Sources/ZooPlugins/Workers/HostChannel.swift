import Foundation
import Synchronization
import ZooBase

/// How a worker reports to its host: lines on a descriptor of its own, each marked with a token that only the two know.
///
/// A plugin shares the worker's standard output and error, so nothing that counts is said there. The descriptor is not one of the
/// first three, no other program inherits it, and a line without the token is not the worker's.
package enum HostChannel {
    private struct Open {
        let descriptor: Int32
        let token: String
        let process: pid_t
    }

    /// The descriptor and the token: "64:5f0c…".
    static let variable = "ZOO_REPORT"
    /// Above what a program opens by accident; below the usual limits.
    private static let high: Int32 = 900

    private static let state = Mutex<Open?>(nil)

    /// Takes the channel over from the environment. Call it before any plugin is loaded.
    static func open() {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return }
        unsetenv(variable)
        let parts = text.split(separator: ":").map(String.init)
        guard parts.count == 2, let given = Int32(parts[0]) else { return }
        state.withLock { $0 = Open(descriptor: moved(given), token: parts[1], process: getpid()) }
    }

    /// Moves a descriptor to a high number that no other program inherits.
    static func moved(_ descriptor: Int32) -> Int32 {
        let limit = sysconf(Int32(_SC_OPEN_MAX))
        let target = limit > 0 ? min(high, Int32(clamping: limit) * 3 / 4) : high
        let moved = fcntl(descriptor, F_DUPFD_CLOEXEC, target)
        guard moved >= 0 else {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return descriptor
        }
        close(descriptor)
        return moved
    }

    /// Whether this process is a worker that reports.
    package static var isOpen: Bool { state.withLock { $0 != nil } }

    /// Where a signal handler reports, which may neither lock nor allocate, and what its line has to begin with; standard output where
    /// this process is no worker.
    static var signalReport: (descriptor: Int32, prefix: String) {
        state.withLock { $0.map { ($0.descriptor, $0.token + " ") } ?? (STDOUT_FILENO, "") }
    }

    /// Reports a line, from any thread; elsewhere than in a worker it does nothing.
    ///
    /// Ends the process if it is a copy that a plugin made of the worker by fork, or if a plugin closed the descriptor.
    package static func send(_ line: Data) {
        state.withLock { open in
            guard let open else { return }
            Self.endCopy(of: open)
            // The first newline ends what somebody else may have left there.
            let framed = Data("\n\(open.token) ".utf8) + line + Data("\n".utf8)
            guard let number = StandardStream.writeAll(framed, open.descriptor), number != EPIPE else { return }
            StandardStream.complain("the descriptor on which the worker reports was closed, which only its plugin can have done")
            _exit(CommandStatus.software.rawValue)
        }
    }

    /// Ends this process if it is a copy of the worker, which a plugin made by fork and returned into.
    package static func endCopies() { state.withLock { if let open = $0 { endCopy(of: open) } } }

    private static func endCopy(of open: Open) {
        if getpid() != open.process { _exit(CommandStatus.software.rawValue) }
    }

    /// Ends the worker without running what plugins registered for the end of the process; elsewhere it does nothing.
    package static func end(_ status: Int32) {
        if isOpen { _exit(status) }
    }

    // MARK: - The host's end

    static func newToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
    }

    /// Divides a line of the channel into what is the worker's and what is not.
    static func parse(_ line: String, token: String) -> (report: String?, stray: String?) {
        guard let found = line.range(of: token + " ") else { return (nil, line.isEmpty ? nil : line) }
        let before = String(line[..<found.lowerBound])
        return (String(line[found.upperBound...]), before.isEmpty ? nil : before)
    }
}
