import Foundation
import ZooFiles
import ZooPlugins
import ZooRecipe

/// What a worker tells its parent, one JSON object a line on its standard output.
public enum RunEvent: Codable, Sendable {
    /// What it is busy with before and after the steps: "loading", "evaluating".
    case phase(String)
    /// After a step: the share of the budget that is spent, and the step's metrics.
    case step(Int, fraction: Double, metrics: [String: Double])
    /// A line for people.
    case message(String)
    /// The worker's one error.
    case failure(code: Int32, message: String)
    /// It ends as a signal asked it to, with a checkpoint where it has made steps.
    case stopped
    /// Its last word: what it was to make is whole. A process that ends without it has failed, whatever its status.
    case done

    /// Writes the event as a line. A parent that is gone cannot be told anything: the worker then ends by itself.
    package static func send(_ event: RunEvent) {
        guard var line = try? JSON.encode(event, pretty: false) else { return }
        line.append(UInt8(ascii: "\n"))
        try? StandardStream.write(line)  // a parent that is gone has nothing to hear
    }

    /// Says a line to whoever looks: the parent where this is a worker, else standard error.
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
