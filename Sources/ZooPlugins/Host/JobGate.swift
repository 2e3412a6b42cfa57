import Foundation
import Synchronization
import ZooKit

/// Who may call the host, and when: the job thread, while the call into the algorithm runs that a function is meant for, and not from
/// within a loss.
public final class JobGate: Sendable {
    /// The call into the algorithm that runs.
    package enum Phase: String, Sendable, CaseIterable {
        case create, step, save, load, score, destroy
    }

    private struct State {
        var phase: Phase?
        var thread: UInt = 0
        var isInLoss = false
        var misuse: String?
    }

    private let state = Mutex(State())

    public init() {}

    /// Runs a call into the algorithm on this thread.
    package func during<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        let before = state.withLock { state in
            defer { (state.phase, state.thread) = (phase, Self.thisThread) }
            return state
        }
        defer { state.withLock { ($0.phase, $0.thread) = (before.phase, before.thread) } }
        return try body()
    }

    /// Runs a loss.
    package func inLoss<R>(_ body: () throws -> R) rethrows -> R {
        state.withLock { $0.isInLoss = true }
        defer { state.withLock { $0.isInLoss = false } }
        return try body()
    }

    /// Throws `.failedPrecondition` unless the plugin may call `function` now and here.
    func check(_ function: String, in phases: Set<Phase> = [.step]) throws {
        let state = state.withLock { $0 }
        let rule = "see the rules in zoo/zoo.h"
        guard let phase = state.phase, phases.contains(phase) else {
            let now = state.phase.map { "in \($0.rawValue)" } ?? "between calls into the algorithm"
            let allowed = phases.map(\.rawValue).sorted().joined(separator: ", ")
            throw ZooError(.failedPrecondition, "\(function) was called \(now); expected in \(allowed): \(rule)")
        }
        guard state.thread == Self.thisThread else {
            throw ZooError(
                .failedPrecondition,
                "\(function) was called on another thread; expected on that which called the algorithm: only log, cancelled and "
                    + "get_extension may be called from any thread")
        }
        guard !state.isInLoss else {
            throw ZooError(
                .failedPrecondition,
                "\(function) was called inside a loss, which may call only log, cancelled and get_extension: \(rule)")
        }
    }

    /// Remembers a breach that the function has no status to report; the call into the algorithm that it happened in fails by it.
    func complain(_ sentence: String) { state.withLock { $0.misuse = $0.misuse ?? sentence } }

    /// The first breach since the last call; it is then forgotten.
    package func takeMisuse() -> String? {
        state.withLock { state in
            defer { state.misuse = nil }
            return state.misuse
        }
    }

    private static var thisThread: UInt {
        #if canImport(Darwin)
            UInt(bitPattern: pthread_self())
        #else
            UInt(pthread_self())
        #endif
    }
}
