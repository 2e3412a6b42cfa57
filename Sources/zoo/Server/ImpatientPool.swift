import FlyingSocks
import Foundation
import Synchronization

/// Waits for sockets like another pool, but not forever: a silent connection is closed, so that half-open ones do not
/// use up the descriptors of the process.
struct ImpatientPool<Base: AsyncSocketPool>: AsyncSocketPool {
    /// How long a connection may be silent. A page asks for news every few seconds.
    static var patience: Duration { .seconds(15) }

    /// Silent connections at once; beyond them the one that is silent for longest is closed.
    private static var most: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 64 }
        return max(8, min(128, Int(clamping: limit.rlim_cur) / 4))
    }

    private final class Waits: Sendable {
        /// In the order in which they began.
        let all = Mutex<[(id: Int, task: Task<Void, any Error>)]>([])
        let next = Atomic<Int>(0)
    }

    private let base: Base
    private let waits = Waits()

    init(_ base: Base) { self.base = base }

    func prepare() async throws { try await base.prepare() }
    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        // The server's own socket waits for the next connection as long as it takes.
        if Self.listens(socket) { return try await base.suspendSocket(socket, untilReadyFor: events) }
        let task = Task { try await base.suspendSocket(socket, untilReadyFor: events) }
        let clock = Task {
            try await Task.sleep(for: Self.patience)
            task.cancel()
        }
        let id = waits.next.wrappingAdd(1, ordering: .relaxed).newValue
        let eldest = waits.all.withLock { all -> Task<Void, any Error>? in
            all.append((id, task))
            return all.count > Self.most ? all.removeFirst().task : nil
        }
        eldest?.cancel()
        defer {
            clock.cancel()
            waits.all.withLock { $0.removeAll { $0.id == id } }
        }
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private static func listens(_ socket: Socket) -> Bool {
        var (value, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        return getsockopt(socket.file.rawValue, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0
    }
}
