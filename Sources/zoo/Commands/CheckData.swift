import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

extension TaskData {
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read every row of a recipe's data as its algorithms will, and list faults by file and line.",
            discussion: """
                Covers all stages, all variants and the evaluation; every run does the same for what it reads before it trains anything.
                Nothing is trained here. Exit status 0: a run would accept all of it. 65: it would not.

                  zoo data check recipes/sentiment.yaml
                  zoo data check recipes/sentiment.yaml --set data.max_length=64

                tokens          left over all rows (for pairs: in both answers)
                longest         tokens of the longest sequence
                cut in front    rows whose prompt is longer than max_prompt_length
                cut at end      rows with a sequence that is longer than max_length
                left out        rows with nothing left to learn after cutting, and pairs that cutting makes equal
                faults          rows that end a run: not JSON, null or missing columns, nothing to learn, an empty prompt without a
                                begin token, a rating or label on only some rows, no right answer where a reward needs one
                """)

        @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml"]))
        var recipe: String

        @OptionGroup var changes: RecipeOptions

        func run() throws {
            let read = try Recipe.load(
                URL(fileURLWithPath: recipe), base: changes.base.map { URL(fileURLWithPath: $0) },
                overrides: changes.changes.map { try Override($0) })
            let check = try DataCheck(read)
            var table = TextTable(
                [.text("stage"), .text("data")]
                    + ["rows", "tokens", "longest", "cut in front", "cut at end", "left out", "faults"].map { .number($0) })
            for entry in check.entries {
                let counts = entry.counts
                let numbers = [
                    counts.rows, counts.tokens, counts.longest, counts.cutInFront, counts.cutAtEnd,
                    counts.withoutActions.count + counts.equalPairs.count, counts.faultCount,
                ]
                table.append([entry.stage, entry.key] + numbers.map { "\($0)" })
            }
            try StandardOutput.table(table)
            for entry in check.entries where !entry.remarks.isEmpty {
                try StandardOutput.print("\(entry.stage), \(entry.key): \(entry.remarks.joined(separator: ", "))")
            }
            for entry in check.entries where entry.counts.faultCount > 0 {
                for fault in entry.counts.faults { try StandardOutput.print(fault) }
                let more = entry.counts.faultCount - entry.counts.faults.count
                if more > 0 { try StandardOutput.print("\(entry.stage), \(entry.key): \(more) more faults") }
            }
            let refused = check.entries.compactMap(\.refusal)
            guard let first = refused.first else { return }
            throw Failure(refused.count > 1 ? "\(first); \(refused.count) datasets are refused" : first, status: .data)
        }
    }
}
