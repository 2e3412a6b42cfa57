import Foundation
import ZooBase

/// A model's chat template: turns a conversation into text, as `apply_chat_template` of `transformers` does.
///
/// Templates are programs in Jinja. A subset of it is supported, which covers those of the usual model families; the rest is
/// refused by name. A rendering is bounded in steps, size and depth, so that no template can hang or fill the memory.
///
/// ```swift
/// let template = try ChatTemplate(contentsOf: file, values: ["eos_token": .string("</s>")])
/// try template.render([ChatMessage(role: "user", content: "Hi")], addGenerationPrompt: true).text
/// ```
public struct ChatTemplate: @unchecked Sendable {
    // Unchecked: the statements hold classes, which never change once they are parsed.

    /// What to call it in errors: the file.
    public let name: String
    public let source: String
    /// What the template is given besides the conversation: `bos_token` and its like, and the recipe's own variables.
    public var values: [String: JSONValue]
    private let statements: [Statement]
    /// Takes the place of this template where a conversation has tools, as `transformers` has it.
    private let toolUse: (name: String, statements: [Statement])?

    /// Whether conversations with tools have a template of their own.
    public var hasToolUse: Bool { toolUse != nil }

    /// - Parameter toolUse: the template named `tool_use`, where a model has several.
    /// - Throws: ``DataError`` naming the line and what is wrong with it.
    public init(
        source: String, name: String, toolUse: (name: String, source: String)? = nil, values: [String: JSONValue] = [:]
    ) throws {
        self.name = name
        self.source = source
        self.values = values
        statements = try Self.parse(source, name)
        self.toolUse = try toolUse.map { ($0.name, try Self.parse($0.source, $0.name)) }
    }

    private static func parse(_ source: String, _ name: String) throws -> [Statement] {
        do { return try TemplateParser.parse(source) } catch { throw DataError("\(name):\(error.line)", error.reason) }
    }

    /// Reads a file that holds a template and nothing else.
    public init(contentsOf url: URL, values: [String: JSONValue] = [:]) throws {
        try self.init(source: try Self.text(of: url), name: url.path, values: values)
    }

    static func text(of url: URL) throws -> String {
        guard let text = String(bytes: try InputFile.data(url), encoding: .utf8) else {
            throw DataError(url.path, "is not valid UTF-8")
        }
        return text
    }

    /// The text of a conversation.
    ///
    /// - Parameter addGenerationPrompt: whether the text ends where the assistant's next turn begins.
    /// - Throws: ``DataError`` naming the template's line.
    public func render(
        _ messages: [ChatMessage], addGenerationPrompt: Bool = false, inputs: ChatInputs = ChatInputs(), date: Date = Date()
    ) throws -> RenderedChat {
        let (name, statements) = inputs.tools == nil ? (name, statements) : toolUse ?? (name, statements)
        var context = values.merging(inputs.variables) { $1 }.mapValues(TemplateValue.init)
        context["messages"] = .items(messages.map { TemplateValue(.object($0.members)) })
        context["add_generation_prompt"] = .bool(addGenerationPrompt)
        context["tools"] = inputs.tools.map(TemplateValue.init) ?? TemplateValue.none
        context["documents"] = context["documents"] ?? TemplateValue.none
        let interpreter = Interpreter { Self.format(date, $0) }
        do {
            let text = try interpreter.run(statements, context)
            // From code points to bytes.
            var bytes = [0]
            if !interpreter.generated.isEmpty {
                bytes.reserveCapacity(text.count + 1)
                for scalar in text { bytes.append(bytes[bytes.count - 1] + UTF8.width(scalar)) }
            }
            return RenderedChat(
                text: text.string, generated: interpreter.generated.map { bytes[$0.lowerBound]..<bytes[$0.upperBound] },
                isMarked: Self.marks(statements))
        } catch let fault as TemplateFault {
            throw DataError("\(name):\(fault.line)", fault.reason)
        }
    }

    /// Whether the template says itself what the model is to say.
    private static func marks(_ statements: [Statement]) -> Bool {
        statements.contains {
            switch $0.kind {
            case .generation: true
            case .condition(let branches, let otherwise): branches.contains { marks($0.body) } || marks(otherwise)
            case .loop(let loop): marks(loop.body) || marks(loop.otherwise)
            case .macro(let macro): marks(macro.body)
            case .capture(_, let body, _): marks(body)
            default: false
            }
        }
    }

    /// The time by C's `strftime`, which Python's `datetime` uses too.
    private static func format(_ date: Date, _ format: String) -> String {
        var seconds = time_t(date.timeIntervalSince1970)
        var parts = tm()
        localtime_r(&seconds, &parts)
        guard !format.isEmpty else { return "" }
        var buffer = [CChar](repeating: 0, count: 1024)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A conversation as text.
public struct RenderedChat: Sendable, Equatable {
    public var text: String
    /// Bytes of `text` that the template marks as the model's with `{% generation %}`, in order.
    public var generated: [Range<Int>]
    /// Whether the template has such marks.
    public var isMarked = false

    public init(text: String, generated: [Range<Int>], isMarked: Bool = false) {
        self.text = text
        self.generated = generated
        self.isMarked = isMarked
    }
}

extension TemplateValue {
    init(_ tree: JSONValue) {
        switch tree {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int(value)
        case .number(let value): self = .float(value)
        case .string(let value): self = .string(value)
        case .array(let items): self = .items(items.map(TemplateValue.init))
        case .object(let object):
            var map = TemplateMap()
            for member in object.members { map.set(Text(member.key), TemplateValue(member.value)) }
            self = .map(map)
        }
    }
}
