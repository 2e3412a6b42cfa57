import Foundation
import Synchronization
import ZooBase

/// `log.txt` in a run's folder: what the plugin logs, and what its process prints, each line once and marked.
final class RunLog: Sendable {
    let url: URL
    private struct State {
        let file: FileHandle
        var bytes = 0
        /// The last line that the process printed.
        var last = ""
        var hasPrinted = false
    }
    private let state: Mutex<State>
    /// Of one process, after which nothing more is written.
    private static let most = 16 << 20

    /// Opens the folder's log, at its end.
    init(in folder: URL, name: String = "log.txt") throws {
        url = folder.appending(path: name)
        // At its end, whoever else appends to it. Under its own name at once: the holder of the folder's lock sweeps half-written files
        // away, and a rank that writes nothing but its log is not the holder.
        let descriptor = open(url.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(writing: url.path, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)) }
        state = Mutex(State(file: FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)))
    }

    /// The last line that the process printed; empty if there is none.
    var last: String { state.withLock { $0.last } }

    /// Takes a line that the run's process printed.
    ///
    /// - Parameter stream: "stdout".
    /// - Returns: whether it is the first.
    func printed(_ line: String, on stream: String) -> Bool {
        let text = line.withoutEscapes
        guard !text.isEmpty else { return false }
        return state.withLock { state in
            defer { state.hasPrinted = true }
            state.last = String(text.prefix(500))
            Self.write("[plugin \(stream)] \(text)", &state)
            return !state.hasPrinted
        }
    }

    /// Takes a line of the host's, or one that the plugin logs.
    func note(_ line: String) { state.withLock { Self.write(line.shownOnOneLine, &$0) } }

    func close() throws { try state.withLock { try $0.file.close() } }

    private static func write(_ line: String, _ state: inout State) {
        guard state.bytes <= most else { return }
        var data = Data((line + "\n").utf8)
        state.bytes += data.count
        if state.bytes > most { data += Data("[more than \(most >> 20) MiB: what follows is left out]\n".utf8) }
        // A log that cannot be written does not end the run.
        try? state.file.write(contentsOf: data)
    }
}
