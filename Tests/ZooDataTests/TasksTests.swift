import Foundation
import Testing
import ZooBase
import ZooData

@Suite("tasks")
struct TasksTests {
    /// The data of all tasks that this machine has: what `zoo` would read.
    private static let data: URL = {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["POLICYZOO_CACHE"].map { URL(filePath: $0) } ?? .homeDirectory.appending(path: ".cache/policyzoo")
        return cache.appending(path: "data")
    }()

    @Test("every task says what it is, and names come once, in order")
    func described() throws {
        #expect(Tasks.names == ["countdown", "digits", "fashion", "sentiment", "subject", "tabular"])
        for task in Tasks.all {
            #expect(!task.summary.isEmpty && !task.files.isEmpty)
            #expect(task.files.allSatisfy { !$0.doc.isEmpty })
            #expect(Set(task.files.map(\.name)).count == task.files.count)
            for setting in task.settings {
                #expect(!setting.doc.isEmpty)
                #expect(task.defaults[setting.name] != nil, "\(task.name).\(setting.name) has no default")
            }
            #expect(Tasks[task.name] != nil)
        }
        #expect(Tasks.raw.map(\.name) == ["digits", "fashion", "sentiment"])
        for raw in Tasks.raw { #expect(raw.script.hasPrefix("#!/usr/bin/env bash\n") && !raw.files.isEmpty) }
    }

    @Test("every task has the datasets that it declares, where its data is there", arguments: Tasks.names)
    func loads(name: String) throws {
        let kind = try Tasks.named(name)
        let task = try kind.make()
        let raw = kind.raw?.folder(in: Self.data) ?? Self.data
        guard kind.raw?.isThere(in: Self.data) ?? true else { return }
        switch task.content {
        case .files(let made):
            let folder = try temporaryFolder().appending(path: made.name("0123456789abcdef"))
            try made.write(raw, folder)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == kind.files.map(\.name).sorted())
            for file in kind.files where file.isDataset {
                #expect(try !Dataset.load(jsonl: folder.appending(path: file.name)).rows.isEmpty)
            }
        case .images(let load):
            let images = try load(raw)
            #expect(images.name == name && images.layout == kind.layout)
            for file in kind.files { #expect(images.dataset(file.name)?.rows.isEmpty == false, "\(file.name)") }
            #expect(images.dataset("nothing") == nil)
            let target = images.training[0].target
            #expect(target.height == images.height && target.width == images.width)
        case .table(let table):
            #expect(table.prompts.rows.count == table.promptCount && kind.files.map(\.name) == ["prompts"])
        }
    }

    @Test("names of tasks, of their files and of their settings are refused with the nearest")
    func refused() throws {
        #expect(try failure { try Tasks.named("digit") }.hasSuffix("tabular; did you mean 'digits'?"))
        #expect(
            try failure { try CountdownTask.check(file: "prompts-trian.jsonl") }
                == "task countdown: has no 'prompts-trian.jsonl'; it has: examples.jsonl, prompts-train.jsonl, prompts-eval.jsonl; "
                + "did you mean 'prompts-train.jsonl'?")
        #expect(try failure { try SubjectTask.check(file: "new-trainig") }.hasSuffix("did you mean 'new-training'?"))
        #expect(
            try failure { try TabularTask.make(["vocabulry": 3]) }
                == "task tabular: has no setting 'vocabulry'; it has prompts, vocabulary, horizon, reward_scale; "
                + "did you mean 'vocabulary'?")
        #expect(
            try failure { try TabularTask.make(["horizon": 5]) }
                == "task tabular: 'horizon' is 5; expected a whole number from 1 to 4")
        #expect(
            try failure { try TabularTask.make(["reward_scale": 0]) }
                == "task tabular: 'reward_scale' is 0; expected a number above 0, at most 1000000000.0")
        #expect(
            try failure { try TabularTask.make(["vocabulary": 256, "horizon": 4]) }
                == "task tabular: has 17179869184 completions; expected at most 1048576")
        #expect(try failure { try DigitsTask.make(["side": 8]) } == "task digits: has no setting 'side'; it has none")
    }

    @Test("a reward that asks its task goes with that task alone; one that reads rows goes with any")
    func rewards() throws {
        try RewardKind.check("countdown", parameters: [:], task: nil)
        try RewardKind.check("table", parameters: [:], task: "tabular")
        try RewardKind.check("class-accuracy", parameters: [:], task: "fashion")
        try RewardKind.check("subject-fidelity", parameters: [:], task: "subject")
        #expect(
            try failure { try RewardKind.check("table", parameters: [:], task: "sentiment") }
                == "reward table: belongs to the task tabular; the recipe has 'task: sentiment'")
        #expect(
            try failure { try RewardKind.check("brightness", parameters: [:], task: nil) }
                == "reward brightness: belongs to the task digits, fashion, subject; the recipe has no task")
        #expect(
            try failure { try RewardKind.check("prompt-adherence", parameters: [:], task: "digits") }
                .hasPrefix("reward prompt-adherence: belongs to the task subject"))
    }

    @Test("the tabular task's table follows from settings and seed, and its reward reads it")
    func table() throws {
        let settings: [String: Double] = ["prompts": 2, "vocabulary": 3, "horizon": 2, "reward_scale": 2]
        let task = try TabularTask.make(settings, seed: 4)
        #expect(try task.rewards == TabularTask.make(settings, seed: 4).rewards)
        #expect(try task.rewards != TabularTask.make(settings, seed: 5).rewards)
        #expect(task.rewards.count == 2 && task.rewards[0].count == 9)
        #expect(task.referenceLogits.count == 2 * (1 + 3) * 3)
        let reward = try RewardKind.make("table", source: task)
        #expect(try reward.score(RewardItem(prompt: "1", completion: "2 1")) == task.rewards[1][7])
        #expect(try failure { try reward.score(RewardItem(prompt: "1", completion: "2")) }.hasPrefix("reward table: knows no"))
    }
}
