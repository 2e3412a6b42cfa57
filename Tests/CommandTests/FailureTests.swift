import Foundation
import Testing

/// Each failure of the machine is one sentence that names the place, with the exit status of its kind.
@Suite("what the machine refuses", .serialized)
struct FailureTests {
    /// Words of Foundation's and Swift's own errors.
    private static let raw = [
        "NSCocoaErrorDomain", "NSPOSIXErrorDomain", "UserInfo", "DecodingError", "Error Domain", "codingPath", "debugDescription",
        "NSUnderlyingError", "Optional(", "ZooBase.", "Swift.",
    ]

    private func expect(
        _ zoo: Command, _ words: [String], _ status: Int32, _ parts: String..., location: SourceLocation = #_sourceLocation
    ) throws {
        let result = try zoo.run(words)
        #expect(result.status == status, "\(result.errors)", sourceLocation: location)
        let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("zoo: error:") }
        #expect(lines.count == 1 && result.errors.hasSuffix("\n"), "\(result.errors)", sourceLocation: location)
        for part in parts { #expect(result.errors.contains(part), "\(part): \(result.errors)", sourceLocation: location) }
        for word in Self.raw { #expect(!result.errors.contains(word), "\(result.errors)", sourceLocation: location) }
    }

    /// A recipe with one example, and a run of two steps.
    private func withRun(_ body: (Command) throws -> Void) throws {
        try Command.inFolder { zoo in
            try write(#"{"text": "A film."}"#, zoo, "texts.jsonl")
            try write(Self.recipe, zoo, "recipe.yaml")
            let made = try zoo("train", Command.tabular, "--set", "budget.updates=2", "--run-dir", "run", "--quiet")
            #expect(made.status == 0, "\(made.errors)")
            try body(zoo)
        }
    }

    private func write(_ text: String, _ zoo: Command, _ name: String) throws { try Data(text.utf8).write(to: zoo.path(name)) }

    private static let recipe = """
        name: small
        stages:
          - name: base
            algorithm: sft
            policy: {new: {family: llama, vocabulary_size: 272, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, \
        num_attention_heads: 1}}
            data: {examples: texts.jsonl}
            budget: {iterations: 1}
        """

    @Test("a folder or file that cannot be made is named, with status 73")
    func creating() throws {
        try withRun { zoo in
            let train = ["train", Command.tabular, "--set", "budget.updates=2", "--run-dir"]
            let long = String(repeating: "n", count: 300)
            try expect(zoo, train + ["recipe.yaml/below"], 73, "recipe.yaml/below", "cannot be created")
            try expect(zoo, train + ["recipe.yaml"], 73, "recipe.yaml")
            try expect(zoo, train + [long], 73, long, "the name is too long")
            try expect(zoo, train + ["run"], 73, "run already contains a run")
            try expect(zoo, ["report", "run", "--output", "no/where.md"], 73, "no/where.md", "there is no such file or folder")
            try expect(zoo, ["report", "run", "--output", "recipe.yaml/x.md"], 73, "recipe.yaml/x.md")
            try expect(zoo, ["report", "run", "--output", "\(long).md"], 73, "the name is too long")
            try FileManager.default.createDirectory(at: zoo.path("folder.md"), withIntermediateDirectories: true)
            try expect(zoo, ["report", "run", "--output", "folder.md"], 73, "folder.md", "a folder has that name")
        }
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["POLICYZOO_CACHE"] = "/dev/null/cache"
            let words = ["compare", Command.tabular, "--seeds", "0", "--set", "budget.updates=2", "--quiet"]
            let result = try zoo.run(words)
            #expect(result.status == 0 || result.errors.contains("/dev/null/cache"), "\(result.errors)")
            zoo.environment["POLICYZOO_CACHE"] = "/proc/cache"
            let countdown = Command.root.appending(path: "recipes/countdown.yaml").path
            let refused = try zoo.run(["data", "inspect", countdown])
            #expect([73, 77].contains(refused.status) && refused.errors.contains("/proc/cache"), "\(refused.errors)")
            for word in Self.raw { #expect(!refused.errors.contains(word), "\(refused.errors)") }
        }
    }

    @Test("a full disk is named with the file, with status 74")
    func fullDisk() throws {
        try withRun { zoo in
            try expect(zoo, ["report", "run", "--output", "/dev/full", "--markdown"], 74, "/dev/full", "the disk is full")
        }
    }

    @Test("what is not there, or is no file, is named, with status 66", .timeLimit(.minutes(2)))
    func reading() throws {
        try withRun { zoo in
            #expect(mkfifo(zoo.path("pipe").path, 0o600) == 0)
            let long = String(repeating: "n", count: 300)
            try expect(zoo, ["train", "pipe"], 66, "pipe: is a pipe; expected a file")
            try expect(zoo, ["train", "/dev/zero"], 66, "/dev/zero: is a device; expected a file")
            try expect(zoo, ["train", "recipe.yaml/x"], 66, "recipe.yaml/x")
            try expect(zoo, ["train", long], 66, long)
            try expect(zoo, ["train", "run"], 66, "run: is a folder")
            try expect(zoo, ["train", "--resume", "recipe.yaml"], 66, "recipe.yaml is not a run")
            try expect(zoo, ["sample", "nowhere"], 66, "nowhere")
            try expect(zoo, ["plugins", "check", "nowhere.so"], 66, "nowhere.so: no such file")
            try expect(
                zoo, ["data", "inspect", "recipe.yaml", "--set", "data.examples=pipe"], 65, "pipe: is a pipe; expected a file")
            try expect(zoo, ["data", "inspect", "recipe.yaml", "--set", "data.examples=/dev/zero"], 65, "is a device")
            try expect(zoo, ["data", "inspect", "recipe.yaml", "--set", "data.chat_template=pipe"], 65, "is a pipe")
            try expect(
                zoo, ["data", "inspect", "recipe.yaml", "--set", #"data.examples="texts.jsonl\0.txt""#], 65, "found nothing at")
            // A folder where a file belongs, and a pipe within a model.
            for name in ["config.json", "model.safetensors"] {
                let file = zoo.path("run/model/\(name)")
                let kept = try Data(contentsOf: file)
                try FileManager.default.removeItem(at: file)
                try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
                try expect(zoo, ["evaluate", Command.tabular, "run"], 66, name, "is a folder; expected a file")
                try FileManager.default.removeItem(at: file)
                #expect(mkfifo(file.path, 0o600) == 0)
                try expect(zoo, ["evaluate", Command.tabular, "run"], 66, name, "is a pipe; expected a file")
                try FileManager.default.removeItem(at: file)
                try expect(zoo, ["evaluate", Command.tabular, "run"], 66, name)
                try kept.write(to: file)
            }
        }
    }

    @Test("a damaged file is named with the place, with status 65")
    func damage() throws {
        try withRun { zoo in
            for name in ["run.json", "evaluation.json", "ledger.json", "environment.json"] {
                let file = zoo.path("run/\(name)")
                let kept = try Data(contentsOf: file)
                for text in ["{", "[]", "{}", "nul", #"{"recipe": 3}"#, "\u{1B}[31m"] {
                    try Data(text.utf8).write(to: file)
                    try expect(zoo, ["report", "run", "--markdown"], 65, name)
                    if name == "run.json" { try expect(zoo, ["train", "--resume", "run"], 65, name) }
                }
                try kept.write(to: file)
            }
            let probe =
                #"{"recipe": "r", "driver": "p", "seed": 0, "batches": 8, "sequences": 8, "samples": 4, "beta": 0.5, "points": "#
                + #"[{"step": 1, "kl": 0, "reward": 0, "referenceSequences": 0, "cosines": [[1]], "estimators": [], "baselines": []}]}"#
            try FileManager.default.createDirectory(at: zoo.path("probe"), withIntermediateDirectories: true)
            try write(probe, zoo, "probe/probe.json")
            try expect(zoo, ["report", "probe", "--markdown"], 65, "probe/probe.json is damaged: step 1")
            try write("{\"_class_name\": 3", zoo, "run/model/config.json")
            try expect(zoo, ["evaluate", Command.tabular, "run"], 65, "config.json")
        }
    }

    @Test("the same fault of a model has the same status, whatever command finds it")
    func sameFault() throws {
        try withRun { zoo in
            let model = zoo.path("language/model")
            func policy(_ more: String = "") -> [String] { ["--set", "policy={folder: \(model.path)\(more)}"] }
            for words in [[], policy(", lora: {r: 2, lora_alpha: 4}")] {
                let folder = words.isEmpty ? "language" : "lora"
                let made = try zoo.run(["train", "recipe.yaml", "--run-dir", folder, "--quiet"] + words)
                #expect(made.status == 0, "\(made.errors)")
            }
            let (config, weights) = (model.appending(path: "config.json"), model.appending(path: "model.safetensors"))
            let kept = (config: try Data(contentsOf: config), weights: try Data(contentsOf: weights))
            func text(_ replace: (String) -> String) -> Data { Data(replace(String(decoding: kept.config, as: UTF8.self)).utf8) }
            let faults: [(config: Data?, weights: Data?, status: Int32, part: String)] = [
                (text { $0.replacing("llama", with: "frobnicate") }, kept.weights, 65, "model_type is frobnicate"),
                (kept.config.prefix(20), kept.weights, 65, "config.json: "),
                (text { $0.replacing("\"vocab_size\" : ", with: "\"vocab_size\" : -") }, kept.weights, 65, "vocab_size is -"),
                (kept.config, kept.weights.prefix(100), 65, "model.safetensors"), (kept.config, nil, 66, "model.safetensors"),
            ]
            for (number, fault) in faults.enumerated() {
                for (file, data) in [(config, fault.config), (weights, fault.weights)] {
                    if let data { try data.write(to: file) } else { try FileManager.default.removeItem(at: file) }
                }
                let commands = [
                    ["sample", "language"], ["sample", "lora"], ["merge", "lora", "--output", "merged"],
                    ["train", "recipe.yaml", "--quiet", "--run-dir", "run-\(number)"] + policy(),
                ]
                for words in commands { try expect(zoo, words, fault.status, fault.part) }
            }
        }
    }

    @Test("numbers of the command line have bounds")
    func bounds() throws {
        try Command.inFolder { zoo in
            try expect(
                zoo, ["sample", "x", "--samples", "1000000000"], 64,
                "--samples is 1000000000; expected a whole number from 1 to 100000")
            try expect(zoo, ["sample", "x", "--temperature", "1e300"], 64, "--temperature")
            try expect(
                zoo, ["compare", "x", "--jobs", "1000000"], 64, "--jobs is 1000000; expected a whole number from 1 to 256")
            try expect(zoo, ["plugins", "check", "x", "--deadline", "1e300"], 64, "--deadline")
        }
    }
}
