import Foundation
import ZooBase
import ZooData

/// A dataset by kind.
public struct DataSources: Sendable, Equatable {
    public var prompts: DataSource?
    public var pairs: DataSource?
    public var examples: DataSource?
    /// Largest numbers of tokens of a prompt and of a sequence (cut prompts keep their end, sequences their start).
    public var maxPromptLength = 512
    public var maxLength = 1024
    /// Share of a dataset's rows that these limits may cut; beyond it a run is refused.
    public var maxCut = 0.5
    /// How conversations become text; by default the tokenizer's own chat template.
    public var chat: ChatSettings?

    package init() {}
}

public struct ChatSettings: Sendable, Equatable {
    /// The template's file.
    public var template: URL?
    /// Further variables for the template, such as `enable_thinking`.
    public var variables: [String: JSONValue] = [:]

    package init(
        template: URL? = nil, variables: [String: JSONValue] = [:]
    ) {
        self.template = template
        self.variables = variables
    }
}

/// How the host builds preference pairs: `samples` completions per prompt, the best against the worst by the stage's reward.
public struct PairBuilding: Sendable, Equatable {
    /// Prompts to sample for; nil if the stage's budget determines it (``Budget/Axis/paysForSamples``).
    public var prompts: Int?
    public var samples = 4
    /// Passes over the pairs after which a stage ends if its budget was spent on building them.
    public var epochs = 2
    /// Of images: what is chosen over what. nil: the best of the samples over the worst.
    public var images: ImagePairs?
}

// MARK: - Keys

extension DataSources {
    /// The sources in the recipe's words.
    package var node: RecipeNode { Self.schema.node(self) }

    static let schema = Schema("datasets: prompts, pairs or examples", blank: DataSources()) {
        Key("prompts", optional: \.prompts, DataSource.codec, "Rows to sample from.")
        Key("pairs", optional: \.pairs, DataSource.pairs, "Preference pairs: rows, or built from the initial policy's samples.")
        Key("examples", optional: \.examples, DataSource.codec, "Rows to learn from as they are.")
        Key(
            "max_prompt_length", \.maxPromptLength, .whole(from: 1, to: RecipeLimits.tokens),
            "Largest number of tokens of a prompt; a longer one keeps its end.")
        Key(
            "max_length", \.maxLength, .whole(from: 2, to: RecipeLimits.tokens),
            "Largest number of tokens of a sequence; a longer one keeps its start.")
        Key(
            "max_cut", \.maxCut, .fromZeroToOne("a share of the rows,"),
            "Largest share of a dataset's rows that these limits may cut.")
        Key(
            "chat_template", optional: \.chatTemplate, .path("a chat template's file"), standard: "the tokenizer's",
            "How conversations become text.")
        Key("chat_variables", \.chatVariables, .values, "Further variables for the template.")
    }

    private var chatTemplate: URL? {
        get { chat?.template }
        set { chat = ChatSettings(template: newValue, variables: chatVariables).given }
    }

    private var chatVariables: [String: JSONValue] {
        get { chat?.variables ?? [:] }
        set { chat = ChatSettings(template: chatTemplate, variables: newValue).given }
    }
}

extension ChatSettings {
    /// nil if neither is set.
    fileprivate var given: ChatSettings? { template == nil && variables.isEmpty ? nil : self }
}

extension PairBuilding {
    static let schema = Schema("{prompts: N, samples: N}", blank: PairBuilding()) {
        Key(
            "prompts", optional: \.prompts, .whole(from: 1, to: RecipeLimits.rows), standard: "what the budget pays for",
            "Prompts to sample for. Only budgets of sampled steps or reward queries may leave it out.")
        Key(
            "samples", \.samples, .whole(from: 2, to: RecipeLimits.samples),
            "Samples per prompt, the best and the worst of which, by the stage's rewards, are a pair.")
        Key(
            "epochs", \.epochs, .whole(from: 1, to: 1_000_000),
            "Passes over the pairs after which a stage ends whose budget was spent on building them.")
        Key("images", optional: \.images, ImagePairs.schema.codec, "Of images: what is chosen over what.")
    }
}
