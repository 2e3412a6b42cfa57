import Foundation
import Testing

/// The tables between two comments in each algorithm's page; `make parameter-tables` writes them.
@Suite("tables of parameters")
struct ParameterTableTests {
    private static let begin = "<!-- parameters: made by `make parameter-tables` -->\n"
    private static let end = "<!-- end of parameters -->\n"

    private static let algorithms = [
        "PPO": "ppo", "GRPO": "grpo", "RLOO": "rloo", "ReinforcePlusPlus": "reinforce-plus-plus", "DPO": "dpo", "KTO": "kto",
        "OnlineDPO": "online-dpo", "Distill": "distill", "RewardModel": "reward-model", "SFT": "sft", "Reinforce": "reinforce",
    ]

    @Test("every plugin's page has one")
    func complete() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Command.root.appending(path: "Plugins").path)
        #expect(folders.sorted() == Self.algorithms.keys.sorted())
    }

    @Test("each says what `zoo plugins show ID --markdown` prints", arguments: algorithms.keys.sorted())
    func table(plugin: String) throws {
        let id = try #require(Self.algorithms[plugin])
        let file = Command.root.appending(path: "Plugins/\(plugin)/README.md")
        var page = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(page.range(of: Self.begin)?.upperBound)
        let stop = try #require(page.range(of: Self.end, range: start..<page.endIndex)?.lowerBound)
        try Command.inFolder { zoo in
            let table = try zoo("plugins", "show", id, "--markdown").output
            if ProcessInfo.processInfo.environment["ZOO_PARAMETER_TABLES"] == "write" {
                page.replaceSubrange(start..<stop, with: table)
                try Data(page.utf8).write(to: file)
            } else {
                #expect(page[start..<stop] == table, "Plugins/\(plugin)/README.md is not up to date: run `make parameter-tables`")
            }
        }
    }
}
