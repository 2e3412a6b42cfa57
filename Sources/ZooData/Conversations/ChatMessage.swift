import ZooBase

/// One turn of a conversation.
public struct ChatMessage: Sendable, Equatable {
    /// The roles that a message may have; their use is up to the template.
    public static let roles = ["system", "developer", "user", "assistant", "tool"]

    public let role: String
    public let content: String
    /// The message as the data has it, with what else templates may read, such as `tool_calls`.
    let members: JSONObject

    public init(role: String, content: String) {
        self.role = role
        self.content = content
        members = JSONObject([("role", .string(role)), ("content", .string(content))])
    }

    /// - Throws: the reason as text, for the caller to put the file and line in front.
    init(_ tree: JSONValue, place: String) throws(RowFault) {
        guard case .object(let members) = tree else {
            throw RowFault(reason: "\(place) is \(tree.kind); expected an object with 'role' and 'content'")
        }
        guard let role = tree["role"] else {
            let fix = tree["from"] != nil ? "; rename 'from' and 'value' to 'role' and 'content'" : ""
            throw RowFault(reason: "\(place) has no 'role'\(fix)")
        }
        guard let name = role.string else { throw RowFault(reason: "\(place).role is \(role.kind); expected a string") }
        guard Self.roles.contains(name) else {
            let meant = ["human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "function": "tool"][name]
            let fix = meant.map { "; did you mean '\($0)'?" } ?? didYouMean(name, among: Self.roles)
            throw RowFault(
                reason: "\(place).role is '\(name.prefix(40))'; expected one of \(Self.roles.joined(separator: ", "))\(fix)")
        }
        let content: String
        switch tree["content"] {
        case .string(let text)?: content = text
        case nil where tree["tool_calls"] != nil, .null? where tree["tool_calls"] != nil: content = ""
        case nil: throw RowFault(reason: "\(place) has no 'content'")
        case .array?: throw RowFault(reason: "\(place).content is an array of parts; expected a string: images are not read")
        case let other?: throw RowFault(reason: "\(place).content is \(other.kind); expected a string")
        }
        self.role = name
        self.content = content
        self.members = members
    }

    /// The conversation in a column.
    static func conversation(_ tree: JSONValue, column: String) throws(RowFault) -> [ChatMessage] {
        guard case .array(let items) = tree else {
            throw RowFault(reason: "'\(column)' is \(tree.kind); expected a list of messages with 'role' and 'content'")
        }
        guard !items.isEmpty else { throw RowFault(reason: "'\(column)' is an empty list; expected at least one message") }
        var messages: [ChatMessage] = []
        for (index, item) in items.enumerated() { messages.append(try ChatMessage(item, place: "\(column)[\(index)]")) }
        return messages
    }

    /// The messages of a list; `place` is what errors begin with.
    public static func conversation(_ tree: JSONValue, place: String) throws -> [ChatMessage] {
        do { return try conversation(tree, column: "messages") } catch { throw DataError(place, error.reason) }
    }

    var tree: JSONValue { .object(members) }
}
