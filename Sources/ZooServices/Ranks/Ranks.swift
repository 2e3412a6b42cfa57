import Foundation
import ZooBase
import ZooKit
import ZooTensor

/// The processes that train one run together, as one of them sees them; or a process alone whose sums are to have the bits that any
/// number of ranks has.
///
/// The plugin runs on every rank with the same seeds and sees the whole of every batch, so that groups, whitening and minibatches are
/// what they are in one process. What the host computes for it is split, and gathered again.
package final class Ranks {
    package let rank: Int
    package let size: Int
    /// Whether bits must not depend on the number of ranks: gradients are summed exactly, and what is computed together comes from the
    /// recipe alone.
    package let isReproducible: Bool
    let group: RankGroup?
    /// Reports surprising facts.
    package var notice: (String) -> Void = { _ in }
    private let store: RankStore?
    private let timeout: Double
    /// Seconds in calls to the others, waiting for them included.
    package private(set) var seconds = 0.0

    /// Rows of samples that are decoded together where bits must not depend on the number of ranks.
    private static let rowsTogether = 16

    /// A process alone.
    package init(reproducible: Bool) {
        (rank, size, isReproducible, timeout) = (0, 1, reproducible, 0)
        (group, store) = (nil, nil)
    }

    /// Joins the others of a launch; `address` and `port` are those of its store.
    ///
    /// - Parameter timeout: seconds after which a rank that does not answer is given up.
    package init(joining launch: Launch, reproducible: Bool, timeout: Double) throws {
        (rank, size, isReproducible, self.timeout) = (launch.rank, launch.size, reproducible, timeout)
        let store = try launch.store(serves: false, timeout: timeout)
        self.store = store
        try Ranks.meet(launch, store, timeout)
        do {
            group = try RankGroup(
                store, rank: launch.rank, size: launch.size, timeout: timeout,
                address: launch.isOnThisMachine ? "127.0.0.1" : "")
        } catch {
            throw Ranks.explained(error, "joining the others", launch.rank, launch.size, store, timeout)
        }
    }

    /// Waits until all are there, or one has failed: joining waits for those who will never come.
    private static func meet(_ launch: Launch, _ store: RankStore, _ timeout: Double) throws {
        let start = ContinuousClock.now
        do {
            try store.set("worker/\(launch.rank)", "")
            while true {
                if let text = try store.text(failure) { throw ZooError(.aborted, text) }
                let missing = try (0..<launch.size).filter { try store.text("worker/\($0)") == nil }
                if missing.isEmpty { return }
                guard start.duration(to: .now) < .seconds(timeout) else {
                    let ranks = missing.map(String.init).joined(separator: ", ")
                    throw ZooError(
                        .unavailable, "rank \(ranks) of \(launch.size) is not ready within rank_timeout: \(timeout.formatted()) s"
                    )
                }
                Thread.sleep(forTimeInterval: 0.02)
            }
        } catch let error as TensorError {
            throw ZooError(
                .unavailable, "rank 0 has ended or cannot be reached, and with it the place where the ranks meet (\(error))")
        }
    }

    /// Where the networks are on GPUs, lets those send one another what they would send by way of the host's memory, if the library for
    /// that is there.
    package func use(_ device: Device) throws {
        guard device != .cpu, let group, let store else { return }
        let beside = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "libzoo-nccl.so").path ?? ""
        let library = ProcessInfo.processInfo.environment["POLICYZOO_NCCL"] ?? beside
        let isHere = FileManager.default.fileExists(atPath: library)
        guard try !any(!isHere, "whether NCCL is there") else {
            if writes {
                notice(
                    "gradients go from GPU to GPU by way of the host's memory: not every rank has \(library), which `make nccl` builds"
                )
            }
            return
        }
        do { try group.useDevices(store, library: library, device, timeout: timeout) } catch {
            throw Self.explained(error, "'joining the GPUs'", rank, size, store, timeout)
        }
    }

    /// Whether there are others.
    package var areSeveral: Bool { size > 1 }
    /// Whether this rank writes the run's files.
    package var writes: Bool { rank == 0 }

    /// Whether this rank does the piece of work of that number.
    func does(_ index: Int) -> Bool { index % size == rank }

    /// The prompts that are sampled together, in order; the parts of one call.
    func parts(ofPrompts count: Int, samples: Int) -> [Range<Int>] {
        guard isReproducible else {
            let parts = min(count, size)
            return (0..<parts).map { $0 * count / parts..<($0 + 1) * count / parts }
        }
        let prompts = max(1, Self.rowsTogether / max(1, samples))
        return stride(from: 0, to: count, by: prompts).map { $0..<min(count, $0 + prompts) }
    }

    /// The sequences that this rank scores.
    func part(of count: Int) -> Range<Int> { rank * count / size..<(rank + 1) * count / size }

    // MARK: - Calls

    /// Every rank's message, by rank.
    ///
    /// - Parameter call: what it is for: the same on every rank.
    func gather(_ message: RankMessage, _ call: String) throws -> [RankReader] {
        guard let group else { return [RankReader(message.bytes)] }
        return try timed(call) { try group.gather(message.bytes, call) }.map(RankReader.init)
    }

    /// Adds up the gradients of all ranks.
    func sum(_ parameters: [NamedTensor], _ call: String) throws {
        guard let group else { return }
        try timed(call) { try group.sumGradients(parameters, call) }
    }

    /// Adds up exact sums over all ranks, and makes them the gradients.
    func give(_ sums: ExactSums, _ call: String) throws { try timed(call) { try sums.give(group, call) } }

    func timed<Result>(_ call: String, _ body: () throws -> Result) throws -> Result {
        let start = DispatchTime.now().uptimeNanoseconds
        defer { seconds += Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9 }
        do { return try body() } catch {
            guard let store else { throw error }
            throw Self.explained(error, "'\(call)'", rank, size, store, timeout)
        }
    }

    /// Every rank's numbers, by rank.
    package func numbers(_ own: [Double], _ call: String) throws -> [[Double]] {
        var message = RankMessage()
        message.put(own)
        return try gather(message, call).map { message in
            var message = message
            return try message.numbers(Double.self)
        }
    }

    /// Rank 0's number, such as the time.
    package func first(_ number: Double, _ call: String) throws -> Double { try numbers([number], call)[0][0] }

    /// Whether it is so on any rank.
    package func any(_ flag: Bool, _ call: String) throws -> Bool {
        guard areSeveral else { return flag }
        var message = RankMessage()
        message.put(flag ? 1 : 0)
        return try gather(message, call).contains { message in
            var message = message
            return try message.number() != 0
        }
    }

    /// Every rank's text, by rank.
    package func texts(_ own: String, _ call: String) throws -> [String] {
        var message = RankMessage()
        message.put(own)
        return try gather(message, call).map { message in
            var message = message
            return try message.text()
        }
    }

    /// Waits until all ranks are here.
    package func meet(_ call: String) throws { _ = try gather(RankMessage(), call) }

    /// Throws on every rank, with what differs where, unless all hold the same.
    package func agree(_ print: RankPrint, _ call: String) throws {
        guard areSeveral else { return }
        var message = RankMessage()
        message.put(print)
        var found = try gather(message, call)
        try Self.require(found.indices.map { try found[$0].print() }, call)
    }

    static func require(_ prints: [RankPrint], _ call: String) throws {
        for (rank, other) in prints.enumerated() {
            guard let what = other.difference(from: prints[0]) else { continue }
            throw ZooError(
                .internal,
                "the ranks have come apart in '\(call)': on rank \(rank), \(what) is not what it is on rank 0. Every rank must compute the "
                    + "same: a plugin that reads the clock, or a file of its own machine, does not")
        }
    }

    // MARK: - Failure

    /// Under which a rank's host says why it has failed.
    package static let failure = "failure"

    /// How long the others' words are waited for.
    private static let patience = 3.0

    /// Gloo's text without the place in its source and its advice.
    private static func short(_ text: String) -> String {
        var text = text[...]
        if text.hasPrefix("["), let end = text.range(of: "] ") { text = text[end.upperBound...] }
        if let advice = text.range(of: ". This is typically") { text = text[..<advice.lowerBound] }
        return String(text)
    }

    /// What became of the others, as far as they have said; which is more than that a connection was closed.
    private static func explained(
        _ error: any Error, _ call: String, _ rank: Int, _ size: Int, _ store: RankStore, _ timeout: Double
    ) -> ZooError {
        let reason = Self.short(plainWords(error))
        guard !reason.hasPrefix("the ranks have come apart") else { return ZooError(.internal, reason) }
        do {
            try store.set("lost/\(rank)", call)
            let start = ContinuousClock.now
            var silent = Array(0..<size)
            while start.duration(to: .now) < .seconds(patience) {
                if let text = try store.text(failure) { return ZooError(.aborted, text) }
                silent = try silent.filter { try store.text("lost/\($0)") == nil }
                Thread.sleep(forTimeInterval: 0.05)
            }
            guard !silent.isEmpty else {
                return ZooError(.unavailable, "rank \(rank): the ranks have lost one another at \(call): \(reason)")
            }
            let ranks = silent.map(String.init).joined(separator: ", ")
            return ZooError(
                .unavailable,
                "rank \(ranks) has not answered rank \(rank) at \(call): it hangs, has ended, or took longer than rank_timeout: "
                    + "\(timeout.formatted()) s (\(reason))")
        } catch {
            return ZooError(
                .unavailable,
                "rank 0 has ended or cannot be reached, and with it the place where the ranks meet; rank \(rank) was at \(call) (\(reason))"
            )
        }
    }
}

extension Launch {
    /// Where the ranks meet; nothing is there before it is known.
    package func store(serves: Bool, timeout: Double) throws -> RankStore {
        do {
            return try RankStore(
                host: serves ? address ?? "" : isOnThisMachine ? "127.0.0.1" : address ?? "", port: port ?? 0, serves: serves,
                prefix: "zoo.\(id)", timeout: timeout)
        } catch {
            throw ZooError(
                .unavailable,
                serves
                    ? "rank 0 cannot serve the place where the ranks meet, port \(port ?? 0): \(plainWords(error))"
                    : "rank \(rank) cannot reach rank 0 at \(address ?? "an unknown address"), port \(port ?? 0), within "
                        + "\(timeout.formatted()) s: \(plainWords(error))")
        }
    }

    /// Whether all ranks are here, as far as the address says.
    var isOnThisMachine: Bool { ["localhost", "127.0.0.1", "::1"].contains(address ?? "") }
}
