import Foundation
import ZooBase
import ZooTensor

/// The config of an adapter as diffusers' `save_lora_weights` keeps it: JSON in the metadata of the weights' file, every key with the
/// component's name before it.
enum DiffusersAdapter {
    static let metadataKey = "lora_adapter_metadata"
    private static let prefix = AdapterFolder.Layout.diffusers.prefix
    /// Bytes of a header; thousands of adapters come nowhere near.
    private static let longest = 16 << 20

    /// The config without the component's name; nil if the file has none.
    static func metadata(_ file: URL) throws -> JSONObject? {
        let data = try InputFile.data(file, isMapped: true)
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard data.count >= 8, length <= UInt64(min(data.count - 8, longest)),
            let header = try? JSONReader.value(data[8..<8 + Int(length)]).object
        else {
            throw ModelError("\(file.path): expected a safetensors file with a header of at most \(longest) bytes")
        }
        guard let text = header["__metadata__"]?[metadataKey]?.string else { return nil }
        let json = try ConfigKeys.object(Data(text.utf8), "\(file.path): \(metadataKey)")
        if let other = json.keys.filter({ !$0.hasPrefix(prefix) }).min() {
            throw ModelError("\(file.path): \(metadataKey) has \(other); only adapters of the \(prefix.dropLast()) are read")
        }
        return JSONObject(json.members.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }

    static func text(_ config: JSONObject) throws -> String {
        let json = JSONObject(config.members.map { (prefix + $0.key, $0.value) })
        return String(decoding: try JSONValue.object(json).prettyData(), as: UTF8.self)
    }

    /// What diffusers takes a file without metadata for: the rank and modules of its tensors, and alpha = r.
    static func config(_ file: URL) throws -> LoRAConfig {
        let downs = try Safetensors.entries(file).filter { $0.name.hasPrefix(prefix) && $0.name.hasSuffix(suffix) }
        let ranks = Set(downs.map { $0.shape.first ?? 0 })
        guard ranks.count == 1, let rank = ranks.first, rank > 0 else {
            throw ModelError(
                "\(file.path): has no \(metadataKey), and the ranks of its \(prefix)*\(suffix) are \(ranks.sorted()); expected one rank"
            )
        }
        var config = LoRAConfig()
        (config.r, config.alpha) = (rank, Double(rank))
        config.targets = .named(downs.map { String($0.name.dropFirst(prefix.count).dropLast(suffix.count)) }.sorted())
        return config
    }

    private static let suffix = ".lora_A.weight"
}
