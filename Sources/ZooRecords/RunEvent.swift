import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe

/// A worker's messages to its parent, one JSON object per line on its standard output.
public enum RunEvent: Codable, Sendable {
    /// What it does before and after the iterations: "loading", "evaluating".
    case phase(String)
    /// After an iteration: the share of the budget that is spent, and the metrics.
    case step(Int, fraction: Double, metrics: [String: Double])
    /// A line for people.
    case message(String)
    /// The worker's one error.
    case failure(code: Int32, message: String)
    /// It ends because of a signal, with a checkpoint if there were iterations.
    case stopped
    /// The last message: the run is finished. A process that ends without it has failed, whatever its status.
    case done

    /// Writes the event as a line. If the parent is gone, the worker ends on its own.
    package static func send(_ event: RunEvent) {
        guard var line = try? JSON.encode(event, pretty: false) else { return }
        line.append(UInt8(ascii: "\n"))
        try? StandardStream.write(line)  // a parent that is gone has nothing to hear
    }

    /// Reports a line: to the parent if this is a worker, else on standard error.
    static func tell(_ line: String) {
        if ProcessInfo.processInfo.environment[Worker.marker] != nil { return send(.message(line)) }
        StandardStream.complain("zoo: \(line)")
    }

    public static func parse(_ line: String) -> RunEvent? {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try? decoder.decode(RunEvent.self, from: Data(line.utf8))
    }
}
