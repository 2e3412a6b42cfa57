import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// Kills, damage and several commands at once, on runs of a tiny task. Whatever is done to a run, what follows is the same run, bit for
/// bit, or a refusal in one sentence that names a file or a folder.
///
/// The short form is one of the tests; `make campaign SECONDS=600 SEED=7` takes its time and draws by that seed.
@Suite("campaign", .serialized)
struct CampaignTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private var random: Draw
    private let limit: ContinuousClock.Instant
    private var whole: URL { folder.url.appending(path: "whole") }
    private var run: URL { folder.url.appending(path: "run") }

    private static let settings = ProcessInfo.processInfo.environment
    private static let seed = settings["ZOO_CAMPAIGN_SEED"].flatMap(UInt64.init) ?? 1
    /// Of each of the four parts.
    private static let seconds = settings["ZOO_CAMPAIGN_SECONDS"].flatMap(Double.init).map { $0 / 4 } ?? 8

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        random = Draw(state: Self.seed)
        limit = .now + .seconds(Self.seconds)
    }

    private static let algorithms = ["sft", "dpo", "grpo", "ppo"]
    private static let stage = """
        rollout: {max_new_tokens: 4}
        parameters:
          ppo: {prompts: 4, epochs: 1, minibatches: 2}
          grpo: {prompts: 2, samples: 4}
          dpo: {pairs: 8}
          sft: {examples: 8}
        budget: {iterations: 9}
        checkpoints: {every: 2}
        """

    private func task() throws -> TinyTask {
        try TinyTask(
            in: folder.url, stage: Self.stage,
            more: "evaluation: {prompts: prompts.jsonl, gold: [{function: regex, parameters: {pattern: good}}]}")
    }

    #if os(Linux)
        @Test("killed before any removal or renaming of a file, a run is whole or goes on to the same end")
        mutating func killedAtPoints() async throws {
            let library = try Self.compile(in: folder.url)
            let task = try task()
            try await zoo.succeed(["train", task.recipe.path, "--run-dir", "whole", "--quiet"])
            let points = try await points(library, task)
            // The end of a run has the gravest ones: they come first, in any order, and then the others.
            let order = points.suffix(12).shuffled(using: &random) + points.dropLast(12).shuffled(using: &random)
            var tried = 0
            for point in order where ContinuousClock.now < limit || tried < 3 {
                try remove(run)
                var killed = zoo
                killed.environment.merge(["LD_PRELOAD": library, "DIE_IN": "worker", "DIE_AT": "\(point)"]) { $1 }
                let ended = try await killed.run("train", task.recipe.path, "--run-dir", "run", "--quiet")
                #expect(ended.status == 70 && ended.errors.contains("was killed; the machine"), "point \(point): \(ended.errors)")
                try await goOn("killed before removal or renaming \(point)")
                tried += 1
            }
        }

        /// The numbers of the removals and renamings of the worker of a whole run.
        private func points(_ library: String, _ task: TinyTask) async throws -> [Int] {
            var counted = zoo
            let count = folder.url.appending(path: "count")
            counted.environment.merge(["LD_PRELOAD": library, "DIE_IN": "worker", "DIE_AT": "0", "DIE_COUNT": count.path]) { $1 }
            try await counted.succeed(["train", task.recipe.path, "--run-dir", "counted", "--quiet"])
            let text = try String(contentsOf: count, encoding: .utf8)
            return Array(1...(try #require(text.split(separator: "\n").compactMap { Int($0) }.max())))
        }

        private static func compile(in folder: URL) throws -> String {
            let library = folder.appending(path: "die.so").path
            let compiler = Process()
            compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            compiler.arguments = [
                "cc", "-shared", "-fPIC", ZooCommand.clone.appending(path: "Tests/Campaign/die.c").path, "-o", library, "-ldl",
            ]
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0, "cc failed on die.c")
            return library
        }
    #endif

    @Test("killed at any moment, a run goes on to the same end")
    mutating func killedAtMoments() async throws {
        let task = try task()
        var tried = 0
        while ContinuousClock.now < limit || tried < 2 {
            let algorithm = Self.algorithms.randomElement(using: &random) ?? "sft"
            let whole = folder.url.appending(path: "whole-\(algorithm)")
            let command = ["train", task.recipe.path, "--quiet", "--algorithm", algorithm, "--run-dir"]
            if !FileManager.default.fileExists(atPath: whole.path) { try await zoo.succeed(command + [whole.path]) }
            try remove(run)
            for kill in 0..<2 {
                let isBegun = FileManager.default.fileExists(atPath: run.appending(path: "run.json").path)
                let process = try zoo.start(isBegun ? ["train", "--resume", "run", "--quiet"] : command + ["run"])
                let moment = ContinuousClock.now + .milliseconds(Int.random(in: 50..<1500, using: &random))
                _ = await process.send([SIGKILL, SIGKILL, SIGTERM][kill % 3]) { .now > moment }
                _ = try await process.end()
            }
            if !FileManager.default.fileExists(atPath: run.appending(path: "run.json").path) {
                try await zoo.succeed(command + ["run"])
            }
            try await goOn("\(algorithm), killed at a moment", whole: whole)
            tried += 1
        }
    }

    @Test("with any file of its checkpoints damaged, a run goes on to the same end or is refused by the file's name")
    mutating func damagedCheckpoints() async throws {
        let task = try task()
        let command = ["train", task.recipe.path, "--quiet", "--set", "budget.iterations=400", "--run-dir"]
        let process = try zoo.start(command + ["kept"])
        let kept = folder.url.appending(path: "kept")
        let path = kept.appending(path: "checkpoints").path
        let hasTwo = { @Sendable in
            // No folder is no checkpoint.
            ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).count { $0.hasPrefix("step-") } == 2
        }
        try #require(await process.send(SIGKILL, when: hasTwo), "the run ended before it was killed")
        _ = try await process.end()
        #expect(await eventually { Processes.mentioning(kept.path).isEmpty })
        let newest = try #require(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted {
                $0.count == $1.count ? $0 < $1 : $0.count < $1.count
            }.last { $0.hasPrefix("step-") })
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(newest)").sorted()
        var tried = 0
        while ContinuousClock.now < limit || tried < 3 {
            try remove(run)
            try FileManager.default.copyItem(at: kept, to: run)
            let name = files.randomElement(using: &random) ?? ""
            let how = try damage(run.appending(path: "checkpoints/\(newest)/\(name)"))
            let ended = try await zoo.run("train", "--resume", "run", "--quiet")
            #expect(ended.status == 65, "\(how): \(ended.errors)")
            let complaint = try ended.complaint
            #expect(
                complaint.contains("run/checkpoints/\(newest) is damaged") && complaint.contains(name), "\(how): \(complaint)")
            tried += 1
        }
    }

    @Test("with any file of a kept stage damaged, the next command comes to the same or is refused by the file's name")
    mutating func damagedArtifacts() async throws {
        let task = try TinyTask(
            in: folder.url, stage: Self.stage,
            more: """
                  - name: second
                    algorithm: sft
                    policy: {from: only}
                    data: {examples: examples.jsonl}
                    budget: {iterations: 2}
                """)
        let command = ["train", task.recipe.path, "--quiet", "--run-dir"]
        try await zoo.succeed(command + ["whole"])
        let cache = folder.url.appending(path: "cache/artifacts")
        let artifact = try #require(
            try FileManager.default.contentsOfDirectory(atPath: cache.path).first { $0.hasPrefix("sft-") })
        let model = try FileManager.default.contentsOfDirectory(atPath: cache.appending(path: "\(artifact)/model").path).sorted()
        let kept = folder.url.appending(path: "kept-cache")
        try FileManager.default.copyItem(at: cache, to: kept)
        var tried = 0
        while ContinuousClock.now < limit || tried < 3 {
            try remove(cache)
            try FileManager.default.copyItem(at: kept, to: cache)
            try remove(run)
            let name = (model.map { "model/\($0)" } + ["done", "ledger.json"]).randomElement(using: &random) ?? ""
            let how = try damage(cache.appending(path: "\(artifact)/\(name)"))
            let ended = try await zoo.start(command + ["run"]).end()
            if ended.status == 0 {
                try expectSameRuns(whole, run, "\(how)")
            } else {
                #expect(ended.status == 65, "\(how): \(ended.errors)")
                #expect(try ended.complaint.contains(artifact), "\(how)")
            }
            tried += 1
        }
    }

    // MARK: - Parts

    /// Goes on with the run, where it is not whole, and compares what comes of it.
    private func goOn(_ how: Comment, whole: URL? = nil) async throws {
        let ended = try await zoo.run("train", "--resume", "run", "--quiet")
        if ended.status != 0 {
            #expect(
                try ended.status == 65 && ended.complaint.contains("is finished: there is nothing to resume"),
                "\(how): \(ended.errors)")
        }
        try expectSameRuns(whole ?? self.whole, run, how)
        let left = try FileManager.default.contentsOfDirectory(atPath: run.path)
        #expect(!left.contains { $0.hasSuffix(".tmp") || $0.hasSuffix(".part") || $0 == "checkpoints" }, how)
    }

    /// Flips a bit of a file, cuts it off or removes it; says which.
    private mutating func damage(_ file: URL) throws -> String {
        var data = try Data(contentsOf: file)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            try remove(file)
            return "\(file.lastPathComponent) removed"
        case 1 where !data.isEmpty:
            let length = Int.random(in: 0..<data.count, using: &random)
            try data.prefix(length).write(to: file)
            return "\(file.lastPathComponent) cut off at \(length)"
        default:
            guard !data.isEmpty else { return try add(to: file) }
            let (place, bit) = (Int.random(in: 0..<data.count, using: &random), Int.random(in: 0..<8, using: &random))
            data[place] ^= 1 << bit
            try data.write(to: file)
            return "\(file.lastPathComponent), bit \(bit) of byte \(place) flipped"
        }
    }

    private func add(to file: URL) throws -> String {
        try Data([0]).write(to: file)
        return "\(file.lastPathComponent) with a byte more"
    }

    private func remove(_ url: URL) throws {
        if FileManager.default.fileExists(atPath: url.path) { try FileManager.default.removeItem(at: url) }
    }
}

/// Numbers by a seed (SplitMix64, Steele et al. 2014).
private struct Draw: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
