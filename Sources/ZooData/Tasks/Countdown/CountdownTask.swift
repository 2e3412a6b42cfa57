import Foundation
import ZooBase

/// The countdown task: make a number from given ones with + − × ÷, each used exactly once.
///
/// After the numbers game of the television programme, in the form that TinyZero (Pan et al. 2025) trains on with a reward that
/// checks the answer; small enough here for a model of under a million parameters.
///
/// ``prepare(into:)`` writes these files. A problem is its numbers, whatever their order, and its target; none is in two files.
///
/// | file | columns | what it is for |
/// |---|---|---|
/// | `examples.jsonl` | prompt, completion, numbers, target | supervised warm-up: problems with one solution each |
/// | `prompts-train.jsonl` | prompt, numbers, target | what algorithms sample answers to |
/// | `prompts-eval.jsonl` | prompt, numbers, target | held-out problems |
///
/// A row: `{"completion":" 3 * 7 + 8","numbers":[3,7,8],"prompt":"make 29 from 3 7 8:","target":29}`.
public struct CountdownTask: Task, Hashable {
    /// How many numbers a problem gives.
    public let numbers: Int
    /// Numbers are drawn from 1 to here.
    public let maxNumber: Int
    /// Targets go from 1 to here.
    public let maxTarget: Int

    public static let name = "countdown"
    public static let summary = "make a number from given ones with + - * /, with a reward that checks the answer"
    public static let modality = TaskModality.text
    public static let settings = [
        Setting(name: "numbers", kind: .whole(2...6), defaultValue: 3, doc: "how many numbers a problem gives"),
        Setting(name: "max_number", kind: .whole(1...100), defaultValue: 20, doc: "the largest number that is given"),
        Setting(name: "max_target", kind: .whole(1...1_000), defaultValue: 50, doc: "the largest number to make"),
    ]
    public static let files = [
        TaskFile("examples.jsonl", "problems with one solution each"),
        TaskFile("prompts-train.jsonl", "problems to sample answers to"),
        TaskFile("prompts-eval.jsonl", "held-out problems"),
    ]
    public static let rewards = [RewardKind.countdown]

    /// Version of the generated files: changed when equal settings would give other files.
    static let version = 1
    /// The most problems of each file.
    static let (heldOut, prompts, examples) = (1_000, 8_000, 16_000)
    /// The search ends after so many draws in a row without a new problem.
    private static let patience = 10_000
    /// The fewest different problems that can be split in three.
    static let fewestProblems = 20

    /// - Throws: ``DataError`` that names the setting.
    public init(numbers: Int = 3, maxNumber: Int = 20, maxTarget: Int = 50) throws {
        self = try .make([
            "numbers": Double(numbers), "max_number": Double(maxNumber), "max_target": Double(maxTarget),
        ])
    }

    public init(_ settings: Settings, seed: UInt64) {
        numbers = settings.whole("numbers")
        maxNumber = settings.whole("max_number")
        maxTarget = settings.whole("max_target")
    }

    /// The settings and the version, as the name of a folder: equal names hold equal files.
    public var folderName: String { "v\(Self.version)-numbers\(numbers)-upto\(maxNumber)-target\(maxTarget)" }

    public var content: TaskContent {
        .files(TaskFolder(name: { _ in folderName }, write: { _, folder in try prepare(into: folder) }))
    }

    /// Draws the problems and writes the task's files; equal settings give equal files on every machine.
    ///
    /// - Parameter folder: is written atomically; one that another process has written meanwhile stays.
    /// - Throws: ``DataError`` if the settings allow too few problems, or the folder cannot be written.
    public func prepare(into folder: URL) throws {
        let datasets = try split()
        try OutputFolder.write(folder, existing: .keep) { part in
            for dataset in datasets { try dataset.write(jsonl: part.appendingPathComponent("\(dataset.name).jsonl")) }
        }
    }

    private struct Drawn {
        var problem: CountdownProblem
        var solution: String
    }

    /// Distinct problems in random order: as many as the files need, or as the search finds.
    private func draw(_ random: inout SplitMix64) throws -> [Drawn] {
        let wanted = Self.heldOut + Self.prompts + Self.examples
        // A value on the way may be larger than the target, and is bounded so that texts stay short.
        let limit = 10 * max(maxNumber, maxTarget)
        var seen: Set<CountdownProblem> = []
        var found: [Drawn] = []
        var barren = 0
        while found.count < wanted, barren < Self.patience {
            barren += 1
            let given = (0..<numbers).map { _ in 1 + random.next(below: maxNumber) }
            guard let expression = DrawnExpression.draw(given, limit: limit, &random), expression.value <= maxTarget else {
                continue
            }
            let problem = try CountdownProblem(numbers: given, target: expression.value)
            guard seen.insert(problem).inserted else { continue }
            found.append(Drawn(problem: problem, solution: expression.text))
            barren = 0
        }
        guard found.count >= Self.fewestProblems else {
            throw DataError(
                "task countdown",
                "\(numbers) numbers up to \(maxNumber) with targets up to \(maxTarget) make only \(found.count) problems; "
                    + "expected at least \(Self.fewestProblems): raise 'max_number' or 'max_target'")
        }
        // Problems with many solutions are found early.
        return random.permutation(found.count).map { found[$0] }
    }

    /// The task's datasets: a third of the training problems asks, two thirds show.
    func split() throws -> [Dataset] {
        var random = SplitMix64(seed: 0, stream: 0xc0de)
        let problems = try draw(&random)
        let heldOut = min(Self.heldOut, problems.count / 5)
        let prompts = min(Self.prompts, (problems.count - heldOut) / 3)
        func rows(_ part: some Sequence<Drawn>, solved: Bool) -> [Row] {
            part.map { drawn in
                let numbers = drawn.problem.numbers
                let given = numbers.map { "\($0)" }.joined(separator: " ")
                return Row(
                    prompt: "make \(drawn.problem.target) from \(given):", completion: solved ? " \(drawn.solution)" : nil,
                    extras: [
                        "numbers": .array(numbers.map { .number(Double($0)) }), "target": .number(Double(drawn.problem.target)),
                    ])
            }
        }
        return [
            Dataset(name: "prompts-eval", shape: .prompt, rows: rows(problems.prefix(heldOut), solved: false)),
            Dataset(
                name: "prompts-train", shape: .prompt, rows: rows(problems.dropFirst(heldOut).prefix(prompts), solved: false)),
            Dataset(
                name: "examples", shape: .promptCompletion, rows: rows(problems.dropFirst(heldOut + prompts), solved: true)),
        ]
    }
}
