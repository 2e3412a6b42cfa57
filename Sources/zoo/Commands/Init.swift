import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRun

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a first recipe for your model and your data, and say what it will cost.",
        discussion: """
            Asks for what is not given: the model's folder, the data, the algorithm, the reward, the budget. The data's columns decide what
            is suggested. The recipe is checked before it is written, every row and the reward's program included.

              zoo init
              zoo init --model data:smollm2 --data train.jsonl --budget 100
              zoo init --model data:smollm2 --data train.jsonl --reward my_rewards.py:right --algorithm ppo --budget 2h --out mine.yaml
            """)

    @Option(
        help: ArgumentHelp("The model's folder, in Hugging Face's layout, or data:smollm2.", valueName: "dir"),
        completion: .directory)
    var model: String?

    @Option(help: ArgumentHelp("Rows in TRL's formats: JSON lines or Parquet.", valueName: "file"), completion: .file())
    var data: String?

    @Option(
        help: ArgumentHelp(
            "A reward of zoo's, FILE.py:FUNCTION, or the folder of a reward model. (default: what the columns suggest)",
            valueName: "reward"))
    var reward: String?

    @Option(help: ArgumentHelp("The algorithm. (default: what fits the data)", valueName: "id"))
    var algorithm: String?

    @Option(help: ArgumentHelp("How long: 100 (updates), 2 epochs, 30m, 2h. (default: 100)", valueName: "budget"))
    var budget: String?

    @Option(help: ArgumentHelp("The recipe to write.", valueName: "file"), completion: .file(extensions: ["yaml"]))
    var out = "own.yaml"

    @Flag(help: "Do not measure what the recipe will cost.")
    var noDryRun = false

    @OptionGroup var plugins: PluginOptions

    func run() async throws {
        let file = URL(fileURLWithPath: out)
        guard !FileManager.default.fileExists(atPath: file.path) else {
            throw Failure("\(out) exists; remove it, or name another file with --out", status: .cannotCreate)
        }
        let ask = Questions()
        try refuseMissing(ask)
        let catalog = try await plugins.catalog()

        let folder = try ask("Model folder", given: model, suggested: nil) {
            let url = try ModelPlace.folder($0)
            try RecipeDraft.folder(url)
            return url
        }
        let rows = try ask("Data (a file of rows)", given: data, suggested: nil) { try DraftData(URL(fileURLWithPath: $0)) }
        if ask.isTerminal { try StandardOutput.print("  \(rows.words)") }
        let fitting = rows.algorithms(of: catalog)
        guard let usual = fitting.first else {
            throw Failure("\(rows.file.path): no algorithm of these plugins learns from \(rows.words)", status: .data)
        }
        let id = try ask("Algorithm (\(fitting.joined(separator: ", ")))", given: algorithm, suggested: usual) {
            guard fitting.contains($0) else {
                throw Failure(
                    "algorithm: '\($0)' does not fit \(rows.words); expected one of \(fitting.joined(separator: ", "))",
                    status: .usage)
            }
            return $0
        }
        var worth: DraftReward?
        if RecipeDraft.needsReward(id, catalog) {
            let known = DraftReward.functions.joined(separator: ", ")
            guard ask.isTerminal || reward != nil || rows.reward != nil else {
                throw Failure(
                    "the data has no column that suggests a reward; expected --reward \(known), FILE.py:FUNCTION, or the folder of a "
                        + "reward model", status: .usage)
            }
            worth = try ask("Reward (\(known), FILE.py:FUNCTION, a folder)", given: reward, suggested: rows.reward) {
                try DraftReward($0, data: rows)
            }
        } else if reward != nil {
            throw Failure("--reward: '\(id)' reads no reward; leave it out", status: .usage)
        }
        let limit = try ask("Budget (updates, or such as 2 epochs, 30m)", given: budget, suggested: "100") {
            try RecipeDraft.budget($0)
        }
        let draft = try RecipeDraft(
            model: folder, data: rows, reward: worth, algorithm: id, budget: limit, plugins: catalog)
        try await write(draft.text(for: file), to: file, catalog)
    }

    /// Without a terminal nothing can be asked.
    private func refuseMissing(_ ask: Questions) throws {
        let missing = [("--model", model), ("--data", data)].filter { $0.1 == nil }.map(\.0)
        guard !missing.isEmpty, !ask.isTerminal else { return }
        throw Failure(
            "standard input is not a terminal, so nothing can be asked: expected \(missing.joined(separator: " and "))",
            status: .usage)
    }

    private func write(_ text: String, to file: URL, _ catalog: PluginCatalog) async throws {
        let recipe = try Recipe.parse(text, file: file, knownAlgorithms: catalog.algorithmNames, names: catalog.parameterNames)
        let controller = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: true))
        try controller.checkEverything()
        try OutputFile.write(Data(text.utf8), to: file)
        try StandardOutput.print("\(file.shortPath) is written\n")
        if !noDryRun { try await DryRun(controller).show(seed: recipe.seed) }
        try StandardOutput.print("next: zoo train \(file.shortPath)")
    }
}

/// Questions on the terminal.
private struct Questions {
    let isTerminal = isatty(STDIN_FILENO) == 1

    /// The answer: the one given, or that of the user, who is asked until it is right.
    func callAsFunction<Value>(_ question: String, given: String?, suggested: String?, _ read: (String) throws -> Value) throws
        -> Value
    {
        if let given { return try read(given) }
        guard isTerminal else {
            guard let suggested else { throw Failure("nothing was answered to '\(question)'", status: .usage) }
            return try read(suggested)
        }
        while true {
            try StandardOutput.print("\(question)\(suggested.map { " [\($0)]" } ?? ""): ", end: "")
            guard let line = readLine() else { throw Failure("no answer to '\(question)'; nothing was written", status: .usage) }
            let typed = line.trimmingCharacters(in: .whitespaces)
            guard let answer = typed.isEmpty ? suggested : typed else { continue }
            do { return try read(answer) } catch { try StandardOutput.print("  \(plainWords(error))") }
        }
    }
}
