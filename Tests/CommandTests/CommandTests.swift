import Foundation
import Testing

@Suite("the command", .serialized)
struct CommandTests {
    @Test(
        "every command explains itself with an example",
        arguments: [
            ["train"], ["compare"], ["report"], ["sample"], ["evaluate"], ["plugins"], ["plugins", "show"], ["plugins", "check"],
            ["data"],
            ["doctor"],
        ])
    func help(words: [String]) throws {
        try Command.inFolder { zoo in
            let result = try zoo.run(words + ["--help"])
            #expect(result.status == 0)
            #expect(result.output.contains("\n  zoo \(words.joined(separator: " "))"))
            #expect(result.errors.isEmpty)
        }
    }

    @Test(
        "a mistake gives one line on standard error and the exit status of its kind",
        arguments: [
            (["bogus"], 64, "Unexpected argument 'bogus'; see `zoo help`"),
            (["train"], 64, "name a recipe, such as recipes/sentiment.yaml, or a run to --resume; see `zoo help train`"),
            (
                ["compare", "a.yaml", "--seeds", "x"], 64,
                "--seeds has 'x'; expected whole numbers, such as 0,1,2; see `zoo help compare`"
            ),
            (
                ["compare", "a.yaml", "--jobs", "1", "--jobs=2"], 64,
                "--jobs was given twice; expected once; see `zoo help compare`"
            ),
            (
                ["train", "a.yaml", "--seed", "1", "--seed", "2"], 64,
                "--seed was given twice; expected once; see `zoo help train`"
            ),
            (["compare", "a.yaml", "--variants", ","], 64, "--variants is empty"),
            (["compare", "a.yaml", "--seeds", ""], 64, "--seeds is empty"),
            (
                ["compare", Command.tabular, "--seeds", "1", "--seeds", "2,1"], 65,
                "seed 1 is listed twice; expected distinct seeds"
            ),
            (["train", "nowhere.yaml"], 66, "nowhere.yaml: no such recipe"),
            (["train", "--resume", "."], 66, "is not a run: it has no run.json"),
            (
                ["train", Command.tabular, "--algorithm", "grop"], 65,
                "no plugin offers the algorithm 'grop'; did you mean 'grpo'?"
            ),
            (["train", Command.tabular, "--set", "budget.update=3"], 65, "is not a key here; did you mean 'updates'?"),
            (["train", Command.tabular, "--set", "parameters.promts=3"], 65, "did you mean 'prompts'?"),
            (["compare", Command.tabular, "--variants", "pqo"], 65, "pqo"),
            (["plugins", "show", "gppo"], 65, "no plugin offers the algorithm 'gppo'"),
            (["plugins", "check", "nowhere.so"], 66, "no such file"),
            (["plugins", "list", "--plugin-path", "nowhere"], 66, "the plugin folder cannot be read"),
            (["report", "nowhere"], 66, "nowhere: there is no such folder"),
            (["report", "."], 66, ". is not a run (no run.json), a comparison (a folder of runs) or a probe"),
            (["report", Command.tabular], 66, "is a file; expected the folder of a run, a comparison or a probe"),
            (["report", ".", "--output", "x.pdf"], 64, "does not end in .html, .md, .csv or .json; choose the format with"),
            (["report", ".", "--follow", "--markdown"], 64, "--follow serves the page and writes no file"),
            (["sample", "."], 66, "config.json is missing"),
            (["evaluate", Command.tabular, "."], 66, "config.json is missing"),
        ] as [([String], Int32, String)])
    func mistakes(words: [String], status: Int32, sentence: String) throws {
        try Command.inFolder { zoo in
            let result = try zoo.run(words)
            #expect(result.status == status)
            #expect(result.output.isEmpty)
            #expect(result.errors.hasPrefix("zoo: error: "))
            #expect(result.errors.contains(sentence), "\(result.errors)")
            #expect(result.errors.filter(\.isNewline).count == 1, "\(result.errors)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: zoo.folder.path).allSatisfy {
                    $0.hasPrefix(".") || $0 == "cache"
                })
        }
    }

    @Test("list names the built-in algorithms, show the parameters with default and range")
    func plugins() throws {
        try Command.inFolder { zoo in
            let list = try zoo("plugins", "list").output
            let ids = [
                "distill", "dpo", "grpo", "kto", "online-dpo", "ppo", "reinforce", "reinforce-plus-plus", "reward-model", "rloo",
                "sft",
            ]
            for id in ids {
                #expect(list.contains("\n\(id) "), "\(id)")
            }
            var wide = zoo
            wide.environment["COLUMNS"] = "400"
            let show = try wide("plugins", "show", "ppo").output
            #expect(show.contains("baseline"))
            #expect(show.contains("critic | batch_mean | group_mean | leave_one_out | none"))
            #expect(show.contains("TRL: num_ppo_epochs"))
        }
    }

    @Test("TRL's names of parameters are taken, and names that they had before are refused with the one of today")
    func names() throws {
        try Command.inFolder { zoo in
            func train(_ algorithm: String, _ change: String) throws -> Command.Result {
                try zoo(
                    "train", Command.tabular, "--set", "budget.updates=1", "--algorithm", algorithm, "--set",
                    "parameters.\(change)", "--run-dir", "run", "--quiet")
            }
            #expect(
                try train("rloo", "ratio=token").errors.contains("'ratio' of 'rloo' is called 'importance_sampling_level' now"))
            #expect(try train("ppo", "baseline=batch-mean").errors.contains("expected 'batch_mean', with underscores"))
            #expect(try train("grpo", "num_iterations=2").errors == "")
            let recipe = try String(contentsOf: zoo.path("run/recipe.yaml"), encoding: .utf8)
            #expect(recipe.contains("epochs: 2") && !recipe.contains("num_iterations"))
        }
    }

    @Test("doctor finds what runs this test")
    func doctor() throws {
        try Command.inFolder { zoo in
            let result = try zoo("doctor")
            #expect(result.output.contains("libtorch"))
            for data in ["sentiment", "digits"] { #expect(result.output.contains("missing  \(data) data")) }
            #expect(result.output.contains("zoo data fetch digits"))
            #expect(result.output.contains("–        fashion data"))
            #expect(result.status == 65)
        }
    }
}
