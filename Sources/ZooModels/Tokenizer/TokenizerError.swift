import ZooBase

/// What is wrong with a tokenizer's file, as one sentence that names the file and the place in it.
public struct TokenizerError: PlainError, Equatable, Sendable {
    /// The file, as it was given.
    public let file: String
    /// The location in the file, and the fault.
    public let reason: String

    public init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    public var description: String { "\(file): \(reason)" }
    public var status: CommandStatus { .data }
}
