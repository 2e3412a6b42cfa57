import ArgumentParser
import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct Cache: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is made once and kept, from what it was made, and remove it.",
        discussion: """
            Models of the stages before the last, preference pairs and scales of rewards are made once and found again by the content
            of all that makes them: recipe, files, folders, plugin, contract, libtorch, device, threads. Where the files lie and what
            they are called does not count. They lie in artifacts in POLICYZOO_CACHE, or in policyzoo in the user's cache folder.

              zoo cache list
              zoo cache why sft-0f1e2d3c4b5a6978
              zoo cache why recipes/sentiment.yaml
              zoo cache clean --unused 30 --dry-run
            """,
        subcommands: [List.self, Why.self, Clean.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what is kept: kind, size, when it was made and last used, and for which stage of which recipe.",
            discussion: "  zoo cache list")

        func run() throws {
            let all = try KeptThing.all()
            guard !all.isEmpty else { return try Output.print("nothing is kept in \(CacheFolder.artifacts.path)") }
            var table = TextTable([
                .text("name"), .text("kind"), .number("size"), .text("made"), .text("last used"), .text("for"),
            ])
            for thing in all {
                table.append([
                    thing.name, thing.kind, Quantity.bytes(Double(thing.bytes)),
                    thing.isWhole ? Self.date(thing.made) : "not whole",
                    thing.isUsed ? "now" : Self.date(thing.lastUsed), thing.origin,
                ])
            }
            try Output.print(table.plain(), end: "")
            try Output.print(
                "\(all.count) kept in \(CacheFolder.artifacts.path), \(Quantity.bytes(Double(all.reduce(0) { $0 + $1.bytes })))")
        }

        static func date(_ date: Date) -> String {
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.dateFormat = "yyyy-MM-dd HH:mm"
            return format.string(from: date)
        }
    }

    struct Why: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say from what a kept thing was made; or of a recipe, what is found and what would be made anew, and why.",
            discussion: """
                  zoo cache why sft-0f1e2d3c4b5a6978
                  zoo cache why recipes/sentiment.yaml --algorithm dpo
                """)

        @Argument(help: "A name of `zoo cache list`, or a recipe, a YAML file.", completion: .file(extensions: ["yaml"]))
        var subject: String

        @Option(help: ArgumentHelp("Of a recipe: with this algorithm in place of the last stage's.", valueName: "id"))
        var algorithm: String?

        @OptionGroup var changes: RecipeOptions

        @OptionGroup var plugins: PluginOptions

        func run() async throws {
            let all = try KeptThing.all()
            if let thing = all.first(where: { $0.name == subject }) { return try show(thing) }
            guard [".yaml", ".yml"].contains(where: subject.hasSuffix) || FileManager.default.fileExists(atPath: subject) else {
                _ = try KeptThing.named(subject, among: all)
                return
            }
            let catalog = try await plugins.catalog()
            let recipe = try changes.recipe(subject, algorithm: algorithm, plugins: catalog)
            let outlook = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: true)).outlook()
            for item in outlook { try Output.print(Self.text(item)) }
            guard let last = recipe.stages.last else { return }
            try Output.print("stage \(last.name): trained anew by every run")
        }

        private func show(_ thing: KeptThing) throws {
            try Output.print(
                "\(thing.url.path)\nmade \(List.date(thing.made)), last used \(List.date(thing.lastUsed)), for \(thing.origin)")
            guard let made = thing.madeFrom else {
                return try Output.print("an earlier version of zoo made it and did not note from what")
            }
            var table = TextTable([.text("made from"), .text("sha256"), .text("file or folder")])
            for input in made.inputs { table.append([input.name, String(input.sha256.prefix(16)), input.path]) }
            try Output.print(table.plain())
            try Output.print("It is found again where all of this is the same:\n\n\(made.yaml)", end: "")
        }

        private static func text(_ item: Outlook) -> String {
            switch item.state {
            case .kept(let thing): return "\(item.title): kept as \(thing.name)"
            case .after(let stage): return "\(item.title): known when stage \(stage) is made"
            case .new(nil, _): return "\(item.title): made anew; nothing of its kind is kept"
            case .new(let nearest?, let changes):
                guard !changes.isEmpty else { return "\(item.title): made anew; \(nearest.name) is not whole" }
                let lines = changes.map { "  \($0)" }.joined(separator: "\n")
                return "\(item.title): made anew; what is nearest, \(nearest.name), had\n\(lines)"
            }
        }
    }

    struct Clean: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove what is kept: by name, what was not used for a while, or all. What a process uses stays.",
            discussion: """
                What is removed is made again by the next command that needs it. A run that was stopped needs the stages that it began
                with to go on.

                  zoo cache clean sft-0f1e2d3c4b5a6978
                  zoo cache clean --unused 30 --dry-run
                  zoo cache clean --all
                """)

        @Argument(help: "Names of `zoo cache list`.")
        var names: [String] = []

        @Option(help: ArgumentHelp("What was not used for so many days.", valueName: "days"))
        var unused: Double?

        @Flag(help: "Everything.")
        var all = false

        @Flag(help: "Say what would be removed, and remove nothing.")
        var dryRun = false

        func validate() throws {
            guard [!names.isEmpty, unused != nil, all].count(where: { $0 }) == 1 else {
                throw ValidationError("say what to remove: names of `zoo cache list`, --unused DAYS or --all")
            }
            if let unused, !(unused >= 0) { throw ValidationError("--unused is \(unused); expected a number of days from 0") }
        }

        func run() throws {
            let kept = try KeptThing.all()
            var chosen = kept
            if let unused { chosen = kept.filter { Date().timeIntervalSince($0.lastUsed) >= unused * 86_400 } }
            if !names.isEmpty { chosen = try names.map { try KeptThing.named($0, among: kept) } }
            var (freed, removed, used) = (try KeptThing.sweep(counted: dryRun), 0, [String]())
            for thing in chosen {
                guard try dryRun ? !thing.isUsed : thing.remove() else {
                    used.append(thing.name)
                    try Output.print("\(thing.name) stays: a process uses it")
                    continue
                }
                try Output.print(
                    "\(thing.name) \(dryRun ? "would be removed" : "removed"), \(Quantity.bytes(Double(thing.bytes)))")
                freed += thing.bytes
                removed += 1
            }
            try Output.print(
                "\(removed) of \(kept.count) \(dryRun ? "would be removed" : "removed"), \(Quantity.bytes(Double(freed))) freed")
            guard names.isEmpty || used.isEmpty else {
                throw Failure("\(used.joined(separator: ", ")) is used by a process and stays", status: Failure.data)
            }
        }
    }
}

extension KeptThing {
    /// The stage and recipe that it was made for.
    fileprivate var origin: String {
        madeFrom.map { "stage \($0.stage) of \(URL(fileURLWithPath: $0.recipe).shortPath)" } ?? "an earlier version of zoo"
    }
}
