import Dispatch
import Foundation
import Synchronization

/// The running workers. While there are any, Ctrl-C, SIGTERM and SIGHUP go to them: the first asks them to stop, a second one of
/// the same kind kills.
public final class LiveWorkers: Sendable {
    public static let shared = LiveWorkers()

    private struct State {
        var groups: Set<pid_t> = []
        /// How many times each signal arrived.
        var requests: [Int32: Int] = [:]
    }

    private let state = Mutex(State())
    private let sources = Mutex<[any DispatchSourceSignal]>([])

    /// True once Ctrl-C was passed on: start no further workers.
    public var wasInterrupted: Bool { state.withLock { !$0.requests.isEmpty } }

    func insert(_ group: pid_t) {
        sources.withLock { sources in
            if sources.isEmpty { sources = [SIGINT, SIGTERM, SIGHUP].compactMap(watch) }
        }
        state.withLock { _ = $0.groups.insert(group) }
    }

    func remove(_ group: pid_t) { state.withLock { _ = $0.groups.remove(group) } }

    /// nil for a hang-up that the parent wants ignored, as with `nohup`.
    private func watch(_ number: Int32) -> (any DispatchSourceSignal)? {
        var before = sigaction()
        sigaction(number, nil, &before)
        if number == SIGHUP, before.isIgnored { return nil }
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { [self] in stop(number) }
        source.activate()
        return source
    }

    /// Passes Ctrl-C on; without a worker, ends this process as the signal would have.
    private func stop(_ number: Int32) {
        state.withLock { state in
            if state.groups.isEmpty { exit(WorkerExit.interruptedStatus) }
            let isFirst = state.requests.isEmpty
            state.requests[number, default: 0] += 1
            // A closing terminal hangs up more than once, and after the signal of a service manager.
            let kills = number != SIGHUP && state.requests[number, default: 0] > 1
            guard isFirst || kills else { return }
            for group in state.groups { kill(-group, kills ? SIGKILL : SIGINT) }
        }
    }
}

extension sigaction {
    fileprivate var isIgnored: Bool {
        #if canImport(Darwin)
            unsafeBitCast(__sigaction_u.__sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        #else
            unsafeBitCast(__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        #endif
    }
}
