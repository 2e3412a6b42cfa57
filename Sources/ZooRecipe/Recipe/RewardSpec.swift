import Foundation
import ZooBase
import ZooData

/// One component of the reward.
public struct RewardSpec: Sendable, Equatable {
    /// A function of the registry (`lexicon`, `exact-match`, ...), `model` for a trained reward model, or `table` for the tabular
    /// task.
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
}

extension RewardSpec {
    /// The reward that is a trained network; all others are functions.
    package static let model = "model"

    /// Whether the function reads nothing but rows, so that they can be checked with it before anything runs.
    package var readsRowsAlone: Bool {
        function != Self.model && RewardKind.all.contains { $0.name == function && !$0.needsTask }
    }

    /// The component in the recipe's words.
    package var node: RecipeNode { Self.schema.node(self) }

    static let codec = schema.codec
    private static let schema = Schema(
        "a reward, such as {function: lexicon}", blank: RewardSpec(function: "", name: "")
    ) {
        Key(
            "function", \.function, .choice(RewardKind.all.map(\.name) + [model]), isRequired: true,
            "A reward function; `model` for a trained reward model.")
        Key("name", \.name, .name, standard: "the function's", "Its name in logs.")
        Key("weight", \.weight, .within(1e9), "0: logged, not part of the sum.")
        Key(
            "normalize", \.normalize, .flag,
            "Shift and scale to mean 0 and standard deviation 1 on samples of the initial policy.")
        Key(anyOf: ModelSource.choices, \.source).when { $0.function == model }
        Key(keys: [
            KeyDescription(
                name: "parameters", shape: .anything, standard: "the function's",
                doc: "The function's own, such as `{file: task:lexicon.tsv}`.")
        ]) { reward, section in
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
