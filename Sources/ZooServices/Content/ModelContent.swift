import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// What is in a model's folder, as far as it is read.
enum ModelContent {
    /// A hash of the configuration, the tokenizer, the templates and the weights of a folder, and of its base where it holds an adapter.
    ///
    /// The files' location does not count, nor files that nobody reads, such as a README.
    static func hash(of folder: URL) throws -> String {
        try described(folder) {
            var parts = try files(of: folder).map { name in "\(name) \(try hash(of: name, in: folder))" }
            if AdapterFolder.isOne(folder) { parts.append("base \(try hash(of: AdapterFolder(folder).base()))") }
            return sha256(Data(parts.joined(separator: "\n").utf8))
        }
    }

    /// The files that a model is read from, by their paths within its folder, in order.
    private static func files(of folder: URL) throws -> [String] {
        let files = FileManager.default
        func names(_ folder: URL) throws -> [String] { try files.contentsOfDirectory(atPath: folder.path).sorted() }
        func isRead(_ name: String) -> Bool {
            !name.hasPrefix(".") && [".json", ".jinja", ".safetensors"].contains(where: name.hasSuffix)
        }
        let all = try names(folder)
        // A pipeline keeps each of its parts in a folder; text encoders and a VAE are not run here.
        let read = ["scheduler", "transformer", "condition_table", "value_head"]
        let parts = all.contains("model_index.json") ? all.filter(read.contains) : []
        let inner = parts.flatMap { part in
            ((try? names(folder.appending(path: part))) ?? []).filter(isRead).map { "\(part)/\($0)" }
        }
        return all.filter(isRead) + inner + ChatTemplate.files(in: folder).filter { $0.contains("/") }
    }

    /// An adapter's own files name its base's path, which is not part of its content.
    private static func hash(of name: String, in folder: URL) throws -> String {
        let file = folder.appending(path: name)
        let layout = AdapterFolder.layout(of: folder)
        guard layout == .peft && name == "adapter_config.json" || layout == .diffusers && name.hasSuffix(".safetensors") else {
            return try FileHashes.hash(of: file)
        }
        guard layout == .peft else {
            let config = try AdapterFolder(folder).config
            let patterns = config.patterns.map { " \($0)" } ?? ""
            return "\(config.r) \(config.alpha) \(config.usesRSLoRA) \(config.targets)\(patterns) "
                + (try SafetensorsContent.hash(of: file))
        }
        guard var config = try JSONSerialization.jsonObject(with: InputFile.data(file)) as? [String: Any] else {
            throw ZooError(.dataLoss, "\(file.path) is not a JSON object")
        }
        for key in ["base_model_name_or_path", "revision", "peft_version"] { config[key] = nil }
        return sha256(try JSONSerialization.data(withJSONObject: config, options: .sortedKeys))
    }

    /// A folder at fault is named, whatever reads it.
    private static func described(_ folder: URL, _ body: () throws -> String) throws -> String {
        do { return try body() } catch is CocoaError {
            // Foundation's message about invalid JSON names no file.
            throw ZooError(.dataLoss, "\(folder.path) cannot be read as a model: one of its files is damaged")
        } catch { throw ZooError(plain: error) }
    }
}

/// The tensors of a file, without its metadata.
private enum SafetensorsContent {
    static func hash(of file: URL) throws -> String {
        let data = try InputFile.data(file, isMapped: true)
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard data.count >= 8, length <= UInt64(data.count - 8),
            var header = try JSONSerialization.jsonObject(with: data[8..<8 + Int(length)]) as? [String: Any]
        else { throw ZooError(.dataLoss, "\(file.path) is not a safetensors file: its header is larger than the file") }
        header["__metadata__"] = nil
        var stream = SHA256Stream()
        try JSONSerialization.data(withJSONObject: header, options: .sortedKeys).withUnsafeBytes { stream.update($0) }
        data[(8 + Int(length))...].withUnsafeBytes { stream.update($0) }
        return stream.finish()
    }
}
