import ArgumentParser
import Foundation
import ZooBase
import ZooData
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

extension TaskData {
    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the first rows of a recipe's data, token by token, as the algorithm will see them.",
            discussion: """
                What the algorithm trains on (its actions) is bold and green on a terminal, and in ⟦ ⟧ elsewhere; everything else is
                context without loss. Special tokens are spelled out, as in <|im_end|>. Nothing is trained.

                  zoo data inspect recipes/sentiment.yaml
                  zoo data inspect recipes/sentiment.yaml --stage base --kind examples --count 1

                prompts    what the policy continues: all of it is context
                pairs      chosen, then rejected
                examples   conversations, completions or texts to imitate
                """)

        @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml"]))
        var recipe: String

        @Option(help: "The stage. (default: the last one)")
        var stage: String?

        @Option(help: "prompts, pairs or examples. (default: all that the stage has)")
        var kind: DataKind?

        @Option(help: "Rows to show of each.")
        var count = 3

        @OptionGroup var changes: RecipeOptions

        func validate() throws {
            try Bounds.check("--count", count, 1...1_000_000)
        }

        func run() throws {
            let file = URL(fileURLWithPath: recipe)
            let read = try Recipe.load(
                file, base: changes.base.map { URL(fileURLWithPath: $0) }, overrides: changes.changes.map { try Override($0) })
            let inspection = try DataInspection(read, stage: stage, kind: kind, count: count)
            let colour = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
            try StandardOutput.styled(DataView(colour: colour).text(inspection))
        }
    }
}

extension DataKind: ExpressibleByArgument {}

/// Writes an inspection of data for people.
struct DataView {
    let colour: Bool

    func text(_ inspection: DataInspection) -> String {
        inspection.kinds.map { kind in
            "stage \(inspection.stage), \(kind.name): \(kind.count) rows of \(kind.shape)\n"
                + kind.remarks.map { "\($0)\n" }.joined() + kind.rows.map(text).joined()
        }.joined(separator: "\n")
    }

    private func text(_ row: DataInspection.Row) -> String {
        let extras = row.extras.sorted { $0.key < $1.key }.map { "\($0.key): \(String($0.value.shown.prefix(200)))\n" }.joined()
        return row.sequences.map { sequence in
            let title = ["row \(row.id)", sequence.title].filter { !$0.isEmpty }.joined(separator: ", ")
            var counts = "\(sequence.tokens) tokens, \(sequence.actions) of them actions"
            if sequence.cut.front > 0 { counts += ", \(sequence.cut.front) cut at the start (max_prompt_length)" }
            if sequence.cut.end > 0 { counts += ", \(sequence.cut.end) cut at the end (max_length)" }
            return "\n── \(title): \(counts)\n\(sequence.pieces.map(text).joined())\n"
        }.joined() + extras
    }

    private func text(_ piece: DataInspection.Piece) -> String {
        let text = piece.text.shown
        if colour { return "\u{1B}[\(piece.isAction ? "1;32" : "2")m\(text)\u{1B}[0m" }
        return piece.isAction ? "⟦\(text)⟧" : text
    }
}
