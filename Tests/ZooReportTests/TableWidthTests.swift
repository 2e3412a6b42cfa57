import Foundation
import Testing
import ZooBase
import ZooPlugins
import ZooRecords
import ZooReport

@Suite("tables in a narrow terminal")
struct TableWidthTests {
    private func widest(_ text: String) -> Int { text.split(separator: "\n").map(\.displayWidth).max() ?? 0 }

    @Test("one that fits is as it was")
    func fits() {
        var table = TextTable([.text("a"), .number("b")])
        table.append(["two  words", "1"])
        #expect(table.plain(width: 13) == table.plain())
    }

    @Test("titles and texts are broken at spaces, the widest column first; numbers are not")
    func broken() {
        var table = TextTable([.text("what"), .number("cut in front"), .text("found")])
        table.append(["a", "12.5 ±0.25", "one two three four"])
        let expected = """
            what      cut in  found
                       front
            ────  ──────────  ───────────
            a     12.5 ±0.25  one two
                              three four

            """
        #expect(table.plain(width: 29) == expected)
        let narrower = """
            what      cut in  found
                       front
            ────  ──────────  ─────
            a     12.5 ±0.25  one
                              two
                              three
                              four

            """
        #expect(table.plain(width: 23) == narrower)
    }

    @Test("a long path is broken behind a slash")
    func path() {
        var table = TextTable([.text("task"), .text("folder")])
        table.append(["a", "/home/someone/.cache/policyzoo/data/countdown/and/more"])
        let expected = """
            task  folder
            ────  ────────────────────────────────────────
            a     /home/someone/.cache/policyzoo/data/
                  countdown/and/more

            """
        #expect(table.plain(width: 46) == expected)
    }

    @Test("sentences that have too little room beside the other columns stand under their rows")
    func sentences() {
        var table = TextTable([.text("parameter"), .text("default"), .text("meaning")])
        table.append(["learning_rate", "0.001", "The step of an update, before the schedule scales it; AdamW's."])
        table.append(["beta", "1", ""])
        let expected = """
            parameter      default
                meaning
            ─────────────  ───────
            learning_rate  0.001
                The step of an update, before the schedule
                scales it; AdamW's.
            beta           1

            """
        #expect(table.plain(width: 50) == expected)
    }

    @Test("many columns are written in blocks, each with the keys")
    func blocks() {
        var table = TextTable([.text("metric"), .number("base")] + (1...5).map { .number("variant-\($0)") })
        table.keys = 2
        table.append(["gold", "0", "1", "2", "3", "4", "5"])
        let expected = """
            metric  base  variant-1  variant-2
            ──────  ────  ─────────  ─────────
            gold       0          1          2

            metric  base  variant-3  variant-4
            ──────  ────  ─────────  ─────────
            gold       0          3          4

            metric  base  variant-5
            ──────  ────  ─────────
            gold       0          5

            """
        #expect(table.plain(width: 40) == expected)
    }

    @Test("any table fits, if its longest words do", arguments: [40, 60, 80, 100, 200])
    func anyTable(width: Int) {
        // Which columns are numbers, by the bits of a number.
        for count in 1...8 {
            for bits in 0..<(1 << count) {
                var table = TextTable((0..<count).map { bits >> $0 & 1 == 0 ? .text("title \($0)") : .number("number \($0)") })
                for row in 0..<3 {
                    table.append(
                        (0..<count).map { column in
                            let words = Array(repeating: "映画ab", count: (7 * column + 11 * row + bits) % 31)
                            return table.columns[column].isNumber ? "12345" : words.joined(separator: " ")
                        })
                }
                let text = table.plain(width: width)
                #expect(widest(text) <= width)
                // Nothing is lost.
                #expect(text.ranges(of: "映画ab").count >= table.rows.joined().reduce(0) { $0 + $1.ranges(of: "映画ab").count })
            }
        }
    }

    @Test("a paragraph goes on with an indentation of its own")
    func paragraph() {
        #expect("  note: one two three\nend".wrapped(toWidth: 18) == "  note: one\n      two three\nend")
    }

    // MARK: - Reports

    @Test("a comparison of many variants fits 100 columns")
    func comparison() throws {
        let variants = (0..<7).map { "grpo@trl (beta 0.\($0) instead of 0)" }
        let runs = variants.map { variant in
            MeasuredRun(
                variant: variant, base: 0, seed: 0,
                evaluation: EvaluationResult(metrics: ["gold": 0.5], reference: ["gold": 0.25], samples: []), ledger: Ledger(),
                hasAllPrompts: false)
        }
        let text = ComparisonReport(
            variants: variants, runs: runs, presets: variants.map { "\($0), by a long source of its numbers, 2024" }
        )
        .plain(width: 100)
        #expect(widest(text.split(separator: "\n").filter { !$0.contains("gold reward:") }.joined(separator: "\n")) <= 100)
        for variant in variants { #expect(text.contains(variant)) }
    }

    @Test("a probe of many variants fits 100 columns")
    func probe() {
        let figure = ProbeResult.Figure(mean: 0.5, low: 0.25, high: 0.75)
        let names = (0..<9).map { "a-variant-\($0)" }
        let estimators = names.map {
            ProbeResult.Estimator(
                name: $0, norm: figure, signalToNoise: figure, variance: figure, cosine: figure, bias: figure, scale: figure,
                advantageVariance: 0.125)
        }
        let baseline = ProbeResult.Baseline(
            name: "leave-one-out", error: figure, rankCorrelation: figure, explainedVariance: 0.5, advantageVariance: 0.25,
            states: 16,
            continuations: 64)
        let point = ProbeResult.Point(
            step: 50, kl: 0.5, reward: 1, referenceSequences: 1024, estimators: estimators,
            cosines: names.map { _ in names.map { _ in 0.5 } }, baselines: [baseline])
        let result = ProbeResult(
            recipe: "small", driver: "ppo", seed: 0, batches: 8, sequences: 256, samples: 4, beta: 0.5, points: [point])
        let text = ProbeReport(result).plain(width: 100)
        #expect(widest(text) <= 100)
        #expect(text.contains("0.500 ±0.250"))
    }

    @Test("the pages of an algorithm, a preset and their difference fit, and say what the plugin says")
    func algorithms() throws {
        let plugin = try JSONDecoder().decode(PluginDescription.self, from: Data(Self.plugin.utf8))
        let catalog = PluginCatalog(plugins: [plugin])
        let (whole, preset) = (try catalog.offer("mine"), try catalog.offer("mine@paper"))
        for width in [80, 100] {
            let difference = try OfferDifference(whole, preset).text(width: width)
            for text in [try whole.page(width: width), try preset.page(width: width), difference, catalog.list(width: width)] {
                #expect(widest(text) <= width)
            }
            #expect(difference.contains("beta       0     0.5\n"))
        }
        #expect(catalog.list(width: 100).hasSuffix("\nthe plugins in /somewhere\n"))
        #expect(try whole.page(width: 100).contains("number from 0 to 1e6"))
    }

    private static let plugin = """
        {"path": "/somewhere/libMine.so", "sha256": "", "toolchain": "swift", "abiMinor": 1, "algorithms": [{
          "id": "mine", "title": "An algorithm", "summary": "\(String(repeating: "What it does. ", count: 12))", "paper": "Me 2024",
          "needs": {"data": ["prompts"], "roles": ["policy"], "services": []},
          "parameters": [{"name": "beta", "kind": "number", "isNullable": false, "defaultValue": 0, "minimum": 0,
            "minimumIsExcluded": false, "maximum": 1000000, "maximumIsExcluded": false, "choices": [], "aliases": [], "formerly": [],
            "doc": "\(String(repeating: "What it means. ", count: 12))"}],
          "presets": [{"name": "paper", "source": "Me 2024", "summary": "The paper's.", "parameters": {"beta": 0.5},
            "notes": ["\(String(repeating: "What it says. ", count: 12))"]}]}]}
        """
}
