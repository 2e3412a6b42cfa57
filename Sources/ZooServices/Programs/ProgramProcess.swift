import Foundation
import Synchronization
import ZooBase
import ZooPlugins

/// A process of the user's that is asked in lines on its standard input and answers in lines on its standard output.
///
/// Its standard error is this process's, and it belongs to this process's group: whatever ends a run ends it too. Where this process
/// alone is killed, it reads the end of its input.
final class ProgramProcess {
    /// Why there is no answer.
    enum Fault: Error {
        case unstartable(String)
        /// The process has ended, and how.
        case ended(WorkerExit)
        case late(seconds: Double)
        case endless
    }

    private let process: pid_t
    private let input: Int32
    private let output: Int32
    private var pending: [UInt8] = []
    private var isReaped = false
    /// Bytes of a line above which nothing is an answer.
    private static let longest = 1 << 30
    /// Pipes must not leak into a process that another thread starts at the same moment.
    private static let starting = Mutex(())

    init(_ executable: URL, _ words: [String], in folder: URL, environment: [String: String]) throws(Fault) {
        do {
            (process, input, output) = try Self.starting.withLock { _ in
                try Self.start(executable, words, folder, environment)
            }
        } catch let fault as Fault { throw fault } catch { throw .unstartable(plainWords(error)) }
    }

    deinit {
        close(input)
        close(output)
        guard !isReaped else { return }
        // A program that reads its input ends with it.
        let limit = ContinuousClock.now + .seconds(2)
        var status: Int32 = 0
        while ContinuousClock.now < limit {
            if waitpid(process, &status, WNOHANG) != 0 { return }
            usleep(2000)
        }
        kill(process, SIGKILL)
        waitpid(process, &status, 0)
    }

    private static func start(_ executable: URL, _ words: [String], _ folder: URL, _ environment: [String: String]) throws(Fault)
        -> (pid_t, Int32, Int32)
    {
        var (requests, answers): ([Int32], [Int32]) = ([0, 0], [0, 0])
        guard pipe(&requests) == 0 else { throw .unstartable(systemWords(errno)) }
        guard pipe(&answers) == 0 else {
            let number = errno
            for end in requests { close(end) }
            throw .unstartable(systemWords(number))
        }
        for end in requests + answers { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // The shell goes to the folder and becomes the program. What a run holds beyond its streams, such as its folder's lock, is not
        // the program's.
        let script = #"cd "$0" && exec "$@" 3>&-"#
        let arguments = ["/bin/sh", "-c", script, folder.path, executable.path] + words.dropFirst()
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, requests[0], 0)
        posix_spawn_file_actions_adddup2(&actions, answers[1], 1)
        var process: pid_t = 0
        let variables = environment.map { "\($0)=\($1)" }
        let status = withCStrings(arguments) { arguments in
            withCStrings(variables) { variables in
                withAttributes { posix_spawn(&process, "/bin/sh", &actions, $0, arguments, variables) }
            }
        }
        close(requests[0])
        close(answers[1])
        guard status == 0 else {
            close(requests[1])
            close(answers[0])
            throw .unstartable(systemWords(status))
        }
        _ = fcntl(requests[1], F_SETFL, O_NONBLOCK)
        return (process, requests[1], answers[0])
    }

    /// Writes a line and waits for the next one.
    ///
    /// - Parameter timeout: in seconds; the process is killed if it takes longer.
    func answer(to line: String, timeout: Double) throws(Fault) -> String {
        var rest = ArraySlice(Array(line.utf8) + [UInt8(ascii: "\n")])
        let limit = ContinuousClock.now + .seconds(timeout)
        while true {
            if rest.isEmpty, let line = takeLine() { return line }
            let left = limit - .now
            guard left > .zero else {
                kill(process, SIGKILL)
                _ = reap()
                throw .late(seconds: timeout)
            }
            // A read of the answers never waits for the rest of the request to be taken.
            var polled = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
            if !rest.isEmpty { polled.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
            let wait = min(1000, left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
            guard poll(&polled, nfds_t(polled.count), Int32(wait)) > 0 else { continue }
            // What a process says before it ends is read, though it takes no more.
            if polled.count > 1, polled[1].revents != 0, !write(&rest) { rest = [] }
            if polled[0].revents != 0, !read() { throw .ended(reap()) }
            if pending.count > Self.longest { throw .endless }
        }
    }

    /// Writes what the pipe takes; false if the process reads no more.
    private func write(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let count = rest.withUnsafeBytes { Foundation.write(input, $0.baseAddress, $0.count) }
        if count >= 0 { rest = rest.dropFirst(count) } else if errno != EAGAIN && errno != EINTR { return false }
        return true
    }

    /// Reads what there is; false at the end.
    private func read() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = Foundation.read(output, &buffer, buffer.count)
        if count > 0 { pending += buffer[..<count] }
        return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN))
    }

    private func takeLine() -> String? {
        guard let end = pending.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { pending.removeSubrange(...end) }
        return String(decoding: pending[..<end], as: UTF8.self)
    }

    /// How the process ended, which has closed its streams or was killed.
    private func reap() -> WorkerExit {
        var status: Int32 = 0
        let limit = ContinuousClock.now + .seconds(1)
        while !isReaped {
            let found = waitpid(process, &status, WNOHANG)
            if found == process { isReaped = true }
            if found < 0 && errno != EINTR { return .failed(status: -1) }
            // One that only closed its streams answers no more either.
            if ContinuousClock.now > limit { kill(process, SIGKILL) }
            if !isReaped { usleep(1000) }
        }
        return WorkerExit(waitStatus: status, wasInterrupted: false)
    }
}

private func systemWords(_ number: Int32) -> String { String(cString: strerror(number)) }

/// Runs `body` with the attributes of a program: no signal is blocked, and a pipe without a reader ends it; Ctrl-C, which a run
/// ignores until its iteration is done, it ignores too.
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
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    return body(&attributes)
}

/// Runs `body` with a NULL-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return body(copies)
}
