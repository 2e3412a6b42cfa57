import CZoo
import ZooBase
import ZooData
import ZooKit

/// What a library says of one of its rewards.
public struct RewardDescription: Sendable, Equatable, Codable {
    public var id: String
    public var summary: String
    /// In the library's order.
    public var parameters: [ParameterDescription]

    /// Refuses unknown names, wrong types and values out of range by the library's own schema.
    package func check(_ given: [String: JSONValue], recipe: String) throws {
        let known = parameters.isEmpty ? "it has none" : "it has: " + parameters.map(\.name).joined(separator: ", ")
        try parameters.check(given, of: id, "reward '\(id)'", known: known, recipe: recipe)
    }
}

extension RewardDescription {
    /// Reads and checks a library's description of one reward.
    init(info: UnsafePointer<zoo_reward_info_v1>) throws {
        guard let known = Sized(info), known.has(\.parameters) else {
            throw ZooError(.failedPrecondition, "the description of a reward is truncated at \(info.pointee.size) bytes")
        }
        let id = try info.pointee.id.text("reward id", limit: 64)
        guard id.isIdentifier else {
            throw ZooError(
                .invalidArgument, "the reward id '\(id)' has characters other than lower-case letters, digits and hyphens")
        }
        let summary = try info.pointee.summary.text("summary", limit: 1024)
        guard summary.isPlainLine else {
            throw ZooError(
                .invalidArgument,
                "the summary of the reward '\(id)' is '\(String(summary.prefix(120)).shownOnOneLine)'; expected one line of text")
        }
        self.init(
            id: id, summary: summary,
            parameters: try [ParameterDescription](
                schema: info.pointee.parameters.text("parameters", limit: 1 << 20), of: id))
        try parameters.checkText("of the reward '\(id)'")
    }
}
