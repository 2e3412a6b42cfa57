import Foundation
import Synchronization
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecords
import ZooServices
import ZooTensor

/// Where the commands of a launch meet before their workers train together: rank 0 prepares the run, the others wait for it and check that
/// they were given the same.
///
/// Whichever fails says so here, and all of them end with its words.
final class RankMeeting: Sendable {
    /// As the workers join it.
    let launch: Launch
    private let store: RankStore
    private let timeout: Double
    /// Says every second that rank 0 is alive.
    nonisolated(unsafe) private let pulse: (any DispatchSourceTimer)?
    /// Where rank 0 says where it is; nil where everybody knows.
    private let note: URL?

    private static let pause = Duration.milliseconds(20)

    /// - Parameter folder: that the user named for the run; nil: none.
    init(_ launch: Launch, folder: URL?, timeout: Double) async throws {
        var launch = launch
        self.timeout = timeout
        let leads = launch.rank == 0
        note = try launch.address == nil ? RankMeeting.note(launch, folder) : nil
        if let note {
            if leads {
                launch.address = ProcessInfo.processInfo.hostName
            } else {
                let (address, port) = try await RankMeeting.read(note, launch, timeout)
                launch.address = address
                launch.port = port
            }
        }
        store = try launch.store(serves: leads && launch.servesStore, timeout: timeout)
        launch.port = store.port
        self.launch = launch
        guard leads else {
            pulse = nil
            return
        }
        if let note {
            try OutputFile.createFolder(note.deletingLastPathComponent())
            try OutputFile.write(Data("\(launch.address ?? "") \(store.port)\n".utf8), to: note)
        }
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now(), repeating: 1)
        let beats = Mutex(0)
        timer.setEventHandler { [store] in
            let beat = beats.withLock { count in
                count += 1
                return count
            }
            // Those who wait notice where it fails.
            try? store.set("pulse", "\(beat)")
        }
        timer.activate()
        pulse = timer
    }

    deinit {
        pulse?.cancel()
        if launch.rank == 0, let note { unlink(note.path) }
    }

    // MARK: - Where rank 0 is

    /// A file beside the run's folder, which all ranks see.
    private static func note(_ launch: Launch, _ folder: URL?) throws -> URL {
        guard let folder, !launch.id.isEmpty else {
            let way =
                launch.id.isEmpty
                ? "\(launch.launcher) names none of its launches, by which ranks would find each other"
                : "name a --run-dir that all machines see"
            throw ZooError(
                .invalidArgument,
                "rank \(launch.rank) of \(launch.launcher) does not know where rank 0 is: set MASTER_ADDR to rank 0's machine and "
                    + "MASTER_PORT to a free port there, such as 29500\(launch.id.isEmpty ? "; " : ", or ")\(way)")
        }
        return folder.deletingLastPathComponent().appending(path: ".\(folder.lastPathComponent).ranks-\(launch.id)")
    }

    private static func read(_ note: URL, _ launch: Launch, _ timeout: Double) async throws -> (String, Int) {
        let start = ContinuousClock.now
        while start.duration(to: .now) < .seconds(timeout) {
            let words = (try? String(contentsOf: note, encoding: .utf8))?.split(whereSeparator: \.isWhitespace) ?? []
            if words.count == 2, let port = Int(words[1]) {
                let host = String(words[0])
                return (host == ProcessInfo.processInfo.hostName ? "127.0.0.1" : host, port)
            }
            try await Task.sleep(for: pause)
        }
        throw ZooError(
            .unavailable,
            "rank \(launch.rank) waited \(timeout.formatted()) s for rank 0 to write \(note.path): a --run-dir must be on a disk that all "
                + "machines see")
    }

    // MARK: - The meeting

    /// Runs a rank's part, and tells the others if it fails.
    func attend<Result>(_ part: () async throws -> Result) async throws -> Result {
        do {
            let result = try await part()
            await leave()
            return result
        } catch {
            let failure = ZooError(plain: error)
            let isOthers = failure.message.hasPrefix("rank ") || failure.message.hasPrefix("the ranks ")
            let sentence = isOthers ? failure.message : "rank \(launch.rank): \(failure.message)"
            // Where rank 0 is gone there is nobody to tell.
            if (try? store.text(Ranks.failure)) == nil { try? store.set(Ranks.failure, sentence) }
            await leave()
            throw ZooError(failure.code, sentence)
        }
    }

    /// Rank 0 keeps the place until the others have gone, or a moment.
    private func leave() async {
        try? store.set("left/\(launch.rank)", "")
        guard launch.rank == 0 else { return }
        let start = ContinuousClock.now
        while start.duration(to: .now) < .seconds(2) {
            let others = 1..<launch.size
            if others.allSatisfy({ (try? store.text("left/\($0)")) != nil }) { return }
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Rank 0: the run is prepared.
    func announce(_ folder: URL) throws { try store.set("run", folder.standardizedFileURL.path) }

    /// The others: waits for the run, however long rank 0 prepares it.
    func run() async throws -> RunFolder {
        var (pulse, since) = ("", ContinuousClock.now)
        while true {
            try refuseFailure()
            if let path = try store.text("run") {
                let folder = RunFolder(URL(fileURLWithPath: path, isDirectory: true))
                guard folder.isBegun else {
                    throw ZooError(
                        .notFound,
                        "\(path), the run's folder, is not there for this rank: all ranks need to see it, on a shared disk where they are on "
                            + "several machines")
                }
                return folder
            }
            let now = try store.text("pulse") ?? ""
            if now != pulse { (pulse, since) = (now, .now) }
            guard since.duration(to: .now) < .seconds(timeout) else {
                throw ZooError(.unavailable, "rank 0 has not been heard of for \(timeout.formatted()) s")
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Waits until every rank has checked what it was given.
    func arrive() async throws {
        try store.set("here/\(launch.rank)", "")
        let start = ContinuousClock.now
        while true {
            try refuseFailure()
            let missing = try (0..<launch.size).filter { try store.text("here/\($0)") == nil }
            if missing.isEmpty { return }
            guard start.duration(to: .now) < .seconds(timeout) else {
                let ranks = missing.map(String.init).joined(separator: ", ")
                throw ZooError(
                    .unavailable, "rank \(ranks) of \(launch.size) has not come within rank_timeout: \(timeout.formatted()) s")
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    private func refuseFailure() throws {
        if let text = try store.text(Ranks.failure) { throw ZooError(.aborted, text) }
    }
}
