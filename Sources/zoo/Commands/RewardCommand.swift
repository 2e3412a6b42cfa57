import ArgumentParser
import Foundation
import ZooBase
import ZooData
import ZooPlugins
import ZooRecipe
import ZooReport
import ZooRun

struct RewardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rewards",
        abstract: "List the reward functions, show one, or try a recipe's rewards on completions.",
        discussion: """
            A recipe names rewards by 'function'. One of your own is a command, a service or a library: recipes/rewards.md.

              zoo rewards list
              zoo rewards list --library librewards.so
              zoo rewards show regex
              zoo rewards try recipes/countdown.yaml --completion " 3 * 7 + 8"
            """,
        subcommands: [List.self, Show.self, Try.self])

    /// Those that are not functions of the host.
    private static let others = [
        ("model", "any", "what a trained reward model says: 'from: STAGE' or 'folder: PATH'"),
        (
            "command", "any",
            "what a program of yours says, such as Python functions: 'command: [python3, -m, zoo_reward, \"my_rewards:f\"]'"
        ),
        ("http", "any", "what a service of yours says: 'url: http://127.0.0.1:8000/score'"),
        ("library", "any", "what a shared library of yours says: 'library: librewards.so, reward: ID'"),
    ]

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the reward functions that recipes can name, or those of a library of your own.",
            discussion: """
                  zoo rewards list
                  zoo rewards list --library librewards.so
                """)

        @Option(help: "List what this shared library offers instead.", completion: .file())
        var library: String?

        func run() async throws {
            if let library { return try StandardOutput.table(await RewardWorker(library).rewards().table) }
            var table = TextTable([.text("function"), .text("task"), .text("reward")])
            for kind in RewardKind.all { table.append([kind.name, RewardCommand.tasks(of: kind), kind.doc]) }
            for (name, task, doc) in RewardCommand.others { table.append([name, task, doc]) }
            try StandardOutput.table(table)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a reward function rewards, and its parameters.",
            discussion: """
                  zoo rewards show number-match
                  zoo rewards show command
                  zoo rewards show letters --library librewards.so
                """)

        @Argument(help: "The function, such as number-match, or the library's reward.")
        var name: String

        @Option(help: "Show a reward of this shared library.", completion: .file())
        var library: String?

        func run() async throws {
            if let library { return try await show(library) }
            guard let kind = RewardKind.all.first(where: { $0.name == name }) else {
                let names = RewardKind.all.map(\.name) + RewardCommand.others.map(\.0)
                guard let other = RewardCommand.others.first(where: { $0.0 == name }) else {
                    throw ValidationError(
                        "there is no reward function '\(name)'\(didYouMean(name, among: names)); `zoo rewards list` lists all")
                }
                try StandardOutput.print("\(name): \(other.2)\n")
                let keys = Recipe.keyTables.found(at: "stages.NAME.rewards.N")
                let rows = keys.first?.rows.map { [$0.key, $0.standard, $0.takes, $0.doc] } ?? []
                return try StandardOutput.table(RewardCommand.table(rows, "key"))
            }
            try StandardOutput.print("\(kind.name): \(kind.doc)")
            let task = RewardCommand.tasks(of: kind)
            try StandardOutput.print(kind.needsTask ? "task: \(task)" : "reads rows alone: any task, or none")
            guard !kind.parameters.isEmpty else { return try StandardOutput.print("it has no parameters") }
            try StandardOutput.print("")
            try StandardOutput.table(
                RewardCommand.table(
                    kind.parameters.map { [$0.name, $0.defaultValue?.yaml ?? "required", $0.type, $0.doc] }, "parameter"))
        }

        private func show(_ library: String) async throws {
            let rewards = try await RewardWorker(library).rewards()
            guard let reward = rewards.first(where: { $0.id == name }) else {
                let known = rewards.map(\.id)
                throw ValidationError(
                    "\(library) has no reward '\(name)'\(didYouMean(name, among: known)); it has: \(known.joined(separator: ", "))"
                )
            }
            try StandardOutput.print("\(reward.id): \(reward.summary)")
            try StandardOutput.print("rewards: [{function: library, library: \(library), reward: \(reward.id)}]")
            guard let table = try reward.parameterTable() else { return try StandardOutput.print("it has no parameters") }
            try StandardOutput.print("")
            try StandardOutput.table(table)
        }
    }

    struct Try: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try",
            abstract: "Score completions with a recipe's rewards, without a model.",
            discussion: """
                Programs are started as a run starts them; what they print goes to standard error. Without --completion and --file, the
                completions of the stage's data are scored, or of the data that its model learnt from.

                  zoo rewards try recipes/countdown.yaml
                  zoo rewards try my.yaml --stage rl --completion "yes" --completion "no"
                  zoo rewards try my.yaml --file completions.jsonl

                --file takes rows of JSON with prompt, completion and the columns that rewards read, or text, a completion a line.
                """)

        @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml"]))
        var recipe: String

        @Option(help: "The stage. (default: the last one with rewards)")
        var stage: String?

        @Option(name: .shortAndLong, help: "Completions at most.")
        var number = 8

        @Option(help: ArgumentHelp("A completion, the first for the first prompt and so on (repeatable).", valueName: "text"))
        var completion: [String] = []

        @Option(help: "A file of completions.", completion: .file(extensions: ["jsonl", "txt"]))
        var file: String?

        @Flag(help: "Print JSON, a line for each completion.")
        var json = false

        @OptionGroup var changes: RecipeOptions

        func validate() throws {
            try Bounds.check("--number", number, 1...1_000_000)
            if file != nil, !completion.isEmpty {
                throw ValidationError("--completion and --file are both given; expected one of them")
            }
        }

        func run() throws {
            let read = try Recipe.load(
                URL(fileURLWithPath: recipe), base: changes.base.map { URL(fileURLWithPath: $0) },
                overrides: changes.changes.map { try Override($0) })
            let trial = try RewardTrial(read, stage: stage, count: number, completions: completions())
            guard !json else {
                for line in trial.lines { try StandardOutput.print(JSON.text(RewardCommand.json(line, trial.names))) }
                return
            }
            var table = TextTable([.text("prompt"), .text("completion"), .number("reward")] + trial.names.map { .number($0) })
            for line in trial.lines {
                let numbers = ([line.total] + line.rewards).map(RewardCommand.number)
                table.append([line.prompt.short, line.completion.short] + numbers)
            }
            try StandardOutput.print("stage \(trial.stage), \(trial.lines.count) completions: \(trial.origin)\n")
            try StandardOutput.table(table)
            if !trial.leftOut.isEmpty { note("left out: \(trial.leftOut.joined(separator: ", "))") }
        }

        private func completions() throws -> RewardTrial.Completions {
            guard let file else { return completion.isEmpty ? .data : .texts(completion) }
            let url = URL(fileURLWithPath: file)
            guard url.pathExtension != "jsonl" else { return .rows(url) }
            return .texts(try InputFile.text(url).split(separator: "\n", omittingEmptySubsequences: true).map(String.init))
        }
    }

    private static func tasks(of kind: RewardKind) -> String {
        guard kind.needsTask else { return "any" }
        return Tasks.all.filter { $0.rewards.contains { $0.name == kind.name } }.map { $0.name }.joined(separator: ", ")
    }

    private static func table(_ rows: [[String]], _ title: String) -> TextTable {
        var table = TextTable([.text(title), .text("default"), .text("takes"), .text("meaning")])
        for row in rows { table.append(row) }
        return table
    }

    private static func number(_ value: Double) -> String {
        value.isNaN ? "–" : value.formatted(.number.precision(.significantDigits(1...5)).grouping(.never))
    }

    private static func json(_ line: RewardTrial.Line, _ names: [String]) -> JSONValue {
        func value(_ number: Double) -> JSONValue { number.isNaN ? .null : .number(number) }
        return [
            "prompt": .string(line.prompt), "completion": .string(line.completion), "reward": value(line.total),
            "rewards": .object(JSONObject(zip(names, line.rewards).map { ($0, value($1)) })),
        ]
    }
}

extension String {
    /// As much of it as a table has room for.
    fileprivate var short: String {
        let line = shownOnOneLine
        return line.count > 48 ? line.prefix(47) + "…" : line
    }
}
