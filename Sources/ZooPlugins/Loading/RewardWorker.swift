import Foundation
import ZooBase
import ZooData
import ZooKit

/// A library's rewards, asked in a worker process: none of its code runs in the process that asks.
public struct RewardWorker: Sendable {
    private let file: String
    private let executable: String
    /// Seconds for one question.
    private static let deadline = 60.0

    /// - Parameter executable: what runs `worker rewards FILE` and `worker score FILE REQUEST`.
    public init(_ file: String, executable: String = Worker.loader()) {
        (self.file, self.executable) = (URL(fileURLWithPath: file).standardizedFileURL.path, executable)
    }

    /// What the library offers. Throws as ``RewardLibrary/init(path:as:)``, or how its process ended.
    public func rewards() async throws -> [RewardDescription] {
        let answer = try await worker(["rewards", file]).answer()
        return try report(answer).rewards ?? []
    }

    /// Makes a reward with these parameters and destroys it. Throws what is wrong with them, or how its process ended.
    package func check(_ reward: String?, parameters: [String: JSONValue]) throws {
        _ = try scores([], by: reward, parameters: parameters)
    }

    /// What a reward gives to completions, [n]; NaN where it cannot score one.
    package func scores(_ items: [RewardItem], by reward: String?, parameters: [String: JSONValue]) throws -> [Double] {
        let request = RewardRequest(reward: reward, parameters: parameters, samples: items.map(RewardRequest.Sample.init))
        let place = FileManager.default.temporaryDirectory.appending(path: "zoo-reward-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: place) }
        try OutputFile.write(JSON.encode(request, pretty: false), to: place)
        let report = try report(worker(["score", file, place.path]).answerAndWait())
        return (report.totals ?? []).map { $0 ?? .nan }
    }

    private func worker(_ words: [String]) -> Worker {
        Worker(["worker"] + words, deadline: Self.deadline, executable: executable)
    }

    private func report(_ answer: Worker.Answer) throws -> RewardReport {
        guard let report = answer.lines.last?.decoded(RewardReport.self) else {
            throw ZooError(.aborted, answer.failure(of: "library \(file)"))
        }
        if let failure = report.failure { throw ZooError(.init(rawValue: report.code ?? 2) ?? .unknown, failure) }
        return report
    }
}

/// What a worker is to score.
private struct RewardRequest: Codable {
    struct Sample: Codable {
        var prompt: String
        var completion: String
        var extras: [String: JSONValue]
        var tokens: [Int32]

        init(_ item: RewardItem) {
            (prompt, completion, extras, tokens) = (item.prompt, item.completion, item.extras, item.tokens)
        }
    }

    var reward: String?
    var parameters: [String: JSONValue]
    var samples: [Sample]
}

/// What a worker found, or the error.
private struct RewardReport: Codable {
    var rewards: [RewardDescription]?
    /// null where a sample is not scored.
    var totals: [Double?]?
    var code: Int32?
    var failure: String?

    static func of(_ body: () throws -> RewardReport) -> RewardReport {
        do { return try body() } catch {
            let error = ZooError(plain: error)
            return RewardReport(code: error.code.rawValue, failure: error.message.shown)
        }
    }
}

extension WorkerMain {
    /// `zoo worker rewards FILE`: reports the rewards that a library offers.
    public static func rewards(_ file: String) throws {
        followHost()
        try report(RewardReport.of { RewardReport(rewards: try RewardLibrary(path: file).rewards) })
        HostChannel.end(0)
    }

    /// `zoo worker score FILE REQUEST`: makes one of its rewards, which the file REQUEST names with parameters and samples, and reports
    /// what these get.
    public static func score(_ file: String, _ request: String) throws {
        followHost()
        let report = RewardReport.of {
            let request = try JSON.decode(RewardRequest.self, from: URL(fileURLWithPath: request))
            let reward = try RewardLibrary(keeping: file).create(request.reward, parameters: request.parameters) { _, message in
                StandardStream.complain(message)
            }
            guard !request.samples.isEmpty else { return RewardReport(totals: []) }
            var batch = Batch()
            for sample in request.samples {
                batch.tokens += sample.tokens
                batch.mask += sample.tokens.map { _ in true }
                batch.offsets.append(batch.mask.count)
            }
            let items = request.samples.map { RewardItem(prompt: $0.prompt, completion: $0.completion, extras: $0.extras) }
            return RewardReport(totals: try reward.score(batch.withTexts(of: items)).totals.map { $0.isNaN ? nil : $0 })
        }
        try self.report(report)
        HostChannel.end(0)
    }
}

extension Batch {
    /// The samples with the texts that a library's reward reads.
    package func withTexts(of items: [RewardItem]) throws -> Batch {
        var samples = self
        func set(_ name: String, _ text: (RewardItem) throws -> String) throws {
            samples.set(Column(name, perStep: false, .strings(try items.map(text))))
        }
        try set("prompt", \.prompt)
        try set("completion", \.completion)
        try set("extras") { try JSONValue.object($0.extras).text() }
        return samples
    }
}
