import Foundation
import ZooBase

/// A folder's `generation_config.json`: what it says about sampling, and the unchanged file.
///
/// Only the tokens that end a text are used. Temperature and cuts are the recipe's: an algorithm's ratios hold for the whole
/// distribution at the recipe's temperature, and a checkpoint's taste for `top_p` would bend them unseen.
public struct GenerationConfig: Sendable, Equatable {
    public let endTokens: [Int32]
    private let contents: Data

    private static let name = "generation_config.json"

    /// Nil where the folder has no such file.
    static func read(_ folder: URL) throws -> GenerationConfig? {
        let file = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let (keys, contents) = try ConfigKeys.read(file: file)
        return GenerationConfig(endTokens: try keys.tokens("eos_token_id"), contents: contents)
    }

    func write(to folder: URL) throws {
        try OutputFile.write(contents, to: folder.appendingPathComponent(Self.name))
    }
}
