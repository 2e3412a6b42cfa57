import ArgumentParser
import ZooBase
import ZooRecipe
import ZooReport

/// What can stand in a recipe.
struct RecipeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe",
        abstract: "Show the keys of recipes, for people or as a JSON Schema for editors.",
        discussion: """
              zoo recipe keys
              zoo recipe keys optimizer
              zoo recipe keys rollout.temperature
              zoo recipe schema > recipe.schema.json
            """,
        subcommands: [Keys.self, Schema.self])

    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys of a recipe: default, type and range, and meaning.",
            discussion: """
                A path is what --set takes. Words in capitals stand for a name or a number: the keys of stages.NAME.optimizer are changed
                by --set stages.base.optimizer.learning_rate=1e-4, those of the last stage also without stages.NAME.

                  zoo recipe keys
                  zoo recipe keys optimizer
                  zoo recipe keys compare.variants
                """)

        @Argument(help: "List only the keys at or below this path; 'recipe' lists those of the whole.")
        var path: String?

        @Flag(help: "Print the table of this path alone, as Markdown.")
        var markdown = false

        func validate() throws {
            if markdown, path == nil { throw ValidationError("--markdown needs a path, such as optimizer or recipe") }
        }

        func run() throws {
            let tables = try chosen()
            if markdown { return try StandardOutput.print(tables[0].markdown, end: "") }
            try StandardOutput.print(tables.map(\.page).joined(separator: "\n"), end: "")
        }

        private func chosen() throws -> [KeyTable] {
            let all = Recipe.keyTables
            guard let path else { return all }
            if path == "recipe" { return all.filter { $0.path.isEmpty } }
            let found = all.found(at: path)
            guard found.isEmpty else { return found }
            let fix = nearest(path, among: all.paths).map { "did you mean '\($0)'?" } ?? "`zoo recipe keys` lists all"
            throw ValidationError("recipes have no key '\(path)'; \(fix)")
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a JSON Schema of recipes, from which editors complete and check.",
            discussion: """
                Editors with a YAML language server read it from a comment in the recipe:

                  # yaml-language-server: $schema=recipe.schema.json

                  zoo recipe schema > recipe.schema.json
                """)

        func run() throws {
            try StandardOutput.print(String(decoding: JSON.encode(Recipe.jsonSchema), as: UTF8.self))
        }
    }
}

extension KeyTable {
    /// The table under its path, for a terminal.
    fileprivate var page: String {
        var table = TextTable([.text("key"), .text("default"), .text("takes"), .text("meaning")])
        for row in rows { table.append([row.key, row.standard, row.takes, row.doc]) }
        return "\(path.isEmpty ? "recipe" : path)\n\(table.plain(width: Terminal.standardOutputWidth))"
    }

    fileprivate var markdown: String {
        var table = TextTable([.text("Key"), .text("Default"), .text("Takes"), .text("Meaning")])
        for row in rows { table.append(["`\(row.key)`", row.standard, row.takes, row.doc]) }
        return table.markdown()
    }
}
