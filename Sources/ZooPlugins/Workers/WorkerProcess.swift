import Foundation
import Synchronization
import ZooKit

/// A spawned worker: its process group, its pipes and its end.
final class WorkerProcess {
    /// The worker's pid, which is also its process group's.
    let group: pid_t
    private var streams: [Stream]
    /// The worker's standard input. It closes when this process ends, which ends the worker too.
    private let lifeline: Int32
    /// Whether the worker has reported its result.
    private(set) var hasResult = false
    private let result: Flag

    /// Between SIGTERM and SIGKILL.
    private static let grace = Duration.seconds(2)
    /// Pipes must not leak into a worker that another thread starts at the same moment.
    private static let spawning = Mutex(())

    init(_ worker: Worker) throws {
        let result = Flag()
        self.result = result
        (group, lifeline, streams) = try Self.spawning.withLock { _ in try Self.spawn(worker, result) }
    }

    deinit {
        close(lifeline)
        for stream in streams { close(stream.descriptor) }
    }

    private static func spawn(_ worker: Worker, _ result: Flag) throws -> (pid_t, Int32, [Stream]) {
        var actions = FileActions()
        defer { actions.free() }
        let input = try Pipe()
        actions.move(input.read, to: 0)
        var (theirs, streams) = ([input.read], [Stream]())
        for (target, output) in [(Int32(1), worker.output), (2, worker.errors)] {
            guard case .lines(let receive) = output else { continue }
            let pipe = try Pipe()
            actions.move(pipe.write, to: target)
            theirs.append(pipe.write)
            streams.append(Stream(descriptor: pipe.read, receive: receive))
        }
        var environment = ProcessInfo.processInfo.environment.merging(worker.environment) { $1 }.merging(Worker.settings) { $1 }
        environment[Worker.started] = "\(DispatchTime.now().uptimeNanoseconds)"
        environment[HostChannel.variable] = nil
        if let report = worker.report {
            let (pipe, token, stray) = (try Pipe(), HostChannel.newToken(), worker.stray)
            theirs.append(pipe.write)
            // A number that none of the others has.
            let target = max(63, (theirs + [worker.lock?.descriptor ?? 0]).max() ?? 0) + 1
            actions.move(pipe.write, to: target)
            environment[HostChannel.variable] = "\(target):\(token)"
            streams.append(
                Stream(descriptor: pipe.read) { line in
                    let parts = HostChannel.parse(line, token: token)
                    if let own = parts.report, report(own) { result.raise() }
                    if let other = parts.stray { stray(other) }
                })
        }
        // After the others: the pipes' own numbers are no longer needed.
        if let lock = worker.lock { actions.move(lock.descriptor, to: 3) }
        var pid: pid_t = 0
        let status = withCStrings([worker.executable] + worker.arguments) { arguments in
            withCStrings(environment.map { "\($0)=\($1)" }) { environment in
                withAttributes { posix_spawn(&pid, worker.executable, &actions.actions, $0, arguments, environment) }
            }
        }
        for descriptor in theirs { close(descriptor) }
        guard status == 0 else {
            for descriptor in [input.write] + streams.map(\.descriptor) { close(descriptor) }
            throw ZooError(.internal, "\(worker.executable): cannot be started: \(String(cString: strerror(status)))")
        }
        return (pid, input.write, streams)
    }

    /// Serves the streams until the worker ends: its wait status, or nil if it was killed at the deadline.
    ///
    /// - Parameter grace: seconds until the deadline once the worker has reported its result.
    func wait(seconds: Double?, grace: Double) throws -> Int32? {
        var wasLate = false
        var nextKill = seconds.map { ContinuousClock.now + .seconds($0) }
        while try !hasEnded() {
            if result.isRaised, !hasResult {
                hasResult = true
                if !wasLate { nextKill = .now + .seconds(grace) }
            }
            if let limit = nextKill, .now >= limit {
                kill(-group, wasLate ? SIGKILL : SIGTERM)
                (wasLate, nextKill) = (true, .now + Self.grace)
            }
            if streams.isEmpty { usleep(5000) } else { serveStreams(milliseconds: 20) }
        }
        kill(-group, SIGKILL)  // Whatever the worker left behind. Its number is not free before it is reaped.
        while serveStreams(milliseconds: 0) {}
        for stream in streams { stream.finish() }
        var status: Int32 = 0
        while waitpid(group, &status, 0) < 0 {
            guard errno == EINTR else { throw Self.lost(group) }
        }
        return wasLate ? nil : status
    }

    /// True once the worker is a zombie.
    private func hasEnded() throws -> Bool {
        var info = siginfo_t()
        guard waitid(P_PID, id_t(group), &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno == EINTR else {
            throw Self.lost(group)
        }
        return info.si_signo == SIGCHLD
    }

    private static func lost(_ group: pid_t) -> ZooError {
        ZooError(.internal, "the worker with process number \(group) cannot be waited for: \(String(cString: strerror(errno)))")
    }

    /// Waits for something to read, and reads it; false if there was nothing.
    @discardableResult
    private func serveStreams(milliseconds: Int32) -> Bool {
        guard !streams.isEmpty else { return false }
        var polled = streams.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return false }
        for (index, entry) in polled.enumerated().reversed() where entry.revents != 0 {
            guard !streams[index].read() else { continue }
            streams[index].finish()
            close(streams[index].descriptor)
            streams.remove(at: index)
        }
        return true
    }
}

/// Raised once; read and written on the thread that runs the worker.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
}

/// The host's end of one of a worker's streams.
private final class Stream {
    let descriptor: Int32
    private let receive: @Sendable (String) -> Void
    private var pending: [UInt8] = []
    /// Bytes after which a line is passed on without its end.
    private static let longest = 64 << 20

    init(descriptor: Int32, receive: @escaping @Sendable (String) -> Void) {
        (self.descriptor, self.receive) = (descriptor, receive)
    }

    /// Passes on every complete line; false at the end of the stream.
    func read() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = Foundation.read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return count < 0 && (errno == EINTR || errno == EAGAIN) }
        pending.append(contentsOf: buffer[..<count])
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
            receive(String(decoding: pending[..<end], as: UTF8.self))
            pending.removeSubrange(...end)
        }
        if pending.count > Self.longest { finish() }
        return true
    }

    /// Passes on a last line without a newline.
    func finish() {
        if !pending.isEmpty { receive(String(decoding: pending, as: UTF8.self)) }
        pending = []
    }
}

/// A pipe whose ends no other process inherits.
private struct Pipe {
    let read, write: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw ZooError(.resourceExhausted, "no pipe for a worker: \(String(cString: strerror(errno)))")
        }
        (read, write) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }
}

/// What happens to descriptors between fork and exec.
private struct FileActions {
    #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
    #else
        var actions = posix_spawn_file_actions_t()
    #endif

    init() { posix_spawn_file_actions_init(&actions) }
    mutating func move(_ from: Int32, to target: Int32) { posix_spawn_file_actions_adddup2(&actions, from, target) }
    mutating func free() { posix_spawn_file_actions_destroy(&actions) }
}

/// Runs `body` with the attributes of a worker: its own process group, and the default action for every signal that we may
/// ignore.
private func withAttributes<R>(_ body: (UnsafePointer<posix_spawnattr_t>) -> R) -> R {
    #if canImport(Darwin)
        var attributes: posix_spawnattr_t?
    #else
        var attributes = posix_spawnattr_t()
    #endif
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (defaults, none) = (sigset_t(), sigset_t())
    sigemptyset(&defaults)
    sigemptyset(&none)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    return body(&attributes)
}

/// Runs `body` with a NULL-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return body(copies)
}
