import Foundation

/// How a worker process ended.
public enum WorkerExit: Sendable, Equatable {
    case ok
    /// It reported an error of its own.
    case failed(status: Int32)
    /// The user's Ctrl-C was passed on to it, and it stopped; never the worker's own doing.
    case interrupted
    /// A Swift precondition, an overflow, an index out of range.
    case trap
    case abort
    case segfault
    /// The dynamic linker met a function that no library defines.
    case unboundSymbol
    /// Killed from outside, usually because memory ran out.
    case killed
    case signal(Int32)
    /// Killed by the host at its deadline, in seconds.
    case deadline(Double)

    /// The status with which a worker says that Ctrl-C stopped it.
    public static let interruptedStatus: Int32 = 130

    /// Reads the status word of `waitpid`.
    ///
    /// - Parameter wasInterrupted: whether the host passed Ctrl-C on.
    package init(waitStatus: Int32, wasInterrupted: Bool) {
        let signal = waitStatus & 0x7f
        guard signal != 0 else {
            switch (waitStatus >> 8) & 0xff {
            case 0: self = .ok
            case 127: self = .unboundSymbol
            case Self.interruptedStatus where wasInterrupted: self = .interrupted
            case let status: self = .failed(status: status)
            }
            return
        }
        switch signal {
        case SIGILL, SIGTRAP: self = .trap
        case SIGABRT: self = .abort
        case SIGSEGV, SIGBUS: self = .segfault
        // The second Ctrl-C kills, which counts as a stop too.
        case SIGINT where wasInterrupted, SIGKILL where wasInterrupted: self = .interrupted
        case SIGKILL: self = .killed
        default: self = .signal(signal)
        }
    }

    /// One sentence about `subject`, for example "plugin /opt/zoo/libX.so" or "run grpo-seed0".
    public func sentence(about subject: String) -> String {
        switch self {
        case .ok: "\(subject) ended well"
        case .failed(let status): "\(subject) ended with status \(status)"
        case .interrupted: "\(subject) was stopped by Ctrl-C"
        case .trap: "\(subject) crashed: it trapped (a failed precondition, an overflow or an index out of range)"
        case .abort: "\(subject) crashed: it aborted (an assertion, or an uncaught exception)"
        case .segfault: "\(subject) crashed: it accessed invalid memory"
        case .unboundSymbol: "\(subject) called a function that no library defines (exit status 127)"
        case .killed: "\(subject) was killed; the machine may have run out of memory"
        case .signal(let number): "\(subject) was ended by signal \(number) (\(String(cString: strsignal(number))))"
        case .deadline(let seconds): "\(subject) did not end within \(seconds.formatted()) s and was killed"
        }
    }
}
