import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins

/// A file of rows as a recipe could use it: its shape, its columns, and which algorithms and rewards fit.
public struct DraftData: Sendable {
    public let file: URL
    let shape: DatasetShape
    public let rows: Int
    /// The columns that no shape uses, which rewards may read.
    let extras: [String]
    private let answer: JSONValue?
    let hasLabels: Bool
    /// A file beside it whose name says that it is held out, and what it has.
    let heldOut: (file: URL, shape: DatasetShape)?

    /// - Throws: ``DataError`` that names the file, the line and the fix.
    public init(_ file: URL) throws {
        self.file = file
        let dataset = try Dataset.load(jsonl: file)
        shape = dataset.shape
        rows = dataset.rows.count
        extras = Set(dataset.rows.prefix(100).flatMap(\.extras.keys)).sorted()
        answer = dataset.rows.first?.extras["answer"]
        hasLabels = dataset.rows.allSatisfy { $0.label != nil }
        heldOut = Self.heldOut(beside: file)
    }

    /// `arith-eval.jsonl` beside `arith-train.jsonl`.
    private static func heldOut(beside file: URL) -> (file: URL, shape: DatasetShape)? {
        let name = file.lastPathComponent
        guard name.contains("train") else { return nil }
        let found = ["eval", "test", "valid", "validation", "held-out", "dev"].lazy
            .map { file.deletingLastPathComponent().appending(path: name.replacing("train", with: $0)) }
            .first { FileManager.default.fileExists(atPath: $0.path) }
        guard let found, let shape = try? Dataset.load(jsonl: found).shape else { return nil }
        return (found, shape)
    }

    /// `1000 rows of prompt, with the column answer`.
    public var words: String {
        let others = extras.isEmpty ? "" : ", with the column\(extras.count == 1 ? "" : "s") \(extras.joined(separator: ", "))"
        return "\(rows) rows of \(shape.rawValue)\(others)"
    }

    /// What the rows can be to an algorithm.
    func kind(for needs: AlgorithmNeeds) -> DataKind? {
        [DataKind.pairs, .examples, .prompts].first { $0.shapes.contains(shape) && needs.data.contains($0) }
    }

    /// The algorithms that fit, the most usual one first.
    public func algorithms(of catalog: PluginCatalog) -> [String] {
        let fitting = catalog.plugins.flatMap(\.algorithms).filter { algorithm in
            // A teacher or a trained reward model would be one more question.
            kind(for: algorithm.needs) != nil && !["teacher", "reward"].contains(where: algorithm.needs.roles.contains)
        }.map(\.id)
        let usual: [String] =
            switch shape {
            case .preference: ["dpo"]
            case .prompt: ["grpo", "ppo", "rloo"]
            case .promptCompletion: hasLabels ? ["kto", "sft"] : ["sft"]
            case .messages, .text: ["sft"]
            }
        return usual.filter(fitting.contains) + fitting.filter { !usual.contains($0) }.sorted()
    }

    /// The reward that the columns suggest; nil if they suggest none.
    public var reward: String? {
        guard let answer else { return nil }
        if answer.number != nil || answer.string?.contains(where: \.isNumber) == true { return "number-match" }
        return answer.string == nil ? nil : "exact-match"
    }
}
