import Foundation
import ZooBase
import ZooKit

/// What three iterations do, in lines that another process of the same seed must repeat to the last bit.
enum ProcessTrace {
    static func lines(_ record: ScriptedHost.Record) -> [String] {
        func bits(_ value: Double) -> String { "\(value) (0x\(String(value.bitPattern, radix: 16)))" }
        func bits(_ values: [Double]) -> String {
            String(values.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ $1.bitPattern) &* 1_099_511_628_211 }, radix: 16)
        }
        var lines = ["the calls are \(record.calls.joined(separator: " "))"]
        for (index, loss) in record.losses.enumerated() {
            lines.append("loss \(index), of role '\(loss.role)', is \(bits(loss.value))")
            for (name, gradient) in loss.gradients.sorted(by: { $0.key < $1.key }) {
                lines.append("the digest of dLoss/d(\(name)) of loss \(index) is \(bits(gradient))")
            }
            for column in loss.batch.columns {
                lines.append("the digest of the column '\(column.name)' of loss \(index) is \(bits(column.doubles))")
            }
            lines.append("the tokens of loss \(index) have the digest \(bits(loss.batch.tokens.map(Double.init)))")
        }
        for metric in record.metrics { lines.append("the metric '\(metric.name)' is \(bits(metric.value))") }
        return lines
    }

    static func lines(of subject: Subject) throws -> [String] {
        let session = try Session(subject.plugin(), subject.id)
        try session.step(3)
        let state = try session.algorithm.save()
        return lines(session.host.record) + ["the saved state has the digest \(sha256(state).prefix(16))"]
    }
}

extension WorkerMain {
    /// `zoo worker digest FILE ALGORITHM`: reports the lines of a `ProcessTrace` as JSON.
    public static func digest(_ file: String, _ algorithm: String) throws {
        followHost()
        // A second later than the process that asked, so that a seed of the time of day is another one.
        usleep(1_050_000)
        try report(ProcessTrace.lines(of: Subject(path: file, id: algorithm)))
        HostChannel.end(0)
    }
}

extension ConformanceCase {
    static let processCases: [ConformanceCase] = [
        .each(
            "state/other-process", "Another process, at other addresses and another time, gives the same bits.",
            rule: "zoo/zoo.h: the same bits"
        ) { subject in
            let own = try ProcessTrace.lines(of: subject)
            var worker = Worker(
                ["worker", "digest", subject.path, subject.id],
                environment: ["ZOO_ELSEWHERE": String(repeating: "x", count: 10_000)])
            let answer = LineBox()
            worker.report = { line in
                answer.append(line)
                return true
            }
            let exit = try worker.runAndWait()
            guard exit == .ok, let others = answer.lines.last?.decoded([String].self) else {
                throw Finding(trial: "", expected: "the same run in another process", found: exit.sentence(about: "it"))
            }
            try expect(
                own.count == others.count, expected: "\(own.count) numbers in another process, too", found: "\(others.count)")
            for (one, other) in zip(own, others) {
                try expect(one == other, expected: "that in another process, too, \(one)", found: "that \(other)")
            }
            return "\(own.count) numbers"
        }
    ]
}

/// Lines that another thread adds.
private final class LineBox: @unchecked Sendable {
    private let lock = NSLock()
    private var kept: [String] = []
    var lines: [String] { lock.withLock { kept } }
    func append(_ line: String) { lock.withLock { kept.append(line) } }
}
