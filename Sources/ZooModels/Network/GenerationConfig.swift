import Foundation
import ZooBase

/// A folder's `generation_config.json`: what it says about sampling, and the unchanged file.
///
/// Only the tokens that end a text are used. Temperature and cuts are the recipe's: an algorithm's ratios hold for the whole
/// distribution at the recipe's temperature, and a checkpoint's taste for `top_p` would bend them unseen.
public struct GenerationConfig: Sendable, Equatable {
    public let endTokens: [Int32]
    /// What it asks of the sampler, and is not used: `top_p 0.9`.
    public let unused: [String]
    private let contents: Data

    private static let name = "generation_config.json"

    /// Nil where the folder has no such file.
    static func read(_ folder: URL) throws -> GenerationConfig? {
        let file = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let (keys, contents) = try ConfigKeys.read(file: file)
        let unused = neutral.compactMap { key, neutral -> String? in
            guard let value = keys.json[key]?.number, !neutral.contains(value) else { return nil }
            return "\(key) \((try? keys.json[key]?.text()) ?? "\(value)")"
        }
        return GenerationConfig(endTokens: try keys.tokens("eos_token_id"), unused: unused, contents: contents)
    }

    /// Keys of `transformers` that shape samples, with the values that leave them as they are.
    private static let neutral: [(key: String, neutral: Set<Double>)] = [
        ("temperature", [1]), ("top_p", [1]), ("top_k", [0]), ("min_p", [0]), ("typical_p", [1]), ("epsilon_cutoff", [0]),
        ("eta_cutoff", [0]), ("repetition_penalty", [1]), ("no_repeat_ngram_size", [0]), ("num_beams", [1]),
    ]

    func write(to folder: URL) throws {
        try OutputFile.write(contents, to: folder.appendingPathComponent(Self.name))
    }
}
