import Foundation
import Synchronization
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecords
import ZooServices

/// A worker that trains or probes in a folder, as its host sees it.
struct RunWork: Sendable {
    /// As messages name it.
    let name: String
    let folder: URL
    /// The plugin's file; nil if it works with several.
    let plugin: String?
    let observer: any RunObserver
    /// How to continue after a stop.
    let again: String
    /// Where it is one of several ranks; nil: it is alone.
    var launch: Launch?

    /// What the worker has reported.
    private struct Reported {
        var failure: ZooError?
        var isDone = false
        var isStopped = false
        /// Every instance of the algorithm is destroyed.
        var hasEnded = false
        var hasStrayed = false

        var hasResult: Bool { failure != nil || isDone || isStopped }

        mutating func note(_ event: RunEvent) {
            switch event {
            case .failure(let code, let message): failure = ZooError(.init(rawValue: code) ?? .unknown, message)
            case .done: isDone = true
            case .stopped: isStopped = true
            case .ended: hasEnded = true
            case .phase, .step, .message, .log: break
            }
        }
    }

    /// Runs it to its end. Throws the worker's own error, or how it ended.
    ///
    /// It has done its work if it says so, whatever the status of its process. A crash after that is a warning.
    /// - Parameter lock: of the folder, which the worker holds too; nil for a rank that writes nothing there.
    func run(_ arguments: [String], _ lock: FolderLock?) throws {
        let reported = Mutex(Reported())
        let rank = launch?.rank ?? 0
        let log = try RunLog(in: folder, name: rank > 0 ? "log-rank-\(rank).txt" : "log.txt")
        func printed(_ stream: String) -> Worker.Output {
            .lines { line in
                // What comes after the result is about its end: a backtrace.
                guard log.printed(line, on: stream), !reported.withLock({ $0.hasResult }) else { return }
                observer.observe(name, .message("its process prints; all of it goes to \(log.url.path)"))
            }
        }
        var worker = Worker(["worker"] + arguments, output: printed("stdout"), errors: printed("stderr"))
        worker.report = { line in
            guard let event = RunEvent.parse(line) else { return false }
            reported.withLock { $0.note(event) }
            if case .log(let level, let message) = event {
                log.note("[plugin \(level)] \(message)")
            } else {
                if case .message(let text) = event, text.hasPrefix(Self.warning) {
                    log.note("[warning] \(text.dropFirst(Self.warning.count))")
                }
                observer.observe(name, event)
            }
            return event.isResult
        }
        worker.stray = { line in
            _ = log.printed(line, on: "to the host")
            let isFirst = reported.withLock { state in
                defer { state.hasStrayed = true }
                return !state.hasStrayed
            }
            if isFirst { say("\(culprit) writes to a descriptor of the host, which is not its own; see \(log.url.path)", log) }
        }
        worker.lock = lock
        if let launch { worker.environment[Launch.variable] = try JSON.text(launch) }
        let exit = try worker.runAndWait()
        let found = reported.withLock { $0 }
        if !found.hasEnded, found.isDone || found.failure != nil { say(afterwards(exit, found), log) }
        try log.close()
        if let error = found.failure { throw error }
        if found.isDone { return }
        if found.isStopped {
            // A signal to one rank stops all of them.
            guard LiveWorkers.shared.wasInterrupted || launch != nil else {
                throw ZooError(.aborted, "run '\(name)' was stopped by a signal sent only to its process; \(again)")
            }
            throw ZooError(.cancelled, "stopped; \(again)")
        }
        switch exit {
        case .ok:
            throw ZooError(
                .aborted,
                "run '\(name)' ended early: its process called exit(0), which only the algorithm's plugin can have done; see "
                    + log.url.path)
        case .interrupted: throw ZooError(.cancelled, "stopped; \(again)")
        default:
            let detail = log.last.isEmpty ? "" : "; its last output: \(log.last)"
            throw ZooError(.aborted, "\(exit.sentence(about: "run '\(name)'"))\(detail); see \(log.url.path)")
        }
    }

    private var culprit: String { plugin.map { "plugin \($0)" } ?? "a plugin" }

    /// A warning to people and to the log.
    private func say(_ line: String, _ log: RunLog) {
        log.note("[warning] \(line)")
        observer.observe(name, .message(Self.warning + line))
    }

    /// How a message begins that the log has, too.
    private static let warning = "warning: "

    /// What happened after the result, when only `destroy` was left to do.
    private func afterwards(_ exit: WorkerExit, _ found: Reported) -> String {
        let what =
            switch exit {
            case .ok: "\(culprit) ended the process by exit(0)"
            case .failed(let status): "\(culprit) ended the process by exit(\(status))"
            default: exit.sentence(about: culprit)
            }
        let state = found.isDone ? "the run had finished, and its results are complete" : "the run had failed already"
        return "\(what), in 'destroy' at the end: \(state)"
    }
}
