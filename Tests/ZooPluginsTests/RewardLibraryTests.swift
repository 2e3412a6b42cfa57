import Foundation
import Testing
import ZooBase
import ZooData
import ZooKit
import ZooPlugins

@Suite("rewards by a library")
struct RewardLibraryTests {
    /// Two sequences, of two and three actions, with the columns that a reward reads.
    private var samples: Batch {
        var batch = Batch(
            offsets: [0, 3, 7], tokens: [1, 2, 3, 1, 2, 3, 4], mask: [false, true, true, false, true, true, true])
        batch.set(Column("prompt", perStep: false, .strings(["a", "b"])))
        batch.set(Column("completion", perStep: false, .strings(["eve", ""])))
        batch.set(Column("extras", perStep: false, .strings(["{}", "{}"])))
        return batch
    }

    private func withLibrary(_ body: (RewardLibrary) throws -> Void) async throws {
        try await PluginFixture.withFolder { folder in
            try body(RewardLibrary(path: PluginFixture.compile(source: "rewards.c", into: folder)))
        }
    }

    @Test("are described, made with parameters and scored, the unscorable and single steps too")
    func scored() async throws {
        try await withLibrary { library in
            #expect(library.rewards.map(\.id) == ["letters", "actions"])
            #expect(library.rewards[0].summary == "How often a letter occurs.")
            #expect(library.rewards[0].parameters.map(\.name) == ["letter", "scale"])
            let letters = try library.create("letters", parameters: ["scale": 0.5]) { _, _ in }
            let found = try letters.score(samples)
            #expect(found.totals[0] == 1 && found.totals[1].isNaN && found.steps == [0, 0, 0, 0, 0, 0, 0])
            let other = try library.create("letters", parameters: ["letter": "v"]) { _, _ in }
            #expect(try other.score(samples).totals[0] == 1)
            let actions = try library.create("actions", parameters: ["scale": 2]) { _, _ in }
            #expect(try actions.score(samples).steps == [0, 2, 2, 0, 2, 2, 2])
            #expect(try actions.score(samples).totals[0] == 4)
        }
    }

    @Test("keep their part of the contract, as the bench sees it")
    func sound() async throws {
        try await PluginFixture.withFolder { folder in
            let library = try PluginFixture.compile(source: "rewards.c", into: folder)
            let report = try await Conformance(deadline: 120, width: 2, executable: PluginFixture.worker).check(library)
            #expect(report.passed, "\(report.table())")
            #expect(Set(report.results.compactMap(\.reward)) == ["letters", "actions"])
            let rewards = Conformance.list.map(\.id).filter { $0.hasPrefix("reward/") }
            #expect(Set(report.results.filter { $0.outcome == .passed }.map(\.id)).isSuperset(of: rewards))
        }
    }

    @Test(
        "that break one promise fail exactly that case",
        arguments: [
            ("TWICE", "library"), ("NAMELESS", "described"), ("INFINITE", "numbers"), ("RANDOM", "deterministic"),
            ("RANKS", "others"), ("STRAY", "steps"), ("FORGETS", "steps"), ("EMPTY", "any-text"), ("KEEPS", "borrowed"),
            ("WRITES", "read-only"), ("PAST", "edges"), ("LEAKS", "leaks"), ("SETTING", "process"),
        ])
    func broken(defect: String, id: String) async throws {
        try await PluginFixture.withFolder { folder in
            let library = try PluginFixture.compile(defect, source: "rewards.c", into: folder)
            let bench = Conformance(deadline: 120, width: 2, executable: PluginFixture.worker)
            let report = try await bench.check(library, only: ["reward"])
            let failed = Set(report.results.filter { $0.outcome == .failed }.map(\.id))
            #expect(failed == ["reward/\(id)"], "\(report.table())")
        }
    }

    @Test("are described, made and scored by a worker; a library that ends its process does so alone")
    func byWorker() async throws {
        try await PluginFixture.withFolder { folder in
            let library = try PluginFixture.compile(source: "rewards.c", into: folder)
            let worker = RewardWorker(library, executable: PluginFixture.worker)
            #expect(try await worker.rewards() == RewardLibrary(path: library).rewards)
            let items = ["eve", ""].map { RewardItem(prompt: "a", completion: $0) }
            let scores = try worker.scores(items, by: "letters", parameters: ["scale": 0.5])
            #expect(scores[0] == 1 && scores[1].isNaN)
            try worker.check("letters", parameters: [:])
            #expect {
                try worker.check("letters", parameters: ["letter": "ee"])
            } throws: {
                "\($0)" == "parameter 'letter' is not one letter"
            }
            let crashing = try PluginFixture.compile("CRASHES", source: "rewards.c", into: folder)
            #expect {
                try RewardWorker(crashing, executable: PluginFixture.worker).check("letters", parameters: [:])
            } throws: {
                "\($0)".hasPrefix("library \(crashing)")
            }
        }
    }

    @Test("are refused by name, with what there is")
    func refused() async throws {
        try await withLibrary { library in
            func refusal(_ id: String?, _ parameters: [String: JSONValue] = [:]) -> String {
                do { _ = try library.create(id, parameters: parameters) { _, _ in } } catch { return "\(error)" }
                return "none"
            }
            #expect(refusal(nil).contains("offers several rewards, so one has to be named: letters, actions"))
            #expect(refusal("letter").contains("has no reward 'letter'; did you mean 'letters'?; it has: letters, actions"))
            #expect(
                refusal("letters", ["sale": 1]).contains(
                    "reward 'letters' has no parameter 'sale'; did you mean 'scale'?; it has: letter, scale"))
            #expect(refusal("letters", ["scale": -1]).contains("expected a number >= 0, found -1"))
            #expect(refusal("letters", ["letter": "ee"]).contains("parameter 'letter' is not one letter"))
        }
        try await PluginFixture.withFolder { folder in
            let plugin = try PluginFixture.compile(into: folder)
            #expect(throws: ZooError.self) { try RewardLibrary(path: plugin) }
        }
    }
}
