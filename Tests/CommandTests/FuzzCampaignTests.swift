import Foundation
import Testing

/// Damaged inputs given to the command: each is taken, or refused by one sentence; none crashes, hangs or fills the memory.
///
/// A short form with a fixed seed runs with the other tests. `ZOO_CAMPAIGN_SEED` and `ZOO_CAMPAIGN_SECONDS` make it a campaign.
@Suite("damaged inputs", .serialized)
struct FuzzCampaignTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["ZOO_CAMPAIGN_SEED"].flatMap(UInt64.init) ?? 11
    /// Of each subject.
    private static let seconds = campaign.map { $0 / Double(subjects.count + 1) } ?? 0.5
    private static let campaign = environment["ZOO_CAMPAIGN_SECONDS"].flatMap(Double.init)

    /// What is damaged, and the command that reads it.
    struct Subject: CustomTestStringConvertible, Sendable {
        var file: String
        var words: [String]
        /// Damaged further than by bytes: as JSON or YAML.
        var isText = true

        var testDescription: String { file }
    }

    private static let inspect = ["data", "inspect", "recipe.yaml", "--count", "1"]
    private static let sample = ["sample", "model", "--prompt", "a film", "--max-new-tokens", "2"]
    private static let report = ["report", "run", "--markdown"]

    static let subjects = [
        Subject(file: "recipe.yaml", words: inspect),
        Subject(file: "texts.jsonl", words: inspect),
        Subject(file: "chat.jsonl", words: ["data", "inspect", "chat.yaml", "--count", "1"]),
        Subject(file: "template.jinja", words: ["data", "inspect", "chat.yaml", "--count", "1"]),
        Subject(file: "model/config.json", words: sample),
        Subject(file: "model/tokenizer.json", words: sample),
        Subject(file: "model/model.safetensors", words: sample, isText: false),
        Subject(file: "sharded/model.safetensors.index.json", words: ["sample", "sharded", "--max-new-tokens", "1"]),
        Subject(file: "adapter/adapter_config.json", words: ["merge", "adapter", "--base", "model", "--output", "merged"]),
        Subject(
            file: "adapter/adapter_model.safetensors", words: ["merge", "adapter", "--base", "model", "--output", "merged"],
            isText: false),
        Subject(file: "run/run.json", words: report), Subject(file: "run/metrics.jsonl", words: report),
        Subject(file: "run/evaluation.json", words: report), Subject(file: "run/ledger.json", words: report),
        Subject(file: "run/environment.json", words: report),
    ]

    @Test("are taken or refused by one sentence", .timeLimit(.minutes(600)), arguments: subjects)
    func files(subject: Subject) throws {
        try withInputs { zoo in
            let file = zoo.path(subject.file)
            let original = [UInt8](try Data(contentsOf: file))
            try repeatedly { random in
                let damaged = Damage.of(original, isText: subject.isText, &random)
                try Data(damaged).write(to: file)
                return subject.words
            } run: { words in
                try check(zoo, words)
            }
        }
    }

    @Test("of --set are taken or refused by one sentence", .timeLimit(.minutes(600)))
    func changes() throws {
        let paths = [
            "threads", "seed", "device", "name", "budget.iterations", "budget", "optimizer.learning_rate",
            "policy.new.hidden_size",
            "policy.new.num_hidden_layers", "policy.new.vocabulary_size", "policy", "data.max_length", "data.examples",
            "parameters.examples",
            "stages.0", "stages", "rollout.temperature", "rollout.max_new_tokens", "microbatch_tokens", "checkpoints.every",
            "compare.jobs",
            "task", "evaluation", "stages.base.algorithm", "…", "a..b", "",
        ]
        try withInputs { zoo in
            try repeatedly { random in
                let path = paths.randomElement(using: &random) ?? ""
                let value = Damage.hostile.randomElement(using: &random) ?? ""
                let text = [UInt8]("\(path)=\(value)".utf8)
                let change = Bool.random(using: &random) ? text : Damage.of(text, isText: true, &random)
                // An argument ends at a NUL.
                return Self.inspect + ["--set", String(decoding: change.filter { $0 != 0 }, as: UTF8.self)]
            } run: { words in
                try check(zoo, words)
            }
        }
    }

    // MARK: - Running

    /// - Parameter run: says what is wrong; nil where nothing is.
    private func repeatedly(_ next: (inout Seeded) throws -> [String], run: ([String]) throws -> String?) throws {
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var number: UInt64 = 0
        repeat {
            var random = Seeded(state: Self.seed &* 1_000_003 &+ number)
            let words = try next(&random)
            if let fault = try run(words) {
                Issue.record("ZOO_CAMPAIGN_SEED=\(Self.seed), input \(number): zoo \(words): \(fault)")
            }
            number += 1
        } while ContinuousClock.now < end
    }

    /// Runs the command on at most 2 GB of heap, for ten seconds.
    private func check(_ zoo: Command, _ words: [String]) throws -> String? {
        try? FileManager.default.removeItem(at: zoo.path("merged"))
        let (output, errors) = (zoo.path(".output"), zoo.path(".errors"))
        for file in [output, errors] { try Data().write(to: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // What is only reserved counts too; the libraries take some.
        process.arguments = ["-c", "ulimit -d 2000000; exec \"$0\" \"$@\"", Command.executable.path] + words
        process.currentDirectoryURL = zoo.folder
        process.environment = Self.environment.merging(["POLICYZOO_CACHE": zoo.path("cache").path]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        let deadline = ContinuousClock.now + .seconds(10 * Self.slack)
        while process.isRunning, ContinuousClock.now < deadline { usleep(5000) }
        guard !process.isRunning else {
            kill(process.processIdentifier, SIGKILL)
            return "it did not end"
        }
        let text = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
        if process.terminationReason == .uncaughtSignal { return "signal \(process.terminationStatus): \(text.suffix(600))" }
        let complaints = text.split(separator: "\n").filter { $0.hasPrefix("zoo: error:") }
        if process.terminationStatus == 0 {
            let said = String(decoding: try Data(contentsOf: output), as: UTF8.self)
            return said.isEmpty || !complaints.isEmpty ? "status 0 with nothing said: \(text)" : nil
        }
        if complaints.count != 1 { return "status \(process.terminationStatus) with \(complaints.count) sentences: \(text)" }
        if ![64, 65, 66].contains(process.terminationStatus) { return "status \(process.terminationStatus): \(text)" }
        let raw = ["NSCocoaErrorDomain", "UserInfo", "DecodingError", "Error Domain", "codingPath", "Fatal error", "Optional("]
        return raw.first { complaints[0].contains($0) }.map { "\($0) in: \(complaints[0])" }
    }

    /// Machines that do other work at once take longer; a hang takes for ever.
    private static let slack = campaign == nil ? 6.0 : 1.0

    // MARK: - Inputs

    /// Runs `body` in a folder with one good file of every kind.
    private func withInputs(_ body: (Command) throws -> Void) throws {
        let made = try Self.inputs.get()
        try Command.inFolder { zoo in
            for name in try FileManager.default.contentsOfDirectory(atPath: made.path) {
                try FileManager.default.copyItem(at: made.appending(path: name), to: zoo.path(name))
            }
            try body(zoo)
        }
    }

    /// Made once, and removed when the test process ends.
    private static let inputs: Result<URL, any Error> = Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-inputs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { if let folder = try? FuzzCampaignTests.inputs.get() { try? FileManager.default.removeItem(at: folder) } }
        try makeInputs(Command(folder: folder))
        return folder
    }

    private static func makeInputs(_ zoo: Command) throws {
        func write(_ text: String, _ name: String) throws {
            let file = zoo.path(name)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try write(#"{"text": "A film."}"# + "\n" + #"{"text": "Her role, 12 é 字."}"# + "\n", "texts.jsonl")
        try write(
            #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"# + "\n", "chat.jsonl"
        )
        try write(template, "template.jinja")
        try write(recipe("examples: texts.jsonl"), "recipe.yaml")
        try write(recipe("examples: chat.jsonl, chat_template: template.jinja"), "chat.yaml")
        func make(_ words: String...) throws {
            let made = try zoo.run(words)
            try #require(made.status == 0, "\(made.errors)")
        }
        try make("train", "recipe.yaml", "--run-dir", "base", "--quiet")
        try make(
            "train", "recipe.yaml", "--run-dir", "low", "--quiet", "--set",
            "policy={folder: \(zoo.path("base/model").path), lora: {r: 2}}")
        try make("train", Command.tabular, "--set", "budget.updates=2", "--run-dir", "run", "--quiet")
        let files = FileManager.default
        try files.copyItem(at: zoo.path("base/model"), to: zoo.path("model"))
        try files.copyItem(at: zoo.path("base/model"), to: zoo.path("sharded"))
        try files.copyItem(at: zoo.path("low/model"), to: zoo.path("adapter"))
        try files.moveItem(at: zoo.path("sharded/model.safetensors"), to: zoo.path("sharded/one.safetensors"))
        let bytes = try Data(contentsOf: zoo.path("sharded/one.safetensors"))
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any] ?? [:]
        let names = header.keys.filter { $0 != "__metadata__" }.sorted()
        try write(
            "{\"weight_map\": {\(names.map { "\"\($0)\": \"one.safetensors\"" }.joined(separator: ", "))}}",
            "sharded/model.safetensors.index.json")
    }

    private static func recipe(_ data: String) -> String {
        """
        name: small
        stages:
          - name: base
            algorithm: sft
            parameters: {sft: {examples: 2}}
            policy: {new: {family: llama, vocabulary_size: 272, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, \
        num_attention_heads: 1}}
            data: {\(data)}
            optimizer: {learning_rate: 1e-3, warmup: 0.1}
            budget: {iterations: 1}
        """
    }

    private static let template = """
        {%- for message in messages %}
        {%- if message.role == 'assistant' -%}
        {{ '<a>' + message['content'] | trim ~ "</a>" }}{% else %}{{ message.role|upper }}: {{ message.content }}
        {% endif %}{% endfor %}{% if add_generation_prompt and (1 + 2) * 3 > 4 %}{{ '<a>' }}{% endif %}
        """
}

/// SplitMix64, so that a failure comes again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Ways to damage a file.
enum Damage {
    /// Values where another one stood.
    static let hostile = [
        "-1", "0", "1", "2147483648", "9007199254740993", "1e300", "-1e300", "1e-400", "4294967296", "16777215", "0.5", "null",
        "true", "[]",
        "{}", #""""#, #""\u0000""#, #""\ud800""#, "NaN", ".inf", #""a""#, "[[[[[[[[[[[[", "{a: {b: {c: 1}}}", "*x", "&x [*x]",
        "\u{FEFF}", "\u{1B}[2J",
        "\u{202E}", "../../../etc/passwd", "/dev/zero", "/dev/full", ".", String(repeating: "9", count: 400),
        String(repeating: "(", count: 3000),
        String(repeating: "[", count: 3000), String(repeating: "a+", count: 3000), String(repeating: "n", count: 300),
    ]

    static func of(_ original: [UInt8], isText: Bool, _ random: inout Seeded) -> [UInt8] {
        var bytes = original
        // Heads of large files are hit as often as the rest.
        let reach = Bool.random(using: &random) ? min(2000, bytes.count) : bytes.count
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<max(1, min(reach, bytes.count)), using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
            switch Int.random(in: 0..<(isText ? 8 : 5), using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(place...)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: for index in place..<end { bytes[index] = UInt8.random(in: 0...255, using: &random) }
            case 5: bytes.insert(contentsOf: Array((hostile.randomElement(using: &random) ?? "").utf8), at: place)
            default: replaceValue(in: &bytes, after: place, &random)
            }
        }
        return bytes
    }

    /// Puts something hostile where the next value of JSON, YAML or a template stands.
    private static func replaceValue(in bytes: inout [UInt8], after place: Int, _ random: inout Seeded) {
        guard let start = bytes[place...].firstIndex(where: Array(":,[(=".utf8).contains),
            let end = bytes[(start + 1)...].firstIndex(where: Array(",]})\n%".utf8).contains)
        else { return }
        let value = hostile.randomElement(using: &random) ?? "0"
        bytes.replaceSubrange(start + 1..<end, with: Array(" \(value)".utf8))
    }
}
