import Foundation
import ZooBase

extension ChatTemplate {
    /// The file of a model's template.
    public static let file = "chat_template.jinja"
    /// The folder of its templates by name, which come before others of the same name.
    private static let named = "additional_chat_templates"

    /// The files of a folder that ``find(in:override:values:)`` may read besides `tokenizer_config.json`, where they are there.
    public static func files(in folder: URL) -> [String] {
        [file, "\(named)/default.jinja", "\(named)/tool_use.jinja"].filter {
            FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
        }
    }

    /// The template of a model's folder, as `transformers` finds it: files, else `chat_template` in `tokenizer_config.json`. Of several,
    /// the one named `tool_use` is for conversations with tools, and `default` for the rest. nil if there is none.
    ///
    /// - Parameters:
    ///   - override: a file that takes the place of the folder's template.
    ///   - values: what the template is given besides the conversation: `bos_token` and its like.
    /// - Throws: ``DataError`` naming the file.
    public static func find(in folder: URL, override: URL? = nil, values: [String: JSONValue] = [:]) throws -> ChatTemplate? {
        if let override { return try ChatTemplate(contentsOf: override, values: values) }
        let files = files(in: folder).map { folder.appending(path: $0) }
        if !files.isEmpty {
            let toolUse = files.first { $0.lastPathComponent == "tool_use.jinja" }
            guard let plain = files.last(where: { $0 != toolUse }) else {
                throw DataError(
                    toolUse?.path ?? "",
                    "there is no template for conversations without tools: put \(file) into the model's folder, or "
                        + "name a file in 'data.chat_template'")
            }
            return try ChatTemplate(
                source: text(of: plain), name: plain.path, toolUse: toolUse.map { ($0.path, try text(of: $0)) }, values: values)
        }
        let url = folder.appending(path: "tokenizer_config.json")
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let place = url.path
        switch try JSONValue(parsing: text(of: url), place: place)["chat_template"] {
        case nil, .null?: return nil
        case .string(let source)?: return try ChatTemplate(source: source, name: "\(place): chat_template", values: values)
        case .array(let named)?:
            func source(_ name: String) -> String? { named.first { $0["name"] == .string(name) }?["template"]?.string }
            guard let text = source("default") else {
                throw DataError(
                    place, "'chat_template' is a list without one named 'default'; name a file in 'data.chat_template'")
            }
            return try ChatTemplate(
                source: text, name: "\(place): chat_template 'default'",
                toolUse: source("tool_use").map { ("\(place): chat_template 'tool_use'", $0) }, values: values)
        case let other?:
            throw DataError(
                place, "'chat_template' is \(other.kind); expected a string, or a list of objects with 'name' and 'template'")
        }
    }
}
