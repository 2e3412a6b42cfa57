import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels

/// A reward as the user names it: a function of the host, `my_rewards.py:right`, or the folder of a reward model.
public enum DraftReward: Sendable, Equatable {
    case function(String)
    case python(file: URL, function: String)
    case model(URL)

    /// - Throws: a sentence that says what is expected.
    public init(_ text: String, data: DraftData) throws {
        let path = URL(fileURLWithPath: text, isDirectory: true)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder), isFolder.boolValue {
            guard try ModelFolder(path).head == .score else {
                throw ZooError(.invalidArgument, "reward: \(text) is a model without the head of a reward model")
            }
            self = .model(path)
            return
        }
        if let colon = text.lastIndex(of: ":") {
            let (module, function) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
            let name = module.hasSuffix(".py") ? module : module.replacing(".", with: "/") + ".py"
            guard FileManager.default.fileExists(atPath: name), !function.isEmpty else {
                throw ZooError(
                    .notFound, "reward: there is no file \(name); expected FILE.py:FUNCTION, such as my_rewards.py:right")
            }
            self = .python(file: URL(fileURLWithPath: name), function: function)
            return
        }
        let known = Self.functions
        guard known.contains(text) else {
            let fix = nearest(text, among: known).map { "; did you mean '\($0)'?" } ?? ""
            throw ZooError(
                .invalidArgument,
                "reward: there is no '\(text)'; expected one of \(known.joined(separator: ", ")), a Python function as "
                    + "FILE.py:FUNCTION, or the folder of a reward model\(fix)")
        }
        if ["exact-match", "number-match"].contains(text), !data.extras.contains("answer") {
            throw ZooError(
                .invalidArgument,
                "reward: '\(text)' compares with the column 'answer', which \(data.file.lastPathComponent) does not have; it has "
                    + (data.extras.isEmpty ? "no further column" : data.extras.joined(separator: ", ")))
        }
        self = .function(text)
    }

    /// Those that need no more to be said.
    public static let functions = ["number-match", "exact-match", "length"]

    /// The lines of a recipe's `rewards`, without indentation.
    func lines(_ path: (URL) -> String, recipe: URL) -> [(String, String)] {
        switch self {
        case .function("length"):
            [("- {function: length, parameters: {target: 100, mode: max}}", "longer answers cost: zoo rewards list")]
        case .function(let name):
            [("- {function: \(name)}", "compares with the rows' column 'answer'; more: zoo rewards list")]
        case .python(let file, let function):
            [
                ("- function: command", "your Python function, by TRL's signature: recipes/rewards.md"),
                ("  name: mine", "in logs: rewards/mine/mean"),
                ("  command: [python3, -m, zoo_reward, \"\(file.deletingPathExtension().lastPathComponent):\(function)\"]", ""),
            ]
                + (file.deletingLastPathComponent().standardizedFileURL.path
                    == recipe.deletingLastPathComponent().standardizedFileURL.path
                    ? [] : [("  directory: \(path(file.deletingLastPathComponent()))", "where Python finds it")])
        case .model(let folder):
            [("- {function: model, folder: \(path(folder))}", "a trained reward model")]
        }
    }

    /// Whether 1 means that an answer is right.
    var isVerifier: Bool { self == .function("number-match") || self == .function("exact-match") }
}
