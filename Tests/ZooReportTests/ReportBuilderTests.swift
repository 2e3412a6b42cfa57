import Foundation
import Testing
import ZooBase
import ZooRecords
import ZooReport

@Suite("a report over folders of runs")
struct ReportBuilderTests {
    private func report(_ folders: RunFolders, _ paths: String...) throws -> ReportBuilder {
        ReportBuilder(try ReportPlace(paths.map { folders.root.appending(path: $0).path }))
    }

    private func table(_ page: Page, _ section: String, _ caption: String) -> TextTable? {
        let parts = page.sections.first { $0.id == section }?.parts ?? []
        return parts.lazy.compactMap { part -> TextTable? in
            if case .table(let title, let table) = part, title.hasPrefix(caption) { table } else { nil }
        }.first
    }

    @Test("names runs of a comparison by their variants, in the recipe's order")
    func variants() throws {
        try RunFolders.make { folders in
            try folders.comparison()
            let report = try report(folders, "both")
            #expect(report.variants == ["ppo", "dpo"])
            #expect(report.runs.map(\.seed) == [0, 1, 0, 1])
            #expect(report.status == "4 of 4 runs done")
        }
    }

    @Test("has a section for everything that the runs left, and a caveat for too few seeds")
    func page() throws {
        try RunFolders.make { folders in
            try folders.comparison()
            let page = try report(folders, "both").page()
            #expect(page.title == "small" && page.about == "Two ways")
            #expect(
                page.sections.map(\.id) == [
                    "question", "results", "curves", "plane", "costs", "critic", "samples", "environment",
                ])
            #expect(page.notes == ["Fewer than three seeds: ppo, dpo. One run proves nothing."])
            #expect(page.charts.samples.first?.answers.map(\.text) == ["is.", "is ppo.", "is dpo."])
            #expect(page.markdown().contains("    zoo compare 'my recipe.yaml'"))
        }
    }

    @Test("shows a conversation by its roles, and of texts without end their start")
    func samples() throws {
        try RunFolders.make { folders in
            try folders.comparison()
            let turns = [("system", "Be brief."), ("user", "2 + 2?")].map { EvaluationResult.Sample.Turn(role: $0, content: $1) }
            let long = String(repeating: "word ", count: 100_000)
            let sample = EvaluationResult.Sample(prompt: "system Be brief. …", messages: turns, before: "5", after: long)
            let result = EvaluationResult(metrics: ["gold": 1], reference: [:], samples: [sample])
            let text = String(decoding: try JSON.encode(result), as: UTF8.self)
            for run in ["ppo-seed0", "dpo-seed0"] { try folders.write(text, to: "both/\(run)/evaluation.json") }
            let found = try #require(try report(folders, "both").page().charts.samples.first)
            #expect(found.prompt == "system: Be brief.\nuser: 2 + 2?")
            #expect(found.answers[0].text == "5")
            #expect(found.answers[1].text.hasSuffix("… (500000 characters; all of them are in samples.jsonl)"))
            #expect(found.answers.map(\.text.count).max() ?? 0 < 4100)
            let summary = RunSummary.samples([sample], after: "after")
            #expect(summary.hasPrefix("system: Be brief.\nuser: 2 + 2?\n  assistant, before: 5\n  assistant, after:  word"))
        }
    }

    @Test("says which settings differ, as recipes write them")
    func differences() throws {
        try RunFolders.make { folders in
            try folders.comparison()
            let found = try #require(table(report(folders, "both").page(), "question", "Differences"))
            #expect(found.rows == [["algorithm", "ppo", "dpo"], ["policy.learning_rate", "0.002", "0.001"]])
        }
    }

    @Test("compares variants on the same prompts and seeds")
    func results() throws {
        try RunFolders.make { folders in
            try folders.comparison()
            let found = try #require(table(report(folders, "both").page(), "results", "Gold reward"))
            #expect(found.rows.map { $0[0] } == ["ppo", "dpo"])
            #expect(found.rows[1][3].hasPrefix("0.400 "))
            #expect(found.rows[1][4].hasPrefix("1.00"))
        }
    }

    @Test("as CSV has every number of every run")
    func csv() throws {
        try RunFolders.make { folders in
            try folders.run(
                "ppo-seed3", algorithm: "ppo", seed: 3, gold: [0.5], metrics: [#"{"step": 4, "loss": 2, "eval/gold": 0.25}"#])
            let lines = try report(folders, "ppo-seed3").csv().split(separator: "\r\n").map(String.init)
            let expected = [
                "variant,base,seed,step,name,value", "ppo,0,3,4,eval/gold,0.25", "ppo,0,3,,gold,0.5", "ppo,0,3,,kl,1.0",
            ]
            #expect(Array(lines.prefix(4)) == expected)
            #expect(lines.contains("ppo,0,3,,updates,10.0"))
        }
    }

    @Test("leaves damaged lines out and names the first; a line that is being written is none")
    func damage() throws {
        try RunFolders.make { folders in
            try folders.run("run", algorithm: "ppo", seed: 0, gold: nil)
            try folders.write("{\"step\": 1, \"loss\": 2}\n[1]\n{\"step\": 1e300}\n{\"step\": 2", to: "run/metrics.jsonl")
            let report = try report(folders, "run")
            #expect(report.runs.map { $0.records } == [[MetricLine(step: 1, values: ["loss": 2])]])
            #expect(report.status == "0 of 1 runs done; ppo, seed 0, at iteration 1")
            let damage = try #require(report.runs.first?.damage.first)
            #expect(damage.contains("run/metrics.jsonl, line 2, and 1 more: expected an object of numbers with 'step'"))
            #expect(report.page().notes.contains(damage))
        }
    }

    @Test("refuses a folder without runs, and a file of another form, with the status of the command")
    func faults() throws {
        try RunFolders.make { folders in
            func status(_ path: String) -> CommandStatus? {
                do {
                    _ = try report(folders, path)
                    return nil
                } catch { return (error as? any PlainError)?.status }
            }
            #expect(status("nowhere") == .noInput)
            try folders.write("", to: "empty/file")
            #expect(status("empty") == .noInput)
            #expect(status("empty/file") == .noInput)
            try folders.run("run", algorithm: "ppo", seed: 0, gold: [1])
            #expect(status("run") == nil)
            try folders.write("{}", to: "run/ledger.json")
            #expect(status("run") == .data)
        }
    }

    @Test("runs of one variant and seed in two comparisons are told apart by their folders")
    func ambiguous() throws {
        try RunFolders.make { folders in
            try folders.run("one/ppo-seed0", algorithm: "ppo", seed: 0, gold: [1])
            try folders.run("two/ppo-seed0", algorithm: "ppo", seed: 0, gold: [1])
            #expect(try report(folders, "one", "two").variants == ["one/ppo", "two/ppo"])
        }
    }
}

@Suite("settings that run.json has")
struct RecordedSettingsTests {
    @Test("are those of the recipe, with the parameters of the algorithm that runs")
    func paths() throws {
        let text = """
            {"stage": "tune", "recipe": {"name": "n", "task": {"reward_model": "x"}, "stages": [
              {"name": "base", "algorithm": "sft", "data": {"max_steps": 4}},
              {"name": "tune", "algorithm": "ppo", "rollout": {"top_k": [1, null]},
               "parameters": {"ppo": {"kl_coef": 0.1}, "dpo": {"beta": 1}}}]}}
            """
        let spec = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(
            RecordedSettings.of(spec) == [
                "task.reward_model": "x", "stages.base.algorithm": "sft", "stages.base.data.max_steps": "4", "algorithm": "ppo",
                "rollout.top_k.0": "1", "rollout.top_k.1": "null", "parameters.kl_coef": "0.1",
            ])
    }
}

@Suite("the first chart")
struct FirstChartTests {
    @Test("shows what all variants log before what some do, and common metrics before others")
    func common() {
        let found = FirstChart.curves([
            ["common/margin", "common/kl", "common/seconds", "loss"],
            ["common/kl", "common/reward", "common/seconds", "eval/gold", "loss"],
        ])
        #expect(found == ["common/kl", "common/seconds", "loss", "common/reward", "common/margin", "eval/gold"])
    }

    @Test("of earlier versions shows held-out rewards, or what each algorithm logs")
    func fallback() {
        #expect(FirstChart.curves([["eval/gold", "reward"], ["eval/gold", "loss"]]) == ["eval/gold", "reward", "loss"])
        #expect(FirstChart.curves([["objective/scores"]]) == ["objective/scores"])
        #expect(FirstChart.curves([]).isEmpty)
    }
}
