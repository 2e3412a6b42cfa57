import Foundation
import ZooBase
import ZooData

/// One component of the reward.
public struct RewardSpec: Sendable, Equatable {
    /// A function of the registry (`lexicon`, `exact-match`, ...), `model` for a trained reward model, `command` or `http` for a
    /// program of the user's.
    public var function: String
    /// Name in logs; by default the function's.
    public var name: String
    public var weight = 1.0
    /// For `model`.
    public var source: ModelSource?
    /// Shift and scale so that samples of this model (if true, the stage's initial policy) have mean 0 and standard deviation 1.
    public var normalize = false
    /// The function's own parameters.
    public var parameters: [String: JSONValue] = [:]
    /// For `command` and `http`.
    public var program: ExternalProgram?
    /// For `library`: the file, and which of its rewards; nil: its only one.
    public var library: URL?
    public var reward: String?
    /// For these: whether 1 means that the completion solves its task.
    public var isVerifier = false

    /// A reward with the defaults of everything else.
    package init(function: String, name: String) { (self.function, self.name) = (function, name) }
}

extension RewardSpec {
    /// The reward that is a trained network; all others are functions.
    package static let model = "model"
    /// The rewards that are programs of the user's, and those of a library.
    package static let (command, http, library) = ("command", "http", "library")

    /// Whether it is a function of the registry.
    package var isFunction: Bool { ![Self.model, Self.library].contains(function) && program == nil }

    /// The program, for its keys.
    fileprivate var keyed: ExternalProgram {
        get { program ?? ExternalProgram() }
        set { program = newValue }
    }

    /// Whether the function reads nothing but rows, so that they can be checked with it before anything runs.
    package var readsRowsAlone: Bool {
        isFunction && RewardKind.all.contains { $0.name == function && !$0.needsTask }
    }

    /// The component in the recipe's words.
    package var node: RecipeNode { Self.schema.node(self) }

    static let codec = schema.codec
    private static let schema = Schema(
        "a reward, such as {function: lexicon}", blank: RewardSpec(function: "", name: "")
    ) {
        Key(
            "function", \.function, .choice(RewardKind.all.map(\.name) + [model, command, http, library]), isRequired: true,
            "A reward function; `model` for a trained reward model; `command`, `http` or `library` for a program of your own.")
        Key("name", \.name, .name, standard: "the function's", "Its name in logs.")
        Key("weight", \.weight, .within(1e9), "0: logged, not part of the sum.")
        Key(
            "normalize", \.normalize, .flag,
            "Shift and scale to mean 0 and standard deviation 1 on samples of the initial policy.")
        Key(anyOf: ModelSource.choices, \.source).when { $0.function == model }
        ExternalProgram.commandKeys.map { $0.within(\.keyed).when { $0.function == command } }
        ExternalProgram.serviceKeys.map { $0.within(\.keyed).when { $0.function == http } }
        ExternalProgram.commonKeys.map { $0.within(\.keyed).when { [command, http].contains($0.function) } }
        Key(
            "library", optional: \.library, .path("a library that offers rewards"), "A shared library; see zoo/reward_function.h."
        )
        .when { $0.function == library }
        Key("reward", optional: \.reward, .name, "Which of the library's rewards; its only one if not given.")
            .when { $0.function == library }
        Key(
            "verifier", \.isVerifier, .flag, standard: "false",
            "Of `command`, `http` and `library`: 1 means solved, and pass@k is measured."
        ).when { [command, http, library].contains($0.function) }
        Key(keys: [
            KeyDescription(
                name: "parameters", shape: .anything, standard: "the function's",
                doc: "The function's own, such as `{file: task:lexicon.tsv}`.")
        ]) { reward, section in
            if reward.function == library { reward.parameters = try section.optional("parameters", anything) ?? [:] }
            guard let kind = RewardKind.all.first(where: { $0.name == reward.function }), !kind.parameters.isEmpty else { return }
            reward.parameters = try section.optional("parameters", values(of: kind)) ?? [:]
        } write: {
            [("parameters", $0.parameters.isEmpty ? nil : RecipeNode(.object($0.parameters)))]
        }
    } check: { reward, section in
        if reward.name.isEmpty { reward.name = reward.function }
        if reward.function == model, reward.source == nil {
            throw section.field.error("a trained reward needs 'from: STAGE' or 'folder: PATH'")
        }
        if reward.function == command, reward.keyed.command.isEmpty {
            throw section.field.error(
                "expected the key 'command', a list of words such as [python3, -m, zoo_reward, \"my_rewards:f\"]")
        }
        if reward.function == http, reward.keyed.url == nil {
            throw section.field.error("expected the key 'url', such as http://127.0.0.1:8000/score")
        }
        if reward.function == library, reward.library == nil {
            throw section.field.error("expected the key 'library', the path of a shared library that offers rewards")
        }
        try reward.program?.check(section)
    }

    /// Parameters that only the library knows.
    private static var anything: Codec<[String: JSONValue]> {
        Codec("the reward's parameters", .anything) { field in
            field.node.json.object?.dictionary
        } write: {
            RecipeNode(.object($0))
        }
    }

    /// Checks the names; `RewardKind.make` checks the values.
    private static func values(of kind: RewardKind) -> Codec<[String: JSONValue]> {
        Codec("the reward's parameters", .anything) { field in
            guard case .map = field.node.content else { return nil }
            return try Section.read(field) { section in
                var values: [String: JSONValue] = [:]
                for parameter in kind.parameters {
                    guard let field = section.field(parameter.name) else { continue }
                    values[parameter.name] = field.node.json
                    guard parameter.name == "file", let text = field.node.json.string, !text.hasPrefix(DataSource.taskPrefix)
                    else { continue }
                    values["file"] = .string(try Codec<URL>.existing(field, "a file").path)
                }
                return values
            }
        } write: {
            RecipeNode(.object($0))
        }
    }
}
