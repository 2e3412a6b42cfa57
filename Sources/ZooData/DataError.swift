import ZooBase

/// What is wrong with data or a reward, as one sentence that begins with where: `train.jsonl:12: …`.
public struct DataError: PlainError, Equatable, Sendable {
    /// The file, with the line if there is one, or the reward and its parameter.
    public let place: String
    /// What was expected, what was found and, if not obvious, the fix.
    public let reason: String

    public init(_ place: String, _ reason: String) {
        self.place = place
        self.reason = reason
    }

    public var description: String { "\(place): \(reason)" }
    public var status: CommandStatus { .data }
}
