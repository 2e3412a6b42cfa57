import Foundation
import Testing
import ZooKit
import ZooPlugins

@Suite("what the conformance bench finds")
struct FaultTests {
    private func check(_ path: String, only: [String] = []) async throws -> ConformanceReport {
        try await Conformance(deadline: 120, width: 2, executable: PluginFixture.worker).check(path, only: only)
    }

    private func failures(_ report: ConformanceReport) -> Set<String> {
        Set(report.results.filter { $0.outcome == .failed }.map(\.id))
    }

    @Test(
        "a sound plugin passes every case, with threads that log, with a stopped gradient, with samples of its own, and on pairs",
        arguments: ["none", "threads", "stops", "samples", "pairs"])
    func sound(kind: String) async throws {
        try await PluginFixture.withFolder { folder in
            let report = try await check(FaultFixture.library(kind, in: folder))
            #expect(report.passed, "\(report.table())")
            let all = Conformance.list.map(\.id).filter { !$0.hasPrefix("reward/") || $0 == "reward/library" }
            #expect(Set(report.results.map(\.id)) == Set(all))
        }
    }

    @Test(
        "a fault is found by the case that is for it, and by no other of the group",
        arguments: [
            ("factor", "numerics/stop-gradient"), ("far-off", "numerics/far-off"), ("late", "numerics/late"),
            ("large", "numerics/large"), ("samples-biased", "numerics/zero-advantage"),
            ("pairs-by-tokens", "numerics/pair-exchange"), ("sign", "learning/optimum"),
            ("default", "contract/defaults"), ("idle-parameter", "contract/effects"), ("role-unlisted", "contract/roles"),
            ("role-unused", "contract/roles"), ("role-nobody", "contract/roles"), ("service-nobody", "contract/services"),
            ("service-unlisted", "contract/services"), ("action-in-context", "contract/actions"),
            ("nan-metric", "contract/metrics"), ("stops-updating", "contract/progress"), ("normaliser", "contract/step"),
            ("two-normalisers", "contract/step"), ("metric-name", "contract/step"), ("token", "contract/step"),
            ("flags", "contract/step"), ("address", "state/other-process"), ("process-number", "state/other-process"),
            ("reads-released", "memory/released"), ("keeps-borrowed", "memory/borrowed"), ("writes-batch", "memory/read-only"),
            ("writes-slice", "memory/read-only"), ("writes-output", "memory/read-only"), ("past-gradient", "memory/edges"),
            ("double-release", "contract/step"), ("foreign-release", "contract/step"), ("leaks-memory", "memory/leaks"),
            ("leaks-objects", "memory/leaks"),
        ])
    func fault(kind: String, id: String) async throws { try await expectFailure(kind, id) }

    @Test(
        "whatever it leaves behind in the process is found, in whichever call",
        arguments: [
            ("rounding@step", "arithmetic"), ("subnormals@constructor", "arithmetic"), ("traps@create", "arithmetic"),
            ("locale@entry", "settings"), ("umask@save", "settings"), ("directory@load", "settings"),
            ("environment@create", "settings"), ("limit@step", "settings"), ("affinity@step", "settings"),
            ("niceness@destroy", "settings"), ("handler@constructor", "signals"), ("mask@step", "signals"),
            ("timer@create", "signals"), ("descriptor@step", "descriptors"), ("socket@create", "descriptors"),
            ("child@step", "processes"), ("daemon@entry", "processes"), ("thread@step", "threads"), ("file@step", "files"),
            ("temporary-file@destroy", "files"), ("home-file@save", "files"),
        ])
    func leftBehind(kind: String, aspect: String) async throws {
        // On a machine with one processor there is none to give up.
        guard kind != "affinity@step" || ProcessInfo.processInfo.activeProcessorCount > 1 else { return }
        try await expectFailure(kind, "host/\(aspect)")
        // What it writes goes with the folders of the case, whichever case that is.
        for folder in [".", NSHomeDirectory(), NSTemporaryDirectory()] {
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/left-behind"))
        }
    }

    private func expectFailure(_ kind: String, _ id: String) async throws {
        try await PluginFixture.withFolder { folder in
            let group = String(id.prefix { $0 != "/" })
            let report = try await check(FaultFixture.library(kind, in: folder), only: [group])
            #expect(failures(report) == [id], "\(report.table())")
        }
    }

    @Test("a failure names its trial, what was expected and found, the rule, and how to try it again")
    func words() async throws {
        try await PluginFixture.withFolder { folder in
            let path = try FaultFixture.library("rounding@step", in: folder)
            let report = try await check(path, only: ["host/arithmetic"])
            let result = try #require(report.results.first { $0.outcome == .failed })
            #expect(result.trial == "step 1" && result.expected == "the rounding mode as it was, 0x0" && result.found == "0x800")
            #expect(result.rerun == "zoo plugins check \(path) --only host/arithmetic@faulty")
            #expect(report.table().contains(result.rule))
        }
    }

    @Test("a crash in lent memory says which memory was touched, and how")
    func touch() async throws {
        try await PluginFixture.withFolder { folder in
            let report = try await check(FaultFixture.library("past-gradient", in: folder), only: ["memory/edges"])
            let result = try #require(report.results.first { $0.outcome == .failed })
            #expect(result.trial == "iteration 1")
            #expect(result.detail.contains("1 bytes past the end of 'logp' of the loss's gradients"))
        }
    }
}

@Suite("the page of the conformance cases")
struct ConformancePageTests {
    private static let sources = PluginFixture.tests.appending(path: "../../Sources")

    @Test("has a row for every case with its claim, and no other")
    func page() throws {
        let page = try String(contentsOf: Self.sources.appending(path: "ZooPlugins/Conformance/README.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") && !$0.hasPrefix("| `--") }
        #expect(rows.map { String($0.split(separator: "`")[1]) } == Conformance.list.map(\.id))
        for (row, item) in zip(rows, Conformance.list) { #expect(row.contains(item.claim), "\(row)") }
    }

    @Test("every rule stands in the header that it names", arguments: Conformance.list.map(\.rule))
    func rules(rule: String) throws {
        let parts = rule.split(separator: ": ", maxSplits: 1).map(String.init)
        let header = try String(contentsOf: Self.sources.appending(path: "CZoo/include/\(parts[0])"), encoding: .utf8)
        let words = header.replacing("///", with: " ").split { $0.isWhitespace }.joined(separator: " ")
        #expect(words.contains(parts[1]), "\(parts[0]) does not say: \(parts[1])")
    }
}
