import Foundation
import ZooBase
import ZooData
import ZooModels
import ZooPlugins

/// Reads where models, rewards and data come from; folders and files must exist, stages must come earlier.
struct SourceReader {
    /// The recipe; relative paths begin in its folder, or in that of the base that says them.
    let file: URL
    /// The stages that can be named by `from`.
    let stages: [Stage]

    // MARK: - Models

    var model: Expectation<ModelSource> {
        .section("a model: {from: STAGE}, {folder: PATH} or {new: {family: …}}") { section in
            let source = try section.oneOf(["from", "folder", "new"])
            return try self.source(source, section)
        }
    }

    /// The policy: a model, and the adapter to train instead of its weights.
    var policy: Expectation<(source: ModelSource, lora: LoRAConfig?)> {
        .section("a model: {from: STAGE}, {folder: PATH} or {new: {family: …}}, and lora for an adapter") { section in
            let source = try self.source(section.oneOf(["from", "folder", "new"]), section)
            let lora = try section.optional("lora", lora)
            if lora != nil, case .new = source {
                throw section.field.error("lora adapts an existing model; expected 'from: STAGE' or 'folder: PATH' next to it")
            }
            return (source, lora)
        }
    }

    /// The network that a reward-model stage trains.
    var rewardNetwork: Expectation<(source: ModelSource, pooling: CausalLMConfig.Pooling?)> {
        .section("a model: {from: STAGE}, {folder: PATH} or {new: {family: …}}, and pooling: last or mean") { section in
            let source = try self.source(section.oneOf(["from", "folder", "new"]), section)
            return (source, try section.optional("pooling", .choice))
        }
    }

    private var lora: Expectation<LoRAConfig> {
        .section("an adapter, such as {r: 16, lora_alpha: 32}") { section in
            var lora = LoRAConfig()
            lora.r = try section("r", .whole(from: 1, to: 65_536), else: lora.r)
            lora.alpha = try section("lora_alpha", .positive(to: 1e6), else: lora.alpha)
            // A loss's numbers may come from one pass and its derivatives from another: both must agree.
            _ = try section("lora_dropout", .number("0: every pass must give the same numbers") { $0 == 0 }, else: 0)
            lora.targets = try section("target_modules", targets, else: lora.targets)
            lora.usesRSLoRA = try section("use_rslora", .flag, else: lora.usesRSLoRA)
            return lora
        }
    }

    private var targets: Expectation<LoRAConfig.Targets> {
        Expectation(words: "a list of projections, such as [q_proj, v_proj], or \(LoRAConfig.allLinear)") { field in
            guard case .list = field.node.content else {
                return field.node.json.string == LoRAConfig.allLinear ? .allLinear : nil
            }
            let names = try Expectation<[String]>.list(of: .text("the name of a projection"))(field)
            return names.isEmpty ? nil : .named(names)
        }
    }

    /// The source that one of the keys `from`, `folder` and `new` gives.
    private func source(_ field: Field, _ section: Section) throws -> ModelSource {
        switch field.path {
        case section.path("from"): .stage(try stage(field))
        case section.path("folder"): .folder(try existing(field, "a model folder", needsFolder: true))
        default: .new(try newModel(field))
        }
    }

    /// The source where a section has one, alone or with other keys.
    private func optionalSource(_ section: Section) throws -> ModelSource? {
        let keys = ["from", "folder", "new"]
        return section.keys.contains(where: keys.contains) ? try source(section.oneOf(keys), section) : nil
    }

    private func stage(_ field: Field) throws -> String {
        let text = try Expectation<String>.text("the name of an earlier stage")(field)
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let names = stages.map(\.name)
        guard let stage = stages.first(where: { $0.name == parts[0] }) else {
            let fix =
                nearest(parts[0], among: names).map { "did you mean '\($0)'?" }
                ?? (names.isEmpty ? "there is no earlier stage" : "earlier are \(names.joined(separator: ", "))")
            throw field.error("expected the name of an earlier stage, found '\(text)'; \(fix)")
        }
        if parts.count > 1, !stage.save.contains(where: { $0.rawValue == parts[1] }) {
            throw field.error(
                "stage '\(stage.name)' does not save '\(parts[1])'; give it 'save: [critic]', or name the model that it trains by "
                    + "'\(stage.name)' alone")
        }
        return text
    }

    private func newModel(_ field: Field) throws -> NewModel {
        try Section.read(field) { section in
            var model = NewModel(family: try section("family", .choice(NewModel.configuration.keys.sorted())))
            for key in NewModel.configuration[model.family] ?? [] {
                guard let field = section.field(key) else { continue }
                guard case .scalar(let value) = field.node.content, value.string == nil else {
                    throw field.error("expected a number, true or false, found \(field.node.found)")
                }
                model.config[key] = value
            }
            guard model.readsText else { return model }
            model.tokenizer = try section.optional("tokenizer", path("a tokenizer.json or a folder that has one"))
            model.vocabularySize = try section("vocabulary_size", .whole(from: 257, to: 1_000_000), else: model.vocabularySize)
            return model
        }
    }

    var critic: Expectation<CriticSource> {
        .section("the critic: {trunk: separate} or {trunk: shared}, and its source") { section in
            let critic = CriticSource(
                source: try optionalSource(section), trunk: try section("trunk", .choice, else: .separate))
            guard critic.trunk == .shared, let source = critic.source else { return critic }
            // The trunk is the policy's own; only a saved head can be given.
            switch source {
            case .stage(let name) where name.contains("/"): return critic
            case .folder: return critic
            default:
                throw section.field.error(
                    "a shared trunk is the policy's own, so only a head can be given: expected 'from: STAGE/critic' or the folder "
                        + "of a saved critic, or 'trunk: separate'")
            }
        }
    }

    // MARK: - Rewards

    var reward: Expectation<RewardSpec> {
        .section("a reward, such as {function: lexicon}") { section in
            let kinds = RewardKind.all
            let function = try section("function", .choice(kinds.map(\.name) + [RewardSpec.model]))
            var reward = RewardSpec(function: function, name: try section("name", .name, else: function))
            reward.weight = try section("weight", .within(1e9), else: reward.weight)
            reward.normalize = try section("normalize", .flag, else: reward.normalize)
            if function == RewardSpec.model {
                guard let source = try optionalSource(section) else {
                    throw section.field.error("a trained reward needs 'from: STAGE' or 'folder: PATH'")
                }
                reward.source = source
            } else if let kind = kinds.first(where: { $0.name == function }), !kind.parameters.isEmpty {
                reward.parameters = try section(
                    "parameters", .section("the reward's parameters") { try parameters($0, of: kind) }, else: [:])
            }
            return reward
        }
    }

    /// Checks the names; `RewardKind.make` checks the values.
    private func parameters(_ section: Section, of kind: RewardKind) throws -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        for parameter in kind.parameters {
            guard let field = section.field(parameter.name) else { continue }
            values[parameter.name] = field.node.json
            guard parameter.name == "file", let text = field.node.json.string, !text.hasPrefix(DataSource.taskPrefix) else {
                continue
            }
            values["file"] = .string(try existing(field, "a file").path)
        }
        return values
    }

    // MARK: - Data

    var data: Expectation<DataSources> {
        .section("datasets: prompts, pairs or examples") { section in
            var data = DataSources()
            data.prompts = try section.optional("prompts", dataSource)
            data.pairs = try section.optional("pairs", pairs)
            data.examples = try section.optional("examples", dataSource)
            data.maxPromptSteps = try section(
                "max_prompt_steps", .whole(from: 1, to: RecipeLimits.tokens), else: data.maxPromptSteps)
            data.maxSteps = try section("max_steps", .whole(from: 2, to: RecipeLimits.tokens), else: data.maxSteps)
            data.maxCut = try section(
                "max_cut", .number("a share of the rows, from 0 to 1") { (0...1).contains($0) }, else: data.maxCut)
            let template = try section.field("chat_template").map { try existing($0, "a chat template's file") }
            let variables = try section("chat_variables", .values, else: [:])
            if template != nil || !variables.isEmpty { data.chat = ChatSettings(template: template, variables: variables) }
            return data
        }
    }

    var dataSource: Expectation<DataSource> {
        Expectation(words: "a JSONL file, or task:FILE for one that the task generates") { field in
            guard let text = field.node.json.string else { return nil }
            guard text.hasPrefix(DataSource.taskPrefix) else { return .file(try existing(field, "a JSONL file")) }
            let name = String(text.dropFirst(DataSource.taskPrefix.count))
            return name.isEmpty || name.contains("/") ? nil : .task(name)
        }
    }

    private var pairs: Expectation<DataSource> {
        Expectation(words: "a JSONL file, task:FILE, or {build: {prompts: N, samples: N}}") { field in
            guard case .map = field.node.content else { return try dataSource(field) }
            return try Section.read(field) { section in
                .build(
                    try section(
                        "build",
                        .section("{prompts: N, samples: N}") { section in
                            var building = PairBuilding(
                                prompts: try section.optional("prompts", .whole(from: 1, to: RecipeLimits.rows)))
                            building.samples = try section(
                                "samples", .whole(from: 2, to: RecipeLimits.samples), else: building.samples)
                            building.epochs = try section("epochs", .whole(from: 1, to: 1_000_000), else: building.epochs)
                            building.images = try section.optional("images", ImageReader.pairs)
                            return building
                        }))
            }
        }
    }

    // MARK: - Files

    private func path(_ words: String) -> Expectation<URL> {
        Expectation(words: words) { try existing($0, words) }
    }

    private func existing(_ field: Field, _ words: String, needsFolder: Bool = false) throws -> URL {
        let text = try Expectation<String>.text(words)(field)
        let url = URL(
            fileURLWithPath: (text as NSString).expandingTildeInPath,
            relativeTo: field.node.folder ?? file.deletingLastPathComponent()
        )
        .standardizedFileURL.absoluteURL
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw field.error("expected \(words), found nothing at \(url.path)")
        }
        guard !needsFolder || isFolder.boolValue else { throw field.error("expected \(words), found a file at \(url.path)") }
        if !isFolder.boolValue {
            do { try InputFile.check(url) } catch { throw field.error("expected \(words), found something unreadable: \(error)") }
        }
        return url
    }
}

extension DataSource {
    /// Marks a file that the task makes.
    static let taskPrefix = "task:"
}

extension LoRAConfig {
    /// PEFT's word for every projection of every block.
    static let allLinear = "all-linear"
}

extension NewModel {
    /// The keys of `config.json` that a recipe may set, by family. The task gives the tabular model its shape.
    static let configuration: [String: [String]] =
        Dictionary(uniqueKeysWithValues: Family.allCases.map { ($0.rawValue, $0.shapeKeys) })
        .merging(["tabular": [], imageFamily: FluxConfig.shapeKeys]) { shape, _ in shape }
    package static let imageFamily = "flow-image"
    package var readsText: Bool { family != "tabular" && family != Self.imageFamily }
}
