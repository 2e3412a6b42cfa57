import Foundation
import Testing
import ZooBase
import ZooRecipe

/// What follows from the declarations of keys besides reading and writing.
@Suite("the schema of recipes")
struct RecipeSchemaTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "recipes")
    private static let names =
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?
        .filter { $0.hasSuffix(".yaml") }.sorted() ?? []

    private func faults(_ yaml: String) throws -> [String] {
        let node = try RecipeNode.parse(yaml, file: URL(fileURLWithPath: "recipe.yaml"))
        return try SchemaCheck.faults(node.json, Recipe.jsonSchema, "")
    }

    @Test("the recipes of this repository satisfy the JSON Schema", arguments: names)
    func shipped(name: String) throws {
        #expect(try faults(String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)) == [])
    }

    @Test("so does a recipe that is written out in full")
    func resolved() throws {
        #expect(Self.names.count > 15)
        #expect(try faults(smallRecipe) == [])
        #expect(try faults(recipe().resolvedYAML()) == [])
    }

    @Test(
        "the JSON Schema refuses what reading refuses",
        arguments: [
            ("rollout:", "rolout:", ".stages[1].rolout: unknown"),
            ("max_new_tokens: 4", "max_new_tokens: 0", ".stages[1].rollout.max_new_tokens: below 1"),
            ("learning_rate: 3e-4", "learning_rate: 0", ".stages[1].optimizer.learning_rate: not above 0"),
            ("schedule: cosine", "schedule: cosin", ".stages[1].optimizer.schedule: not a choice"),
            ("budget: {iterations: 5}", "budget: {iterations: 5, updates: 2}", ".stages[0].budget: not one of them"),
            ("name: aligned", "about: aligned", ".stages[1]: no name"),
            ("normalize: true", "normalize: yes", ".evaluation.gold[0].normalize: not a boolean"),
        ])
    func refused(old: String, new: String, fault: String) throws {
        #expect(try faults(smallRecipe.replacing(old, with: new)).first == fault)
    }

    @Test("a recipe without stages must extend another")
    func extending() throws {
        #expect(try faults("extends: small.yaml\nevaluation: {count: 3}") == [])
        #expect(try faults("name: small") == [": none of them"])
    }

    @Test(
        "a key that had another name is refused with the one of today",
        arguments: [
            (
                "budget: {iterations: 5}", "budget: {steps: 5}",
                "9: stages[0].budget: 'budget.steps' is called 'budget.iterations' now"
            ),
            (
                "budget: {updates: 3}", "microbatch_steps: 9\n    budget: {updates: 3}",
                "19: stages[1].microbatch_steps: 'microbatch_steps' is called 'microbatch_tokens' now"
            ),
            (
                "data: {prompts:", "data: {max_steps: 9, prompts:",
                "15: stages[1].data.max_steps: 'data.max_steps' is called 'data.max_length' now"
            ),
        ])
    func formerNames(old: String, new: String, expected: String) {
        let error = #expect(throws: RecipeError.self) { try recipe(smallRecipe.replacing(old, with: new)) }
        #expect(error?.description == "recipes/small.yaml:\(expected)")
    }

    @Test("so is a value that was written with hyphens")
    func formerValues() {
        let error = #expect(throws: RecipeError.self) { try recipe(set: ["score={times: logit-normal}"]) }
        #expect(error?.reason == "expected 'logit_normal', with underscores, found 'logit-normal'")
    }

    @Test("what a run keeps of its recipe is in the recipe's own words, variants in their order, and reads back as the same")
    func recorded() throws {
        let order = smallRecipe.replacing("ppo: {algorithm: ppo}\n", with: "zeta: {algorithm: ppo}\n")
        let recipe = try recipe(order, set: ["rollout.temperature=0.7", "policy.lora={target_modules: all-linear}"])
        let data = try JSONEncoder().encode(recipe)
        let json = try JSONDecoder().decode(JSONValue.self, from: data)
        #expect(json["stages"]?.array?.last?["rollout"]?["max_new_tokens"]?.number == 4)
        #expect(json["stages"]?.array?.first?["budget"] == ["iterations": 5])
        #expect(json["compare"]?["variants"]?.array?.map { $0["name"]?.string } == ["zeta", "slow"])
        let again = try JSONDecoder().decode(Recipe.self, from: data)
        #expect(again.compare == recipe.compare && again.stages == recipe.stages && again.evaluation == recipe.evaluation)
        #expect(again.resolvedYAML() == recipe.resolvedYAML())
    }

    @Test("a run's recipe is read though its files are gone, and refused where it is none")
    func recordedFiles() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl")
        try Data("{\"text\": \"a\"}\n".utf8).write(to: file)
        let recipe = try recipe(smallRecipe.replacing("task:base.jsonl", with: file.path))
        let data = try JSONEncoder().encode(recipe)
        try FileManager.default.removeItem(at: file)
        #expect(try JSONDecoder().decode(Recipe.self, from: data).stages[0].data.examples == recipe.stages[0].data.examples)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Recipe.self, from: Data("{}".utf8)) }
    }
}

/// As much of JSON Schema as that of recipes uses.
private enum SchemaCheck {
    private struct Unknown: Error { var keyword: String }

    static func faults(_ value: JSONValue, _ schema: JSONValue, _ path: String) throws -> [String] {
        var faults: [String] = []
        for rule in schema.object?.members ?? [] {
            switch (rule.key, value) {
            case ("$schema", _), ("title", _), ("description", _), ("additionalProperties", _): break
            case ("type", _):
                let types = rule.value.array ?? [rule.value]
                if !types.contains(where: { isType($0.string, value) }) {
                    faults.append("\(path): not a \(types.compactMap(\.string).joined(separator: " or "))")
                }
            case ("enum", _): if rule.value.array?.contains(value) != true { faults.append("\(path): not a choice") }
            case ("minimum", _):
                if let n = value.number, n < rule.value.number ?? 0 { faults.append("\(path): below \(text(rule.value))") }
            case ("maximum", _):
                if let n = value.number, n > rule.value.number ?? 0 { faults.append("\(path): above \(text(rule.value))") }
            case ("exclusiveMinimum", _):
                if let n = value.number, n <= rule.value.number ?? 0 { faults.append("\(path): not above \(text(rule.value))") }
            case ("exclusiveMaximum", _):
                if let n = value.number, n >= rule.value.number ?? 0 { faults.append("\(path): not below \(text(rule.value))") }
            case ("required", .object(let members)):
                for key in rule.value.array ?? [] where members[key.string ?? ""] == nil {
                    faults.append("\(path): no \(key.string ?? "")")
                }
            case ("required", _): break
            case ("items", .array(let items)):
                for (index, item) in items.enumerated() { faults += try Self.faults(item, rule.value, "\(path)[\(index)]") }
            case ("items", _): break
            case ("anyOf", _):
                let all = try (rule.value.array ?? []).map { try Self.faults(value, $0, path) }
                if !all.contains([]) { faults.append("\(path): none of them") }
            case ("oneOf", _):
                let all = try (rule.value.array ?? []).map { try Self.faults(value, $0, path) }
                if all.count(where: \.isEmpty) != 1 { faults.append("\(path): not one of them") }
            case ("properties", _): break
            default: throw Unknown(keyword: rule.key)
            }
        }
        return try faults + members(value, schema, path)
    }

    private static func members(_ value: JSONValue, _ schema: JSONValue, _ path: String) throws -> [String] {
        try (value.object?.members ?? []).flatMap { member -> [String] in
            let place = "\(path).\(member.key)"
            if let known = schema["properties"]?[member.key] { return try faults(member.value, known, place) }
            switch schema["additionalProperties"] {
            case .bool(false): return ["\(place): unknown"]
            case let rule?: return try faults(member.value, rule, place)
            case nil: return []
            }
        }
    }

    private static func isType(_ type: String?, _ value: JSONValue) -> Bool {
        switch type {
        case "string": value.string != nil
        case "boolean": value.bool != nil
        case "integer": value.integer != nil
        case "number": value.number != nil
        case "array": value.array != nil
        case "object": value.object != nil
        case "null": value.isNull
        default: false
        }
    }

    private static func text(_ number: JSONValue) -> String { number.integer.map(String.init) ?? "\(number.number ?? 0)" }
}
