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
    public var inputs = ChatInputs()

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
            return try ChatMessage.conversation(tree.withoutNulls, column: name)
        }
        switch shape {
        case .text: throw RowFault(reason: "'text' is an array; expected a string (a conversation's column is called 'messages')")
        case .messages:
            let messages = try take("messages")
            guard messages.contains(where: { $0.role == "assistant" && $0.isLearnt }) else {
                let none = messages.contains { $0.role == "assistant" } ? "that is to be learnt" : "of the assistant"
                throw RowFault(reason: "'messages' has no turn \(none), so there is nothing to train on")
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
        inputs = try Self.inputs(&columns)
        for (name, turns) in [("prompt", prompt), ("completion", completion), ("chosen", chosen), ("rejected", rejected)] {
            guard let index = turns?.firstIndex(where: { !$0.isLearnt && $0.role == "assistant" }), name != "prompt" else {
                continue
            }
            throw RowFault(reason: "message \(index) of '\(name)' is not to be learnt; turns are left out of 'messages' alone")
        }
    }

    /// The columns `tools`, a list or its JSON as a string as TRL prefers it, and `chat_template_kwargs`.
    private static func inputs(_ columns: inout [String: JSONValue]) throws(RowFault) -> ChatInputs {
        var result = ChatInputs()
        if let column = columns.removeValue(forKey: "tools"), !column.isNull {
            // What a string holds was written as it is.
            var tools = column.withoutNulls
            if let text = column.string {
                guard let parsed = try? JSONValue(parsing: text, place: "tools") else {
                    throw RowFault(
                        reason: "'tools' is a string that is not JSON; expected a list of tools' schemas, or one as a string")
                }
                tools = parsed
            }
            guard tools.array != nil else {
                throw RowFault(reason: "'tools' is \(tools.kind); expected a list of tools' schemas, or one as a string")
            }
            result.tools = tools
        }
        if let variables = columns.removeValue(forKey: "chat_template_kwargs"), !variables.isNull {
            guard let object = variables.object else {
                throw RowFault(
                    reason: "'chat_template_kwargs' is \(variables.kind); expected an object of the template's variables")
            }
            result.variables = object.dictionary.filter { !$0.value.isNull }
        }
        return result
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
        if let tools = inputs.tools { result["tools"] = tools }
        if !inputs.variables.isEmpty {
            result["chat_template_kwargs"] = .object(
                JSONObject(inputs.variables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
        }
        return result
    }
}
