import Foundation
import ZooBase
import ZooData
import ZooModels

/// Where a network comes from.
public enum ModelSource: Sendable, Equatable {
    /// The model of an earlier stage; `STAGE/critic` is the critic that it saved.
    case stage(String)
    /// A model folder in Hugging Face's layout.
    case folder(URL)
    /// Initialised here: family, its configuration, and the tokenizer to train for it.
    case new(NewModel)
}

public struct NewModel: Sendable, Equatable {
    /// `tabular`, `flow-image`, or a language model's family by its `model_type`: `llama`, `qwen3`, `gpt2`, ...
    public var family: String
    /// Keys of the family's `config.json` (`hidden_size`, `num_hidden_layers`, ...).
    public var config: [String: JSONValue] = [:]
    /// A tokenizer folder or `tokenizer.json`; nil: trained on the stage's data.
    public var tokenizer: URL?
    /// Size of the vocabulary to train.
    public var vocabularySize = 1024
}

/// The critic's network: a copy of `source` with a value head, or a head on the policy's own trunk.
public struct CriticSource: Sendable, Equatable {
    public enum Trunk: String, Sendable, CaseIterable { case separate, shared }
    /// nil: the initial policy.
    public var source: ModelSource?
    public var trunk: Trunk = .separate

    package init(
        source: ModelSource? = nil, trunk: Trunk = .separate
    ) {
        self.source = source
        self.trunk = trunk
    }
}

// MARK: - Keys

extension ModelSource {
    static let choices = [
        KeyChoice<ModelSource>(
            "from", .stage, "The model of an earlier stage; `STAGE/critic` is the critic that it saved.",
            make: ModelSource.stage
        ) { if case .stage(let name) = $0 { name } else { nil } },
        KeyChoice<ModelSource>(
            "folder", .modelFolder,
            "A folder in Hugging Face's layout, an adapter in PEFT's, or `data:smollm2`, which `zoo data fetch smollm2` gets.",
            make: ModelSource.folder
        ) { if case .folder(let url) = $0 { url } else { nil } },
        KeyChoice<ModelSource>("new", NewModel.schema.codec, "A new network of a family.", make: ModelSource.new) {
            if case .new(let model) = $0 { model } else { nil }
        },
    ]

    /// The source in the recipe's words.
    package var node: RecipeNode { Self.schema.node(self) }

    static let codec = schema.codec
    private static let schema = Schema(
        "a model: {from: STAGE}, {folder: PATH} or {new: {family: …}}", blank: ModelSource.stage("")
    ) {
        Key(oneOf: choices, \.self)
    }
}

extension Codec where Value == String {
    /// An earlier stage, or the critic that it saved.
    fileprivate static var stage: Codec {
        let text = Codec.text("the name of an earlier stage", shape: .text("name of a stage"))
        return Codec(text.words, text.shape) { field in
            let name = try text.value(field)
            let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let names = field.reading.stages.map(\.name)
            guard let stage = field.reading.stages.first(where: { $0.name == parts[0] }) else {
                let fix =
                    nearest(parts[0], among: names).map { "did you mean '\($0)'?" }
                    ?? (names.isEmpty ? "there is no earlier stage" : "earlier are \(names.joined(separator: ", "))")
                throw field.error("expected the name of an earlier stage, found '\(name)'; \(fix)")
            }
            if parts.count > 1, !stage.saved.contains(parts[1]) {
                throw field.error(
                    "stage '\(stage.name)' does not save '\(parts[1])'; give it 'save: [critic]', or name the model that it trains by "
                        + "'\(stage.name)' alone")
            }
            return name
        } write: {
            .text($0)
        }
    }
}

extension NewModel {
    /// The keys of `config.json` that a recipe may set, by family. The task gives the tabular model its shape.
    static let configuration: [String: [String]] =
        Dictionary(uniqueKeysWithValues: Family.allCases.map { ($0.rawValue, $0.shapeKeys) })
        .merging(["tabular": [], imageFamily: FluxConfig.shapeKeys]) { shape, _ in shape }
    package static let imageFamily = "flow-image"
    package var readsText: Bool { family != "tabular" && family != Self.imageFamily }

    static let schema = Schema("a new network", blank: NewModel(family: "")) {
        Key(
            "family", \.family, .choice(configuration.keys.sorted()), isRequired: true,
            "`flow-image` (images), `tabular`, or a language model's `model_type`.")
        Key(
            "vocabulary_size", \.vocabularySize, .whole(from: 257, to: 1_000_000),
            "Size of the vocabulary of a tokenizer that is trained on the stage's data."
        ).when(\.readsText)
        Key(
            "tokenizer", optional: \.tokenizer, .path("a tokenizer.json or a folder that has one"),
            standard: "trained", "The tokenizer to use."
        ).when(\.readsText)
        Key(keys: shapeKeys) { model, section in
            for key in configuration[model.family] ?? [] {
                guard let field = section.field(key) else { continue }
                guard case .scalar(let value) = field.node.content, value.string == nil else {
                    throw field.error("expected a number, true or false, found \(field.node.found)")
                }
                model.config[key] = value
            }
        } write: {
            $0.config.sorted { $0.key < $1.key }.map { ($0.key, RecipeNode($0.value)) }
        }
    }

    /// The keys of all families, each with the families that it belongs to.
    private static var shapeKeys: [KeyDescription] {
        let names = Set(configuration.values.flatMap(\.self)).sorted()
        return names.map { name in
            let families = configuration.filter { $0.value.contains(name) }.keys.sorted()
            let number = Shape.number(NumberRange(from: -.infinity, to: .infinity))
            return KeyDescription(
                name: name, shape: .either([number, .flag]), standard: "the family's",
                doc: "As in `config.json`: \(families.joined(separator: ", ")).")
        }
    }
}

extension CriticSource {
    static let schema = Schema(
        "the critic: {trunk: separate} or {trunk: shared}, and its source", blank: CriticSource()
    ) {
        Key(anyOf: ModelSource.choices, \.source)
        Key("trunk", \.trunk, .choice, "A network of its own, or a head on the policy's trunk.")
    } check: { critic, section in
        guard critic.trunk == .shared, let source = critic.source else { return }
        // The trunk is the policy's own; only a saved head can be given.
        switch source {
        case .stage(let name) where name.contains("/"): return
        case .folder: return
        default:
            throw section.field.error(
                "a shared trunk is the policy's own, so only a head can be given: expected 'from: STAGE/critic' or the folder "
                    + "of a saved critic, or 'trunk: separate'")
        }
    }
}

extension Codec where Value == LoRAConfig {
    static var lora: Codec { LoRAConfig.schema.codec }
}

extension LoRAConfig {
    /// PEFT's word for every projection of every block.
    private static let allLinear = "all-linear"

    fileprivate static let schema = Schema("an adapter, such as {r: 16, lora_alpha: 32}", blank: LoRAConfig()) {
        Key("r", \.r, .whole(from: 1, to: 65_536), "The rank.")
        Key("lora_alpha", \.alpha, .positive(to: 1e6), "The adapter's output is scaled by lora_alpha / r.")
        // A loss's numbers may come from one pass and its derivatives from another: both must agree.
        Key(
            "lora_dropout", \.dropout,
            .number("0: every pass must give the same numbers", NumberRange(from: 0, to: 0)),
            "Only 0: a loss's numbers come from one pass and its derivatives from another; both must agree.")
        Key(
            "target_modules", optional: \.named, targetCodec, standard: "PEFT's for the family",
            "The projections that get an adapter: names, or every one of every block, not the head.")
        Key("use_rslora", \.usesRSLoRA, .flag, "Scale by lora_alpha / √r instead (Kalajdzievski 2023, arXiv:2312.03732).")
    }

    private var dropout: Double {
        get { 0 }
        set {}
    }

    /// nil: those that PEFT takes.
    private var named: Targets? {
        get { targets == .standard ? nil : targets }
        set { targets = newValue ?? .standard }
    }

    private static let targetCodec = Codec<Targets>(
        "a list of projections, such as [q_proj, v_proj], or \(allLinear)",
        .either([.choice([allLinear]), .list(.text("name"), place: "N")])
    ) { field in
        guard case .list = field.node.content else { return field.node.json.string == allLinear ? .allLinear : nil }
        let names = try Codec<[String]>.list(of: .text("the name of a projection")).value(field)
        return names.isEmpty ? nil : .named(names)
    } write: { targets in
        switch targets {
        case .allLinear: .text(allLinear)
        case .pattern(let text): .text(text)
        case .named(let names): .list(names.map { .text($0) })
        case .standard: .map([])
        }
    }
}
