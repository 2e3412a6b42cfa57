import Foundation
import ZooBase
import ZooKit
import ZooModels
import ZooRecipe
import ZooRecords

/// Samples of the policy by an inference server.
///
/// The server gets the weights as a folder, and only when they changed or it lost them; whatever it answers is checked. What fails for
/// a moment is tried again, after the weights were handed over anew.
package final class RolloutServer {
    /// The weights that are to be sampled.
    package struct Policy {
        var network: any Network
        /// The same as long as its weights are the same.
        var name: String

        package init(_ network: any Network, named name: String) { (self.network, self.name) = (network, name) }
    }

    /// What sampling took.
    package struct Cost {
        /// All but handing weights over: mostly waiting for samples, or for a server that is gone.
        package var seconds = 0.0
        /// Handing weights over, writing them included; how often, and their files' bytes.
        package var handOverSeconds = 0.0
        package var handOvers = 0
        package var handOverBytes = 0
    }

    /// Weights that the server got.
    private struct Held {
        /// The policy's name for them, and the server's.
        var name: String
        var label: String
        var folder: URL
        var bytes: Int
        /// What the server says that tells them from others.
        var checksum: String?
    }

    private let settings: ServerSettings
    private let connection: ServerConnection
    private let engine: any ServerEngine
    /// Weights are written in here.
    private let folder: URL
    /// Tells the weights of this process from those of others.
    private let name = "\(labelPrefix)\(UUID().uuidString.prefix(8).lowercased())"
    /// What the names of weights begin with.
    static let labelPrefix = "policyzoo-"
    /// The last weights that were handed over.
    private var held: Held?
    /// Whether the server may have lost them.
    private var isLost = true
    /// Hand-overs so far.
    private var count = 0
    /// Seconds before the first repetition; each further one waits twice as long, up to half a minute.
    private static let pause = 0.25

    /// - Parameter folder: of this alone; what is left there from a process that was killed is removed.
    /// - Throws: ``FileError`` if the file of headers cannot be read.
    package init(_ settings: ServerSettings, folder: URL) throws {
        (self.settings, self.folder) = (settings, folder)
        connection = try ServerConnection(settings)
        engine = settings.engine.make(connection)
    }

    /// Hears that the server is there and samples as a trainer needs it.
    package func check(isAdapter: Bool) throws {
        do {
            try repeating {
                try engine.check(isAdapter: isAdapter)
            } isCancelled: {
                false
            }
        } catch let fault as ServerFault { throw described(fault) }
    }

    /// Removes what was written for the server, which keeps the last weights.
    package func end() { OutputFolder.discard(folder) }

    /// `samples` continuations of each prompt, prompt-major, with the server's own log-probabilities.
    ///
    /// - Parameters:
    ///   - seed: of the first sample; each further one has the next.
    ///   - isCancelled: is asked a few times in a second; a cancelled call throws `CancellationError`.
    package func sample(
        _ prompts: [[Int32]], samples: Int, _ sampler: SamplerSettings, of policy: Policy, seed: Int,
        isCancelled: @escaping () -> Bool
    ) throws -> (drawn: Generation, cost: Cost) {
        connection.isCancelled = isCancelled
        defer { connection.isCancelled = { false } }
        let requests = prompts.enumerated().map {
            ServerRequest(prompt: $1, samples: samples, seed: seed + $0 * samples, settings: sampler)
        }
        let start = secondsNow()
        var cost = Cost()
        var found = [[ServerSample]?](repeating: nil, count: requests.count)
        do {
            try repeating {
                try handOver(policy, &cost)
                try draw(requests, into: &found)
            } isCancelled: {
                isCancelled()
            }
        } catch let fault as ServerFault {
            if fault.isCancelled || isCancelled() { throw CancellationError() }
            throw described(fault)
        }
        let drawn = Self.generation(prompts, found.compactMap(\.self), sampler)
        cost.seconds = secondsNow() - start - cost.handOverSeconds
        return (drawn, cost)
    }

    /// Tries again what failed for a moment.
    private func repeating(_ body: () throws -> Void, isCancelled: () -> Bool) throws {
        var tries = 0
        while true {
            do { return try body() } catch var fault as ServerFault {
                isLost = true
                guard fault.isPassing, !fault.isCancelled, !isCancelled(), tries < settings.retries else {
                    if tries > 0 { fault.reason += ", after \(tries + 1) tries" }
                    throw fault
                }
                let end = secondsNow() + min(30, Self.pause * Double(1 << min(tries, 8)))
                while secondsNow() < end, !isCancelled() { Thread.sleep(forTimeInterval: 0.1) }
                tries += 1
            }
        }
    }

    /// An error about this server.
    package func described(_ reason: String, _ code: ZooError.Code) -> ZooError {
        ZooError(code, "rollout.server (\(settings.engine.rawValue) at \(settings.url.absoluteString)): \(reason)")
    }

    private func described(_ fault: ServerFault) -> ZooError {
        described(fault.reason, fault.isPassing ? .unavailable : .failedPrecondition)
    }

    /// Refuses log-probabilities that are too far from the trainer's.
    ///
    /// - Parameters:
    ///   - mean: of the differences of all tokens, in nats.
    ///   - most: the largest of them.
    package func require(mean: Double, most: Double, tokens: Int) throws {
        guard mean > settings.logpBound else { return }
        func text(_ value: Double) -> String { String(format: "%.3g", value) }
        // It packs that layer where it starts, and a reload reads no weights for it (vLLM 0.32).
        let known =
            settings.engine == .vllm
            ? "; on a CPU, vLLM keeps the first output layer of a model that shares it with the embedding: train an adapter" : ""
        throw described(
            "its log-probabilities differ from the trainer's by \(text(mean)) nats in the mean over \(tokens) tokens, by \(text(most)) "
                + "at most; expected a mean up to logp_bound, \(text(settings.logpBound)): it scales by another temperature, has other "
                + "weights, or computes too coarsely\(known)", .failedPrecondition)
    }

    // MARK: - Weights

    /// Hands the weights over unless the server has them and calls them so.
    private func handOver(_ policy: Policy, _ cost: inout Cost) throws {
        if let held, !isLost, held.name == policy.name {
            let weights = try engine.weights()
            if weights == nil || weights == held.label { return }
        }
        let start = secondsNow()
        defer { cost.handOverSeconds += secondsNow() - start }
        let isAdapter = policy.network.isAdapted
        // One that came back may sample in another way.
        try engine.check(isAdapter: isAdapter)
        // Each time by another name: what was drawn before it was lost is not taken for what came after.
        count += 1
        var next = try written(policy)
        next.label = "\(name)-\(count)"
        cost.handOvers += 1
        cost.handOverBytes += next.bytes
        next.checksum = try engine.load(next.folder, label: next.label, isAdapter: isAdapter)
        try checkChange(from: held, to: next)
        if let held, held.folder != next.folder { OutputFolder.discard(held.folder) }
        (held, isLost) = (next, false)
    }

    /// The folder of these weights, written unless it is there.
    private func written(_ policy: Policy) throws -> Held {
        if let held, held.name == policy.name { return held }
        // The last weights stay until the server has shown that it has others.
        if held == nil { OutputFolder.discard(folder) }
        let target = folder.appending(path: "weights-\(count)", directoryHint: .isDirectory)
        try OutputFolder.write(target, existing: .replace) { try policy.network.save(to: $0) }
        let bytes = try InputFolder.files(in: target).reduce(0) { sum, name in
            let values = try target.appending(path: name).resourceValues(forKeys: [.fileSizeKey])
            return sum + (values.fileSize ?? 0)
        }
        return Held(name: policy.name, label: "", folder: target, bytes: bytes)
    }

    /// Refuses a server that did not take what it said it took: other weights have another checksum, the same ones the same.
    private func checkChange(from old: Held?, to new: Held) throws(ServerFault) {
        guard let old, let before = old.checksum, let after = new.checksum else { return }
        if old.name == new.name {
            guard before == after else {
                throw ServerFault(
                    reason:
                        "the weights '\(new.name)' have another checksum than when they were handed over first; restart "
                        + "the server")
            }
        } else if before == after, !Self.hold(old.folder, new.folder) {
            throw ServerFault(
                reason:
                    "it says that it took the weights '\(new.name)', and its checksum is still that of '\(old.name)': it would "
                    + "sample from stale weights; restart it")
        }
    }

    /// Whether two folders have the same files.
    private static func hold(_ a: URL, _ b: URL) -> Bool {
        guard let names = try? InputFolder.files(in: a), names == (try? InputFolder.files(in: b)) else { return false }
        return names.allSatisfy {
            FileManager.default.contentsEqual(atPath: a.appending(path: $0).path, andPath: b.appending(path: $0).path)
        }
    }

    // MARK: - Samples

    /// Asks for what is not found yet. What was drawn stays found only if the weights are still the ones that were handed over.
    private func draw(_ requests: [ServerRequest], into found: inout [[ServerSample]?]) throws {
        guard let held else { throw ServerFault(reason: "it has no weights") }
        let missing = requests.indices.filter { found[$0] == nil }
        let answers = engine.samples(missing.map { requests[$0] })
        var fresh: [Int: [ServerSample]] = [:]
        var passing: ServerFault?
        for (index, answer) in zip(missing, answers) {
            do {
                let samples = try answer.get()
                try Self.check(samples, of: requests[index], held.label)
                fresh[index] = samples
            } catch {
                guard error.isPassing else { throw error }
                passing = passing ?? error
            }
        }
        if let weights = try engine.weights(), weights != held.label {
            throw ServerFault(
                reason:
                    "its weights are called '\(weights)' after sampling; expected '\(held.label)': it was restarted, or another "
                    + "program changed them", isPassing: true)
        }
        for (index, samples) in fresh { found[index] = samples }
        if let passing { throw passing }
    }

    /// Refuses samples that are not what was asked for.
    private static func check(_ samples: [ServerSample], of request: ServerRequest, _ label: String) throws(ServerFault) {
        func wrong(_ reason: String) -> ServerFault { ServerFault(reason: "a wrong answer: \(reason)") }
        guard samples.count == request.samples else {
            throw wrong("\(samples.count) samples of a prompt; expected \(request.samples)")
        }
        let (most, ends) = (request.settings.maxNewTokens, request.settings.endTokens.map(Int.init))
        for sample in samples {
            if let weights = sample.weights, weights != label {
                throw ServerFault(reason: "a sample of the weights '\(weights)'; expected '\(label)'", isPassing: true)
            }
            if let prompt = sample.prompt, prompt != request.prompt.map(Int.init) {
                throw wrong(
                    "it read the prompt as \(prompt.count) other token ids (\(prompt.prefix(4))…); expected "
                        + "\(request.prompt.count) (\(request.prompt.prefix(4))…): does it have the policy's tokenizer?")
            }
            let tokens = sample.tokens
            guard ["stop", "length"].contains(sample.reason) else {
                throw ServerFault(reason: "a sample ended by '\(sample.reason ?? "nothing")'", isPassing: true)
            }
            guard !tokens.isEmpty, tokens.count <= most else {
                throw wrong("a sample of \(tokens.count) tokens; expected 1 to \(most)")
            }
            guard sample.logp.count == tokens.count else {
                throw wrong("\(sample.logp.count) log-probabilities of \(tokens.count) tokens")
            }
            if let logp = sample.logp.first(where: { !($0 <= 1e-3) }) {
                throw wrong("a log-probability of \(logp); expected a number up to 0")
            }
            guard tokens.allSatisfy({ Int32(exactly: $0).map { $0 >= 0 } ?? false }) else {
                throw wrong("a token id that is none: \(tokens.first { Int32(exactly: $0).map { $0 < 0 } ?? true } ?? 0)")
            }
            let end = tokens.firstIndex(where: ends.contains)
            guard sample.reason == "stop" ? end == tokens.count - 1 : end == nil && tokens.count == most else {
                throw wrong(
                    "a sample of \(tokens.count) tokens that ended by '\(sample.reason ?? "")', with an end token at "
                        + "\(end.map { "place \($0 + 1)" } ?? "no place"); the end tokens are \(ends), the limit \(most)")
            }
        }
    }

    private static func generation(
        _ prompts: [[Int32]], _ samples: [[ServerSample]], _ sampler: SamplerSettings
    ) -> Generation {
        var (offsets, tokens, mask) = ([0], [Int32](), [Bool]())
        for (prompt, own) in zip(prompts, samples) {
            for sample in own {
                tokens += prompt + sample.tokens.map { Int32($0) }
                mask += prompt.map { _ in false } + sample.tokens.map { _ in true }
                offsets.append(tokens.count)
            }
        }
        let all = samples.joined()
        return Generation(
            sequences: Sequences(
                offsets: offsets, tokens: tokens, mask: mask, temperature: all.map { _ in Float(sampler.temperature) }),
            logp: all.flatMap { $0.logp.map { Float($0) } }, finished: all.map { $0.reason == "stop" })
    }
}
