import Foundation
import Testing

@Suite("runs with a preset")
struct PresetRunTests {
    private static let tabular = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
    private static let short = ["--set", "budget.updates=2", "--set", "evaluation.samples_per_prompt=2"]

    private func json(_ file: URL) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    @Test("the run's folder records the preset, its source, what it overruled, what was changed, and every parameter")
    func record() async throws {
        let folder = try TemporaryFolder()
        let zoo = ZooCommand(in: folder.url)
        let ended = try await zoo.succeed(
            ["train", Self.tabular, "--algorithm", "grpo@deepseekmath", "--set", "parameters.samples=16"] + Self.short)
        #expect(ended.errors.contains("grpo@deepseekmath (samples 16 instead of 64), by Shao et al. 2024"))
        #expect(ended.errors.contains("beta 0.04 instead of 0.5"))  // the recipe's grpo has 0.5

        let run = folder.url.appending(path: "runs/tabular-grpo@deepseekmath-0-1")
        let spec = try json(run.appending(path: "run.json"))
        let preset = try #require(spec["preset"] as? [String: Any])
        #expect(preset["name"] as? String == "grpo@deepseekmath")
        #expect((preset["source"] as? String)?.contains("2402.03300") == true)
        #expect((preset["overruled"] as? [String: Any])?["beta"] as? Double == 0.5)
        #expect(preset["changed"] as? [String: Double] == ["samples": 16])
        let recipe = run.appending(path: "recipe.yaml")
        let text = try String(contentsOf: recipe, encoding: .utf8)
        #expect(text.hasPrefix("# grpo@deepseekmath (samples 16 instead of 64), by Shao et al. 2024"))
        // Of the preset, of the recipe's grpo, of the command line, and a default.
        for line in ["algorithm: grpo@deepseekmath", "beta: 0.04", "prompts: 16", "samples: 16", "clip_range: 0.2"] {
            #expect(text.contains(" \(line)\n"), "\(line)")
        }
        // Made again from its own record it is the same run.
        let again = try await zoo.succeed(["train", recipe.path, "--run-dir", "again"])
        #expect(again.errors.contains("grpo@deepseekmath (samples 16 instead of 64)"))
        #expect(
            try Data(contentsOf: folder.url.appending(path: "again/model/model.safetensors"))
                == Data(contentsOf: run.appending(path: "model/model.safetensors")))
    }

    @Test("a comparison names variants by their presets, and what they change of them")
    func comparison() async throws {
        let folder = try TemporaryFolder()
        let zoo = ZooCommand(in: folder.url)
        let ended = try await zoo.succeed(
            [
                "compare", Self.tabular, "--algorithm", "grpo", "--algorithm", "grpo@deepseekmath", "--seeds", "0", "--set",
                "compare.ladder=true", "--set", "compare.variants.grpo@deepseekmath.parameters={samples: 8}",
            ] + Self.short)
        let label = "grpo@deepseekmath (samples 8 instead of 64)"
        let place = folder.url.appending(path: "runs/tabular-compare-1")
        let table = try String(contentsOf: place.appending(path: "comparison.md"), encoding: .utf8)
        #expect(table.contains("| metric | base | grpo | \(label) |"))
        #expect(table.contains("\n- \(label), by Shao et al. 2024"))
        #expect(ended.output.contains("grpo → \(label)\n    algorithm: grpo → grpo@deepseekmath\n"))
        let page = try await zoo.succeed(["report", place.path, "--markdown"])
        #expect(page.output.contains("- \(label): seed 0; \(label), by Shao et al. 2024"))
        #expect(page.output.contains("| parameters.samples | 32 | 8 |"))
    }
}
