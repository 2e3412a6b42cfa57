import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe

/// What a run or an artifact was made from: everything that affects its result, and nothing else.
///
/// In the key, files and folders are their content. Paths, names and the command are left out of it; threads are not, for sums that
/// are split in another way round in another way.
public struct MadeFrom: Codable, Sendable, Equatable {
    /// The recipe's file and the stage, for people.
    public var recipe: String
    public var stage: String
    /// The files and folders, with their paths.
    public var inputs: [MadeInput]
    public var key: JSONValue

    package init(
        recipe: String, stage: String, inputs: [MadeInput], key: JSONValue
    ) {
        self.recipe = recipe
        self.stage = stage
        self.inputs = inputs
        self.key = key
    }

    /// Tells keys apart: the first 16 hexadecimal digits of the key's SHA-256.
    public var hash: String { get throws { shortHash(of: [try JSON.text(key)]) } }

    /// The key in YAML's block style, for people.
    public var yaml: String { RecipeNode(key).yamlLines(indent: 0).joined(separator: "\n") + "\n" }
}

/// A file or folder that went into something, under the path that the recipe has it at.
public struct MadeInput: Codable, Sendable, Equatable {
    /// Where it stands: `data.prompts`, `policy.folder`, `plugin`.
    public var name: String
    public var path: String
    /// Of its content, in hexadecimal.
    public var sha256: String

    package init(
        name: String, path: String, sha256: String
    ) {
        self.name = name
        self.path = path
        self.sha256 = sha256
    }

    /// Replaces a path in a recipe: the content's hash, which no path looks like.
    package static let prefix = "sha256:"
}

// MARK: - What differs

extension MadeFrom {
    /// What of this is another in `now`: the name as recipes have it, what it was and what it is. Of a file that is its path, and of
    /// its hash the first digits.
    public func changes(to now: MadeFrom) -> [RecipeDifference] {
        RecipeNode(key).differences(to: RecipeNode(now.key)).map { difference in
            let path = difference.path.hasPrefix("stage.") ? String(difference.path.dropFirst("stage.".count)) : difference.path
            return RecipeDifference(
                Self.titles[path] ?? path, shown(difference.before, path), now.shown(difference.after, path))
        }
    }

    /// What people would not know by its key.
    private static let titles = [
        "results": "the program's results version", "contract": "the plugin ABI", "libtorch": "libtorch",
        "recipe_seed": "the recipe's seed",
    ]

    /// The changes as an error reports them: what was expected, and what was found.
    package func refusal(of now: MadeFrom) -> String {
        changes(to: now).map { "\($0.path): expected \($0.before ?? "none"), found \($0.after ?? "none")" }
            .joined(separator: "; ")
    }

    /// A value; of a file or folder its path and the first digits of its hash.
    private func shown(_ value: String?, _ name: String) -> String? {
        guard let value else { return nil }
        let text = value.trimmingPrefix("\"").description.replacing("\"", with: "")
        guard text.hasPrefix(MadeInput.prefix) else { return value }
        let hash = text.dropFirst(MadeInput.prefix.count)
        let path = inputs.first { $0.sha256 == hash && $0.name == name }?.path ?? inputs.first { $0.sha256 == hash }?.path
        return "\(path ?? "another file") (sha256 \(hash.prefix(12))…)"
    }
}

/// Tells keys apart: the first 16 hexadecimal digits of a SHA-256.
package func shortHash(of key: [String]) -> String { String(sha256(Data(key.joined(separator: "\u{1f}").utf8)).prefix(16)) }
