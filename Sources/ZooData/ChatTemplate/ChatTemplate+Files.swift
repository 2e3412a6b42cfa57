import Foundation
import ZooBase

extension ChatTemplate {
    /// The keys of `tokenizer_config.json` that templates are given.
    private static let tokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

    /// The file of a model's template.
    public static let file = "chat_template.jinja"
    /// The folder of its templates for other uses, `NAME.jinja`.
    public static let others = "additional_chat_templates"

    /// The template of a model's folder, as `transformers` finds it: `chat_template.jinja`, else `chat_template` in
    /// `tokenizer_config.json`. Of several, the one named `tool_use` is for conversations with tools, and `default` for the rest.
    /// nil if there is none.
    ///
    /// - Parameter override: a file that takes the place of the folder's template.
    /// - Throws: ``DataError`` naming the file.
    public static func find(in folder: URL, override: URL? = nil, values: [String: JSONValue] = [:]) throws -> ChatTemplate? {
        let config = try object(folder.appending(path: "tokenizer_config.json"))
        let map = try object(folder.appending(path: "special_tokens_map.json"))
        var known: [String: JSONValue] = [:]
        for name in tokens {
            // A token is its text, or an object that holds the text. The later file decides, as for the tokenizer.
            for file in config?["added_tokens_decoder"] == nil ? [config, map] : [config] {
                if let text = file?[name].flatMap({ $0.string ?? $0["content"]?.string }) { known[name] = .string(text) }
            }
        }
        known.merge(values) { $1 }
        let beside = folder.appending(path: file)
        if let override { return try ChatTemplate(contentsOf: override, values: known) }
        if FileManager.default.fileExists(atPath: beside.path) {
            let toolUse = folder.appending(path: "\(others)/tool_use.jinja")
            let other = try FileManager.default.fileExists(atPath: toolUse.path) ? (toolUse.path, text(of: toolUse)) : nil
            return try ChatTemplate(source: text(of: beside), name: beside.path, toolUse: other, values: known)
        }
        let place = folder.appending(path: "tokenizer_config.json").path
        switch config?["chat_template"] {
        case nil, .null?: return nil
        case .string(let source)?: return try ChatTemplate(source: source, name: "\(place): chat_template", values: known)
        case .array(let named)?:
            func source(_ name: String) -> String? { named.first { $0["name"] == .string(name) }?["template"]?.string }
            guard let text = source("default") else {
                throw DataError(
                    place, "'chat_template' is a list without one named 'default'; name a file in 'data.chat_template'")
            }
            return try ChatTemplate(
                source: text, name: "\(place): chat_template 'default'",
                toolUse: source("tool_use").map { ("\(place): chat_template 'tool_use'", $0) }, values: known)
        case let other?:
            throw DataError(
                place, "'chat_template' is \(other.kind); expected a string, or a list of objects with 'name' and 'template'")
        }
    }

    private static func object(_ file: URL) throws -> JSONValue? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        return try JSONValue(parsing: text(of: file), place: file.path)
    }
}
