import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun
import ZooServices

struct Cache: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, explain and remove cached artifacts.",
        discussion: """
            Models of the stages before the last, preference pairs and reward normalisations are computed once. They are looked up by the
            content of everything that affects them: recipe, files, folders, plugin, ABI, libtorch, device, threads. Names and
            locations of files do not count. The cache is the folder artifacts in POLICYZOO_CACHE, or in policyzoo in the user's
            cache folder.

              zoo cache list
              zoo cache why sft-0f1e2d3c4b5a6978
              zoo cache why recipes/sentiment.yaml
              zoo cache clean --unused 30 --dry-run
            """,
        subcommands: [List.self, Why.self, Clean.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the cache: kind, size, creation, last use, and for which stage of which recipe.",
            discussion: "  zoo cache list")

        func run() throws {
            let all = try KeptThing.all()
            guard !all.isEmpty else { return try StandardOutput.print("the cache is empty: \(CacheFolder.artifacts.path)") }
            var table = TextTable([
                .text("name"), .text("kind"), .number("size"), .text("made"), .text("last used"), .text("for"),
            ])
            for thing in all {
                table.append([
                    thing.name, thing.kind, Quantity.bytes(Double(thing.bytes)),
                    thing.isWhole ? Self.date(thing.made) : "incomplete",
                    thing.isUsed ? "now" : Self.date(thing.lastUsed), thing.origin,
                ])
            }
            try StandardOutput.table(table)
            try StandardOutput.print(
                "\(all.count) artifacts in \(CacheFolder.artifacts.path), \(Quantity.bytes(Double(all.reduce(0) { $0 + $1.bytes })))"
            )
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
            abstract: "Show what a cached artifact was made from; for a recipe, what would be reused or recomputed, and why.",
            discussion: """
                  zoo cache why sft-0f1e2d3c4b5a6978
                  zoo cache why recipes/sentiment.yaml --algorithm dpo
                """)

        @Argument(help: "A name from `zoo cache list`, or a recipe (a YAML file).", completion: .file(extensions: ["yaml"]))
        var subject: String

        @Option(help: ArgumentHelp("For a recipe: use this algorithm instead of the last stage's.", valueName: "id"))
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
            for item in outlook { try StandardOutput.print(Self.text(item)) }
            guard let last = recipe.stages.last else { return }
            try StandardOutput.print("stage \(last.name): trained by every run, never cached")
        }

        private func show(_ thing: KeptThing) throws {
            try StandardOutput.print(
                "\(thing.url.path)\nmade \(List.date(thing.made)), last used \(List.date(thing.lastUsed)), for \(thing.origin)")
            guard let made = thing.madeFrom else {
                return try StandardOutput.print("an earlier version of zoo made it and did not record from what")
            }
            var table = TextTable([.text("made from"), .text("sha256"), .text("file or folder")])
            for input in made.inputs { table.append([input.name, String(input.sha256.prefix(16)), input.path]) }
            try StandardOutput.table(table)
            try StandardOutput.print("")
            try StandardOutput.print("It is reused if all of this is the same:\n\n\(made.yaml)", end: "")
        }

        private static func text(_ item: Outlook) -> String {
            switch item.state {
            case .kept(let thing): return "\(item.title): cached as \(thing.name)"
            case .after(let stage): return "\(item.title): depends on stage \(stage), which is not cached"
            case .new(nil, _): return "\(item.title): recomputed; nothing of its kind is cached"
            case .new(let nearest?, let changes):
                guard !changes.isEmpty else { return "\(item.title): recomputed; \(nearest.name) is incomplete" }
                let lines = changes.map { "  \($0)" }.joined(separator: "\n")
                return "\(item.title): recomputed; the nearest entry, \(nearest.name), had\n\(lines)"
            }
        }
    }

    struct Clean: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove cached artifacts: by name, by age, or all. Those in use are kept.",
            discussion: """
                The next command that needs a removed artifact recomputes it. A stopped run can only be resumed while the stages that it
                started from are still cached.

                  zoo cache clean sft-0f1e2d3c4b5a6978
                  zoo cache clean --unused 30 --dry-run
                  zoo cache clean --all
                """)

        @Argument(help: "Names from `zoo cache list`.")
        var names: [String] = []

        @Option(help: ArgumentHelp("Remove artifacts that were not used for this many days.", valueName: "days"))
        var unused: Double?

        @Flag(help: "Everything.")
        var all = false

        @Flag(help: "Show what would be removed, without removing it.")
        var dryRun = false

        func validate() throws {
            guard [!names.isEmpty, unused != nil, all].count(where: { $0 }) == 1 else {
                throw ValidationError("name what to remove: names from `zoo cache list`, --unused DAYS or --all")
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
                    try StandardOutput.print("\(thing.name) is kept: a process is using it")
                    continue
                }
                try StandardOutput.print(
                    "\(thing.name) \(dryRun ? "would be removed" : "removed"), \(Quantity.bytes(Double(thing.bytes)))")
                freed += thing.bytes
                removed += 1
            }
            try StandardOutput.print(
                "\(removed) of \(kept.count) \(dryRun ? "would be removed" : "removed"), \(Quantity.bytes(Double(freed))) freed")
            guard names.isEmpty || used.isEmpty else {
                throw Failure("\(used.joined(separator: ", ")) is in use by a process and was kept", status: .data)
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
