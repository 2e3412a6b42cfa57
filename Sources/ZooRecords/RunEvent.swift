import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe

/// A worker's messages to its parent, one JSON object per line on the channel between them.
public enum RunEvent: Codable, Sendable {
    /// What it does before and after the iterations: "loading", "evaluating".
    case phase(String)
    /// After an iteration: the share of the budget that is spent, the metrics, and the seconds until the run's end, its evaluations
    /// included, if that can be told.
    case step(Int, fraction: Double, metrics: [String: Double], left: Double?)
    /// A line for people.
    case message(String)
    /// A line that the algorithm logs; the level is a word, "warning".
    case log(level: String, message: String)
    /// The worker's one error.
    case failure(code: Int32, message: String)
    /// It ends because of a signal, with a checkpoint if there were iterations.
    case stopped
    /// The run is finished. A process that ends without it has failed, whatever its status.
    case done
    /// The last message, after every instance of the algorithm was destroyed.
    case ended

    /// Whether it says how the work ended: what comes after it is only the end of the process.
    package var isResult: Bool {
        switch self {
        case .failure, .stopped, .done: true
        case .phase, .step, .message, .log, .ended: false
        }
    }

    /// Reports the event to the parent; does nothing in a process that is not a worker.
    package static func send(_ event: RunEvent) {
        // JSON of these types cannot fail.
        if let line = try? JSON.encode(event.cleaned, pretty: false) { HostChannel.send(line) }
    }

    /// Reports a line that a plugin logs.
    ///
    /// - Parameter level: of the contract, `ZOO_LEVEL_*`.
    package static func log(_ level: Int32, _ message: String) {
        let words = ["debug", "info", "warning"]
        send(.log(level: words.indices.contains(Int(level)) ? words[Int(level)] : "error", message: message))
    }

    /// Reports a line: to the parent if this is a worker, else on standard error.
    static func tell(_ line: String) {
        if HostChannel.isOpen { return send(.message(line)) }
        StandardStream.complain("zoo: \(line)")
    }

    /// The same with text in which nothing controls a terminal: a plugin's words are in it.
    private var cleaned: RunEvent {
        switch self {
        case .message(let line): .message(line.shown)
        case .log(let level, let message): .log(level: level, message: message.withoutEscapes)
        case .failure(let code, let message): .failure(code: code, message: message.shown)
        case .phase, .step, .stopped, .done, .ended: self
        }
    }

    public static func parse(_ line: String) -> RunEvent? {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try? decoder.decode(RunEvent.self, from: Data(line.utf8))
    }
}
