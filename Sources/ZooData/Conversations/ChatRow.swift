import ZooBase

/// The conversations of a row whose columns are lists of messages rather than texts.
public struct ChatRow: Sendable, Equatable {
    /// A whole conversation, of which the assistant's turns are learned: the column `messages`.
    public var messages: [ChatMessage]?
    /// What comes before the turns below.
    public var prompt: [ChatMessage] = []
    public var completion: [ChatMessage]?
    public var chosen: [ChatMessage]?
    public var rejected: [ChatMessage]?
    /// JSON schemas of tools for the template: the column `tools`, where it is a list.
    public var tools: JSONValue?

    public init() {}
}

extension ChatRow {
    /// Takes the conversations of `shape` out of `columns`; nil if its columns are texts.
    /// - Throws: the reason as text, for the caller to put the line in front.
    init?(columns: inout [String: JSONValue], shape: DatasetShape) throws(RowFault) {
        let lists = shape.columns.filter { if case .array? = columns[$0] { true } else { false } }
        guard shape == .messages || !lists.isEmpty else { return nil }
        self.init()
        func take(_ name: String) throws(RowFault) -> [ChatMessage] {
            guard let tree = columns.removeValue(forKey: name) else {
                throw RowFault(reason: "'\(name)' is missing; the line has \(columns.keys.sorted().joined(separator: ", "))")
            }
            return try ChatMessage.conversation(tree, column: name)
        }
        switch shape {
        case .text: throw RowFault(reason: "'text' is an array; expected a string (a conversation's column is called 'messages')")
        case .messages:
            let messages = try take("messages")
            guard messages.contains(where: { $0.role == "assistant" }) else {
                throw RowFault(reason: "'messages' has no turn of the assistant, so there is nothing to train on")
            }
            self.messages = messages
        case .prompt: prompt = try take("prompt")
        case .promptCompletion:
            prompt = try take("prompt")
            completion = try answer(take("completion"), "completion")
        case .preference:
            let (better, worse) = (try take("chosen"), try take("rejected"))
            guard better != worse else { throw RowFault(reason: "'chosen' and 'rejected' are the same conversation") }
            // A prompt as text beside whole conversations says nothing new. Source: TRL's `maybe_extract_prompt`.
            if case .array? = columns["prompt"] {
                prompt = try take("prompt")
                (chosen, rejected) = (better, worse)
            } else {
                columns["prompt"] = nil
                let shared = zip(better, worse).prefix { $0 == $1 }.count
                guard shared > 0 else {
                    throw RowFault(reason: "'chosen' and 'rejected' start with different messages, and there is no list 'prompt'")
                }
                prompt = Array(better.prefix(shared))
                (chosen, rejected) = (Array(better.dropFirst(shared)), Array(worse.dropFirst(shared)))
            }
            chosen = try answer(chosen ?? [], "chosen")
            rejected = try answer(rejected ?? [], "rejected")
        }
        if shape != .messages, prompt.last?.role == "assistant" {
            throw RowFault(reason: "the prompt ends with a turn of the assistant; expected one of the user, the system or a tool")
        }
        if case .array? = columns["tools"] { tools = columns.removeValue(forKey: "tools") }
    }

    private func answer(_ messages: [ChatMessage], _ column: String) throws(RowFault) -> [ChatMessage] {
        guard messages.last?.role == "assistant" else {
            throw RowFault(
                reason:
                    "'\(column)' \(messages.isEmpty ? "adds nothing to the prompt" : "ends with a turn of '\(messages.last?.role ?? "")'")"
                    + "; expected a turn of the assistant at its end")
        }
        return messages
    }

    /// The columns, as a line of JSONL holds them.
    var columns: [String: JSONValue] {
        var result: [String: JSONValue] = [:]
        let named = [
            ("messages", messages), ("prompt", prompt.isEmpty ? nil : prompt), ("completion", completion), ("chosen", chosen),
            ("rejected", rejected),
        ]
        for case (let name, let list?) in named { result[name] = .array(list.map(\.tree)) }
        if let tools { result["tools"] = tools }
        return result
    }
}
