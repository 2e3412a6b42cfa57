import Foundation
import Testing
import ZooPlugins
import ZooRecipe

/// The small recipe as `base/small.yaml`, with a file that it names, and recipes beside its folder that build on it.
private final class RecipeFolder {
    let url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appending(
        path: "extends-\(UUID().uuidString)", directoryHint: .isDirectory)

    init(base: String = smallRecipe) throws {
        try FileManager.default.createDirectory(at: url.appending(path: "base"), withIntermediateDirectories: true)
        try write("{\"text\": \"a\"}\n", to: "base/train.jsonl")
        try write(base.replacing("task:base.jsonl", with: "train.jsonl"), to: "base/small.yaml")
    }

    deinit {
        // What is left behind lies in the system's folder for it.
        try? FileManager.default.removeItem(at: url)
    }

    func file(_ name: String) -> URL { url.appending(path: name) }
    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: file(name)) }

    /// Reads `own.yaml` with this text.
    func recipe(_ text: String, base: String? = nil, set: [String] = []) throws -> Recipe {
        try write(text, to: "own.yaml")
        return try Recipe.load(file("own.yaml"), base: base.map(file), overrides: set.map { try Override($0) })
    }

    /// The sentence of the error, paths within the folder.
    func complaint(_ text: String, base: String? = nil) -> String {
        do {
            _ = try recipe(text, base: base)
            return "no error"
        } catch { return "\(error)".replacing(url.path + "/", with: "") }
    }
}

@Suite("recipes that build on others")
struct RecipeExtensionTests {
    private let own = """
        extends: base/small.yaml
        name: own
        seed: 4
        set: {parameters.beta: 0.3, budget.seconds: 2, stages.base.budget.iterations: 9}
        evaluation: {count: 7}
        compare: {variants: {only: {algorithm: dpo}}}
        """

    @Test("own keys replace the base's, evaluation and compare key by key, and then set changes values by path")
    func merging() throws {
        let recipe = try RecipeFolder().recipe(own)
        #expect(recipe.name == "own")
        #expect(recipe.seed == 4)
        #expect(recipe.task?.name == "sentiment")
        #expect(recipe.stages.map(\.name) == ["base", "aligned"])
        #expect(recipe.stages[1].parameters["ppo"] == ["beta": 0.3])
        #expect(recipe.stages[1].budget.text == "seconds 2.0")
        #expect(recipe.stages[0].budget.text == "iterations 9.0")
        #expect(recipe.evaluation?.count == 7)
        #expect(recipe.evaluation?.gold.count == 1)
        #expect(recipe.compare?.variants.map(\.name) == ["only"])
        #expect(recipe.compare?.seeds == [0, 1])
    }

    @Test("the base's probe goes with its variants, and own keys of it replace the base's")
    func probe() throws {
        let folder = try RecipeFolder(base: smallRecipe + "\nprobe: {driver: ppo, prompts: 3}\n")
        #expect(try folder.recipe("extends: base/small.yaml\n").probe?.prompts == 3)
        #expect(try folder.recipe(own).probe == nil)
        let probe = try folder.recipe(own + "\nprobe: {driver: only}\n").probe
        #expect(probe?.driver == "only")
        #expect(probe?.prompts == 3)
    }

    @Test("--set comes after the recipe's own set")
    func overrides() throws {
        let recipe = try RecipeFolder().recipe(own, set: ["parameters.beta=0.7"])
        #expect(recipe.stages[1].parameters["ppo"] == ["beta": 0.7])
    }

    @Test("relative paths of the base begin in the base's folder")
    func paths() throws {
        let folder = try RecipeFolder()
        #expect(try folder.recipe(own).stages[0].data.examples == .file(folder.file("base/train.jsonl")))
    }

    @Test("the resolved dump stands alone and reads back as the same recipe")
    func resolved() throws {
        let folder = try RecipeFolder()
        let recipe = try folder.recipe(own)
        let dump = recipe.resolvedYAML()
        #expect(!dump.contains("extends:"))
        #expect(try Recipe.parse(dump, file: folder.file("own.yaml")) == recipe)
    }

    @Test("a base may build on another")
    func chain() throws {
        let folder = try RecipeFolder()
        try folder.write("extends: small.yaml\nname: middle\nset: {rollout.temperature: 0.5}\n", to: "base/middle.yaml")
        let recipe = try folder.recipe("extends: base/middle.yaml\nset: {rollout.max_new_tokens: 3}\n")
        #expect(recipe.name == "middle")
        #expect(recipe.stages[1].rollout.temperature == 0.5)
        #expect(recipe.stages[1].rollout.maxNewTokens == 3)
    }

    @Test("another base takes the place of the recipe's, and the name says so")
    func otherBase() throws {
        let folder = try RecipeFolder()
        try folder.write(smallRecipe.replacing("name: small", with: "name: other"), to: "other.yaml")
        let other = try folder.recipe(own, base: "other.yaml")
        #expect(other.name == "own-other")
        #expect(other.stages[0].data.examples == .task("base.jsonl"))
        #expect(other.stages[1].parameters["ppo"] == ["beta": 0.3])
        #expect(try folder.recipe(own, base: "base/small.yaml").name == "own")
    }

    @Test(
        "what cannot be put together is refused by file and line",
        arguments: [
            (
                "extends: base/smal.yaml",
                "own.yaml:1: extends: base/smal.yaml: no such recipe; did you mean 'small.yaml' in"
            ),
            ("extends: own.yaml", "own.yaml:1: extends: is circular: own.yaml → own.yaml"),
            ("extends: 3", "own.yaml:1: extends: expected the path of a recipe, such as sentiment.yaml, found 3"),
            ("extend: base/small.yaml", "own.yaml:1: extend: is not a key here; did you mean 'extends'?"),
            ("name: own\nset: {seed: 1}", "own.yaml:2: set: changes the recipe that 'extends' names, but there is none"),
            (
                "extends: base/small.yaml\nset: [1]",
                "own.yaml:2: set: expected values by path, such as {budget.updates: 10}, found a list"
            ),
            (
                "extends: base/small.yaml\nset:\n  rollout.temperature: hot",
                "own.yaml:3: stages[1].rollout.temperature: expected a number > 0, found 'hot'"
            ),
            (
                "extends: base/small.yaml\nset:\n  stages.bas.threads: 1",
                "own.yaml:3: set.stages.bas.threads: there is no stage 'bas'; did you mean 'base'?"
            ),
            ("extends: base/small.yaml\nabuot: x", "own.yaml:2: abuot: is not a key here; did you mean 'about'?"),
        ])
    func refused(yaml: String, expected: String) throws {
        #expect(try RecipeFolder().complaint(yaml).hasPrefix(expected))
    }

    @Test("an error in the base names the base's file and line")
    func errorInBase() throws {
        let folder = try RecipeFolder(base: smallRecipe.replacing("max_new_tokens: 4", with: "max_new_tokens: few"))
        let expected = "base/small.yaml:16: stages[1].rollout.max_new_tokens: expected a whole number >= 1, found 'few'"
        #expect(folder.complaint(own) == expected)
    }

    @Test("a circle over two files is refused where it closes; --base needs an 'extends'")
    func circles() throws {
        let folder = try RecipeFolder()
        try folder.write("name: a\nextends: ../own.yaml\n", to: "base/a.yaml")
        let found = folder.complaint("extends: base/a.yaml\n")
        #expect(found == "base/a.yaml:2: extends: is circular: own.yaml → a.yaml → own.yaml")
        #expect(folder.complaint(smallRecipe, base: "base/small.yaml").hasPrefix("own.yaml: has no 'extends'"))
    }

    @Test("a chain without end is refused at once", .timeLimit(.minutes(1)))
    func deep() throws {
        let folder = try RecipeFolder()
        for level in 0..<3000 { try folder.write("extends: r\(level + 1).yaml\n", to: "r\(level).yaml") }
        try folder.write("extends: base/small.yaml\n", to: "r3000.yaml")
        let complaint = folder.complaint("extends: r0.yaml\n")
        #expect(complaint == "r31.yaml:1: extends: more than 32 recipes extend one another; merge some of them")
        #expect(try folder.recipe("extends: r2972.yaml\n").name == "small")
    }
}
