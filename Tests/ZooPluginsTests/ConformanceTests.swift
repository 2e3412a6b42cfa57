import Foundation
import Testing
import ZooKit
import ZooPlugins

@Suite("the conformance bench")
struct ConformanceTests {
    private func check(_ path: String, only: [String] = []) async throws -> ConformanceReport {
        try await Conformance(deadline: 120, width: 2, executable: PluginFixture.worker).check(path, only: only)
    }

    private func failures(_ report: ConformanceReport) -> Set<String> {
        Set(report.results.filter { $0.outcome == .failed }.map(\.id))
    }

    @Test("a plugin that keeps the contract passes")
    func sound() async throws {
        try await PluginFixture.withFolder { folder in
            // Its loss is for numbers by hand; it does not learn.
            let groups = Set(Conformance.list.map { String($0.id.prefix { $0 != "/" }) }).subtracting(["learning"])
            let report = try await check(PluginFixture.compile(into: folder), only: groups.sorted())
            #expect(report.passed, "\(report.table())")
        }
    }

    @Test(
        "a plugin that breaks one promise fails exactly its own cases",
        arguments: [
            ("NOT_A_PLUGIN", ["binary/exports", "binary/loads"]), ("WRONG_MAJOR", ["binary/exports", "binary/loads"]),
            ("TRUNCATED_TABLE", ["binary/loads"]), ("UNDEFINED_SYMBOL", ["binary/loads"]), ("CRASH_IN_ENTRY", ["binary/loads"]),
            ("EXPORTS_MORE", ["binary/exports"]), ("SLOW", ["binary/load-time"]), ("ENTRY", ["contract/entry"]),
            ("CRASH_IN_CREATE", ["contract/create"]), ("LEAKS", ["contract/lifecycle"]),
            ("IGNORES_UNKNOWN", ["contract/parameters"]), ("PRESET_NAME", ["contract/presets"]),
            ("PRESET_RANGE", ["contract/presets"]), ("NEEDS_MINOR", ["contract/released-hosts"]),
            ("EXTENSION", ["contract/unknown-extension"]), ("LONG_ERROR", ["contract/short-errors"]),
            ("EXIT_IN_ENTRY", ["binary/loads"]), ("EXIT_IN_CREATE", ["contract/create"]), ("EXIT_IN_STEP=0", ["contract/step"]),
            ("METRIC=\"step\"", ["contract/step"]),
            ("CRASH_IN_STEP", ["contract/step"]), ("NEVER_RELEASES", ["contract/step"]),
            ("READS_PAST", ["contract/short-services"]), ("LONG_TABLES", ["contract/released-hosts", "contract/long-tables"]),
            ("GRADIENT", ["numerics/gradients"]), ("MASKED_GRADIENT", ["numerics/masked-steps"]),
            ("NOT_SEPARABLE", ["numerics/slices"]), ("ORDER", ["numerics/order", "numerics/slices"]),
            ("IMPURE", ["numerics/purity"]), ("NOT_FINITE", ["numerics/not-finite"]),
            ("SEED", ["state/same-seed", "state/resume"]), ("LOSES_STATE", ["state/resume"]),
            ("DAMAGED_STATE", ["state/damaged"]),
            ("SWALLOWS_ERRORS", ["faults/failing-calls"]), ("CANCELLATION", ["faults/cancellation"]), ("EMPTY", ["faults/empty"]),
        ])
    func broken(defect: String, cases: [String]) async throws {
        try await PluginFixture.withFolder { folder in
            let group = String(try #require(cases.last).prefix { $0 != "/" })
            let report = try await check(PluginFixture.compile(defect, into: folder), only: [group, "contract/step"])
            #expect(failures(report) == Set(cases), "\(report.table())")
        }
    }

    @Test("a library that needs a stranger's library is found out")
    func stranger() async throws {
        try await PluginFixture.withFolder { folder in
            let path = try PluginFixture.compile(into: folder, options: ["-Wl,--no-as-needed", "-lltdl"])
            let report = try await check(path, only: ["binary"])
            #expect(failures(report) == ["binary/dependencies"])
            #expect(report.results.contains { $0.detail.contains("libltdl") })
        }
    }

    @Test(
        "every built-in plugin keeps the contract",
        arguments: [
            "SFT", "RewardModel", "PPO", "GRPO", "RLOO", "ReinforcePlusPlus", "DPO", "KTO", "OnlineDPO", "Distill", "Reinforce",
        ])
    func builtIn(name: String) async throws {
        let report = try await check("\(PluginFixture.folder)/lib\(name).so")
        #expect(report.passed, "\(report.table())")
    }

    @Test("an open file that another process deletes meanwhile is the same one; another file at its number is not")
    func openFiles() async throws {
        try await PluginFixture.withFolder { folder in
            func opened(_ name: String) -> Int32 { Foundation.open("\(folder)/\(name)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
            let (one, other) = (opened("one"), opened("other"))
            defer { for descriptor in [one, other] { close(descriptor) } }
            let before = try #require(OpenFile(one))
            try FileManager.default.removeItem(atPath: "\(folder)/one")
            let after = try #require(OpenFile(one))
            #expect(before.identity == after.identity && before.text != after.text)
            #expect(OpenFile(other)?.identity != after.identity)
            #expect(OpenFile(900_000) == nil)
        }
    }

    @Test("a file that is not there and a case that is not known are named")
    func badInput() async throws {
        await #expect(throws: ZooError(.notFound, "/no/such/libX.so: no such file")) { try await check("/no/such/libX.so") }
        try await PluginFixture.withFolder { folder in
            let path = try PluginFixture.compile(into: folder)
            await #expect {
                try await check(path, only: ["numeric5"])
            } throws: {
                "\($0)".contains("numeric5") && "\($0)".contains("numerics/gradients")
            }
        }
    }

    @Test("the report's JSON reads back as the report")
    func json() async throws {
        try await PluginFixture.withFolder { folder in
            let report = try await check(PluginFixture.compile(into: folder), only: ["binary/exports"])
            let decoded = try JSONDecoder().decode(ConformanceReport.self, from: Data(report.json().utf8))
            #expect(decoded == report)
        }
    }
}

@Suite("the conformance bench's deadline")
struct ConformanceDeadlineTests {
    @Test("a plugin that hangs is killed at the deadline, and the sentence says so")
    func hang() async throws {
        try await PluginFixture.withFolder { folder in
            let bench = Conformance(deadline: 20, executable: PluginFixture.worker)
            let report = try await bench.check(
                PluginFixture.compile("HANG_IN_STEP", into: folder), only: ["contract/step", "numerics"])
            #expect(report.results.filter { $0.outcome == .failed }.map(\.id) == ["contract/step"])
            let step = try #require(report.results.first { $0.id == "contract/step" })
            #expect(step.detail == "iteration 1: the plugin did not end within 20 s and was killed")
            #expect(report.results.filter { $0.id.hasPrefix("numerics/") }.allSatisfy { $0.outcome == .skipped })
        }
    }
}
