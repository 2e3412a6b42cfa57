import Foundation
import ZooBase
import ZooRecipe
import ZooRecords

/// README.md of an exported model: a header as the Hub reads it, then how the model was trained and what was measured.
///
/// Nothing in it is made up: what no file says is called unknown, and paths of this machine are shortened to the names of their files.
package struct ModelCard {
    package var name: String
    /// The run that trained it; nil: not known.
    package var run: RunFolder?
    /// What the first stage began from; nil: it was trained from nothing.
    package var origin: ModelOrigin?
    /// The origin's name on the Hub; nil: not known.
    package var baseModel: String?
    /// Whether it is in llama.cpp's format.
    package var isGGUF: Bool
    /// How its numbers are stored.
    package var type: String
    /// The program's version.
    package var version: String

    package init(
        name: String, run: RunFolder?, origin: ModelOrigin?, baseModel: String?, isGGUF: Bool, type: String, version: String
    ) {
        (self.name, self.run, self.origin, self.baseModel) = (name, run, origin, baseModel)
        (self.isGGUF, self.type, self.version) = (isGGUF, type, version)
    }

    /// The licence by its name on the Hub, which knows `unknown`.
    package var license: String { origin?.license ?? "unknown" }

    package func text() throws -> String {
        let spec = try run?.readSpec()
        let stage = spec.flatMap { spec in spec.recipe.stages.first { $0.name == spec.stage } }
        var parts = ["---\n\(header(stage))\n---", "# \(name)", introduction(stage)]
        if let spec, let stage { parts += ["## Training", training(spec, stage)] }
        if let run {
            parts += ["## Results", try results(run)]
            parts += ["## Recipe", try recipe(run), "## Versions", versions(run)]
        }
        parts += ["## Licence", licence]
        return parts.joined(separator: "\n\n") + "\n"
    }

    private func header(_ stage: Stage?) -> String {
        var keys: [String: JSONValue] = origin?.licenseDetails ?? [:]
        keys["base_model"] = baseModel.map(JSONValue.string)
        keys["language"] = origin?.language
        keys["library_name"] = isGGUF ? nil : "transformers"
        keys["license"] = .string(license)
        keys["pipeline_tag"] = "text-generation"
        let tags = ["policyzoo", stage?.algorithmID, isGGUF ? "gguf" : nil].compactMap(\.self)
        keys["tags"] = .array(tags.map(JSONValue.string))
        return RecipeNode(.object(JSONObject(keys.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))).yamlLines(indent: 0)
            .joined(separator: "\n")
    }

    private func introduction(_ stage: Stage?) -> String {
        let what = stage.map { "trained with `\($0.algorithm)`" } ?? "converted"
        let form = isGGUF ? "one file in llama.cpp's format, \(type)" : "for `transformers`, in \(type)"
        return "A language model \(what) by PolicyZoo \(version): \(form)."
    }

    // MARK: - Training

    private func training(_ spec: RunSpec, _ stage: Stage) -> String {
        var rows: [(String, String)] = [("base model", base)]
        let stages = spec.recipe.stages.prefix { $0.name != stage.name } + [stage]
        if stages.count > 1 { rows.append(("stages", stages.map { "\($0.name) (`\($0.algorithm)`)" }.joined(separator: ", "))) }
        rows.append(("algorithm", "`\(stage.algorithm)`\(spec.preset.map { ": \($0.sentence)" } ?? "")"))
        // A recipe may name data for other algorithms too.
        let reads = run.flatMap { try? JSON.decode(EnvironmentNote.self, from: $0.environment) }?.plugin.algorithms?
            .first { $0.id == stage.algorithmID }?.needs?.data
        for (kind, source) in [
            ("prompts", stage.data.prompts), ("pairs", stage.data.pairs), ("examples", stage.data.examples),
        ] {
            if let source, reads?.contains(kind) ?? true { rows.append((kind, code(source.node))) }
        }
        if let task = spec.recipe.task { rows.append(("task", "`\(task.name)`")) }
        for reward in stage.rewards { rows.append(("reward", code(reward.node))) }
        let settings = stage.node.json
        if let adapter = settings["policy"]?["lora"] { rows.append(("adapter, merged", code(RecipeNode(adapter)))) }
        if let budget = settings["budget"] { rows.append(("budget", code(RecipeNode(budget)))) }
        rows.append(("seed", "\(spec.seed)"))
        return table(["", ""], rows.map { [$0.0, $0.1] })
    }

    private var base: String {
        guard let origin else { return "none: the weights were drawn by the recipe" }
        if let baseModel { return "[\(baseModel)](https://huggingface.co/\(baseModel))" }
        return "a folder called `\(origin.name)`; its name on the Hub is not known"
    }

    // MARK: - Results

    private func results(_ run: RunFolder) throws -> String {
        guard let evaluation = try run.readEvaluation() else { return "The run had no evaluation." }
        var hasIntervals = false
        let rows = Metric.sorted(Array(evaluation.metrics.keys)).map { name in
            let before = evaluation.reference[name].map(Quantity.number) ?? "–"
            var after = evaluation.metrics[name].map(Quantity.number) ?? "–"
            if let interval = evaluation.prompts[name].flatMap({ Estimate($0) })?.interval {
                after += " [\(Quantity.number(interval.lowerBound)), \(Quantity.number(interval.upperBound))]"
                hasIntervals = true
            }
            return [Metric.title(name), before, after]
        }
        let count = evaluation.prompts.values.map(\.count).max()
        return
            "On the recipe's held-out \(count.map { "\($0) prompts" } ?? "data"): before is the model that training began from, after is "
            + "this one, of one run with one seed." + (hasIntervals ? " Brackets: 95% bootstrap interval over the prompts." : "")
            + (type == "float32" ? "" : " Measured in float32.") + "\n\n" + table(["metric", "before", "after"], rows)
    }

    // MARK: - Recipe, versions, licence

    private func recipe(_ run: RunFolder) throws -> String {
        let node = try RecipeNode.parse(InputFile.text(run.recipe)) { "\(run.recipe.path):\($0)" }
        let yaml = RecipeNode(Self.shortened(node.json)).yamlLines(indent: 0).joined(separator: "\n")
        return "<details><summary>Every setting of the run</summary>\n\n```yaml\n\(yaml)\n```\n\n</details>"
    }

    private func versions(_ run: RunFolder) -> String {
        let note = try? JSON.decode(EnvironmentNote.self, from: run.environment)
        let known = [
            "PolicyZoo \(version)", note?.abi.map { "plugin ABI \($0)" },
            note.map { "plugin SHA-256 \($0.plugin.sha256.prefix(16))" },
            note?.libtorch.map { "libtorch \($0)" }, note?.compiler, note?.system,
        ]
        return known.compactMap(\.self).joined(separator: "; ") + "."
    }

    private var licence: String {
        guard let origin else { return "Unknown: the weights were drawn by the recipe, and whoever trained them decides." }
        let files = origin.licences.map { "`\($0.lastPathComponent)`" }.joined(separator: ", ")
        let model = run == nil ? "model that it was made from" : "base model"
        let see = files.isEmpty ? "" : " Its text is in \(files)."
        guard let license = origin.license else {
            return "Unknown: no card beside the \(model) names its licence.\(see)"
        }
        return "`\(license)`, as the card of the \(model) says.\(see)"
    }

    // MARK: - Markdown

    private func code(_ node: RecipeNode) -> String {
        "`\(Self.flow(Self.shortened(node.json)))`"
    }

    /// A value on one line, as a recipe may say it.
    private static func flow(_ value: JSONValue) -> String {
        switch value {
        case .array(let items): "[\(items.map(flow).joined(separator: ", "))]"
        case .object(let members):
            "{\(members.members.map { "\($0.key): \(flow($0.value))" }.joined(separator: ", "))}"
        default: RecipeNode(value).yamlLines(indent: 0).joined(separator: " ")
        }
    }

    private func table(_ header: [String], _ rows: [[String]]) -> String {
        ([header, header.map { _ in "---" }] + rows).map { cells in
            "| " + cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ") + " |"
        }.joined(separator: "\n")
    }

    /// Values in which every path of this machine is the name of its file.
    private static func shortened(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text) where text.hasPrefix("/"): .string((text as NSString).lastPathComponent)
        case .array(let items): .array(items.map(shortened))
        case .object(let members): .object(JSONObject(members.members.map { ($0.key, shortened($0.value)) }))
        default: value
        }
    }
}
