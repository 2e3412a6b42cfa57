import ZooBase

/// One turn of a conversation.
public struct ChatMessage: Sendable, Equatable {
    /// The roles that a message may have; their use is up to the template.
    public static let roles = ["system", "developer", "user", "assistant", "tool", "ipython"]

    public let role: String
    public let content: String
    /// Whether an assistant's turn is trained on: `"weight": 0` (OpenAI's files) and `"train": false` (axolotl's) say no.
    public let isLearnt: Bool
    /// The message as the data has it, with what else templates may read, such as `tool_calls`.
    let members: JSONObject

    public init(role: String, content: String) {
        self.role = role
        self.content = content
        isLearnt = true
        members = JSONObject([("role", .string(role)), ("content", .string(content))])
    }

    /// - Throws: the reason as text, for the caller to put the file and line in front.
    init(_ tree: JSONValue, place: String) throws(RowFault) {
        guard case .object(var members) = tree else {
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
        isLearnt = try Self.isLearnt(members, role: name, place: place)
        for key in [Self.weight, Self.train] { members[key] = nil }
        self.members = members
    }

    private static let weight = "weight"
    private static let train = "train"

    private static func isLearnt(_ members: JSONObject, role: String, place: String) throws(RowFault) -> Bool {
        var said: [String: Bool] = [:]
        if let value = members[weight] {
            guard let number = value.number, number == 0 || number == 1 else {
                throw RowFault(reason: "\(place).weight is \((try? value.text()) ?? value.kind); expected 0 or 1")
            }
            said[weight] = number == 1
        }
        if let value = members[train] {
            guard let flag = value.bool else { throw RowFault(reason: "\(place).train is \(value.kind); expected true or false") }
            said[train] = flag
        }
        if role != "assistant", let key = said.first(where: \.value)?.key {
            throw RowFault(
                reason:
                    "\(place).\(key) asks to learn a turn of '\(role)'; only those of the assistant are learnt: remove '\(key)'")
        }
        return !said.values.contains(false)
    }

    /// The conversation in a column.
    static func conversation(_ tree: JSONValue, column: String) throws(RowFault) -> [ChatMessage] {
        guard case .array(let items) = tree else {
            throw RowFault(reason: "'\(column)' is \(tree.kind); expected a list of messages with 'role' and 'content'")
        }
        guard !items.isEmpty else { throw RowFault(reason: "'\(column)' is an empty list; expected at least one message") }
        var messages: [ChatMessage] = []
        for (index, item) in items.enumerated() {
            messages.append(try ChatMessage(item, place: "\(column)[\(index)]"))
        }
        return messages
    }

    /// The messages of a list; `place` is what errors begin with.
    public static func conversation(_ tree: JSONValue, place: String) throws -> [ChatMessage] {
        do { return try conversation(tree, column: "messages") } catch { throw DataError(place, error.reason) }
    }

    /// The message as the data has it.
    package var tree: JSONValue {
        var members = members
        if !isLearnt { members[Self.train] = .bool(false) }
        return .object(members)
    }
}

extension JSONValue {
    /// Without the members of objects that are null, at all depths: Arrow gives all objects the fields of any. Items of arrays stay, and
    /// so does a message's `content`, which templates ask for. Source: TRL's `remove_none_values`, which drops that too.
    var withoutNulls: JSONValue {
        switch self {
        case .array(let items): .array(items.map(\.withoutNulls))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.filter { !$0.value.isNull || ($0.key == "content" && object["role"] != nil) }
                        .map { ($0.key, $0.value.withoutNulls) }))
        default: self
        }
    }
}
