import Foundation
import ZooBase

extension ChatTemplate {
    /// The keys of `tokenizer_config.json` that templates are given.
    private static let tokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

    /// The template of a model's folder, as `transformers` finds it: `chat_template.jinja`, else `chat_template` in
    /// `tokenizer_config.json`. nil if there is none.
    ///
    /// - Parameter override: a file that takes the place of the folder's template.
    /// - Throws: ``DataError`` naming the file.
    public static func find(in folder: URL, override: URL? = nil, values: [String: JSONValue] = [:]) throws -> ChatTemplate? {
        let config = try object(folder.appending(path: "tokenizer_config.json"))
        let map = try object(folder.appending(path: "special_tokens_map.json"))
        var known: [String: JSONValue] = [:]
        for name in tokens {
            // A token is its text, or an object that holds the text.
            for file in [map, config] {
                if let text = file?[name].flatMap({ $0.string ?? $0["content"]?.string }) { known[name] = .string(text) }
            }
        }
        known.merge(values) { $1 }
        let beside = folder.appending(path: "chat_template.jinja")
        if let file = override ?? (FileManager.default.fileExists(atPath: beside.path) ? beside : nil) {
            return try ChatTemplate(contentsOf: file, values: known)
        }
        let place = folder.appending(path: "tokenizer_config.json").path
        switch config?["chat_template"] {
        case nil, .null?: return nil
        case .string(let source)?: return try ChatTemplate(source: source, name: "\(place): chat_template", values: known)
        case .array(let named)?:
            guard let source = named.first(where: { $0["name"] == .string("default") })?["template"]?.string else {
                throw DataError(
                    place, "'chat_template' is a list without one named 'default'; name a file in 'data.chat_template'")
            }
            return try ChatTemplate(source: source, name: "\(place): chat_template 'default'", values: known)
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
