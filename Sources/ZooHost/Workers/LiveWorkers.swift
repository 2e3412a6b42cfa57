import Dispatch
import Foundation
import Synchronization

/// The workers that run now. While there are any, Ctrl-C and SIGTERM go to them: the first asks them to stop, the second kills.
public final class LiveWorkers: Sendable {
    public static let shared = LiveWorkers()

    private struct State {
        var groups: Set<pid_t> = []
        var requests = 0
    }

    private let state = Mutex(State())
    private let sources = Mutex<[any DispatchSourceSignal]>([])

    /// True once Ctrl-C was passed on: start no further workers.
    public var wasInterrupted: Bool { state.withLock { $0.requests > 0 } }

    func insert(_ group: pid_t) {
        sources.withLock { sources in
            if sources.isEmpty { sources = [SIGINT, SIGTERM].map(watch) }
        }
        state.withLock { _ = $0.groups.insert(group) }
    }

    func remove(_ group: pid_t) { state.withLock { _ = $0.groups.remove(group) } }

    private func watch(_ number: Int32) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { [self] in stop() }
        source.activate()
        return source
    }

    /// Passes Ctrl-C on; without a worker to pass it on to, ends this process as it would have ended.
    private func stop() {
        state.withLock { state in
            if state.groups.isEmpty { exit(WorkerExit.interruptedStatus) }
            state.requests += 1
            for group in state.groups { kill(-group, state.requests == 1 ? SIGINT : SIGKILL) }
        }
    }
}
