import Foundation
import ZooBase

/// Where a run's time went, span by span: `profile.json`, in the format of traces that Perfetto and Chrome open.
public struct ProfileTrace: Codable, Sendable {
    /// Lines of the trace. The spans of one lie within each other or apart.
    public enum Track: Int, Codable, Sendable, CaseIterable {
        /// What the process does outside iterations.
        case run = 1
        /// The plugin: its steps, and its losses.
        case plugin
        /// What the plugin asks of the host.
        case calls
        /// Passes of networks, as the ledger has them.
        case passes

        var title: String {
            switch self {
            case .run: "run"
            case .plugin: "plugin"
            case .calls: "host: calls"
            case .passes: "host: passes"
            }
        }
    }

    /// One event. `ts` and `dur` are in microseconds from the process's start.
    public struct Span: Codable, Sendable {
        public var name: String
        public var ph = "X"
        public var ts: Double
        public var dur: Double
        public var pid = 1
        public var tid: Track
        public var args: [String: Double]?

        public var seconds: Double { dur / 1e6 }
    }

    /// Names a track.
    private struct Title: Codable, Sendable {
        var name = "thread_name"
        var ph = "M"
        var pid = 1
        var tid: Track
        var args: [String: String]
    }

    public var spans: [Span] = []
    /// Spans that were left out, once there were too many.
    public var dropped = 0

    public init() {}

    private enum Keys: String, CodingKey { case traceEvents, dropped }
    private struct Kind: Codable { var ph: String }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        dropped = try values.decode(Int.self, forKey: .dropped)
        var kinds = try values.nestedUnkeyedContainer(forKey: .traceEvents)
        var events = try values.nestedUnkeyedContainer(forKey: .traceEvents)
        while !kinds.isAtEnd {
            if try kinds.decode(Kind.self).ph == "X" {
                spans.append(try events.decode(Span.self))
            } else {
                _ = try events.decode(Title.self)
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(dropped, forKey: .dropped)
        var events = values.nestedUnkeyedContainer(forKey: .traceEvents)
        for track in Track.allCases { try events.encode(Title(tid: track, args: ["name": track.title])) }
        for span in spans { try events.encode(span) }
    }
}

/// Records a profile while a run goes on. Not `Sendable`: it belongs to the run's thread.
package final class Profile {
    private var trace = ProfileTrace()
    /// Some minutes of the smallest models; a file of that many is 30 MB.
    private static let most = 200_000

    package init() {}

    package func note(
        _ name: String, _ track: ProfileTrace.Track, since start: Double, to end: Double = secondsNow(), flops: Double = 0,
        steps: Int = 0
    ) {
        guard trace.spans.count < Self.most else {
            trace.dropped += 1
            return
        }
        var arguments: [String: Double] = [:]
        if flops > 0 { arguments["flops"] = flops }
        if steps > 0 { arguments["steps"] = Double(steps) }
        trace.spans.append(
            .init(
                name: name, ts: (start - processStart) * 1e6, dur: (end - start) * 1e6, tid: track,
                args: arguments.isEmpty ? nil : arguments))
    }

    package func time<Result>(_ name: String, _ track: ProfileTrace.Track, _ body: () throws -> Result) rethrows -> Result {
        let start = secondsNow()
        defer { note(name, track, since: start) }
        return try body()
    }

    package func write(to url: URL) throws { try OutputFile.write(JSON.encode(trace), to: url) }
}
