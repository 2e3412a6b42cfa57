import Foundation
import ZooBase

/// `model.safetensors.index.json`: which file holds which tensor.
enum ShardIndex {
    /// The file of each tensor. Throws if one is named twice, or a file outside of the index's folder.
    static func read(_ file: URL) throws -> [String: String] {
        let data = try InputFile.data(file, atMost: SafetensorsHeader.longest)
        let map = try weightMap(data, file: file.path)
        for (name, shard) in map.sorted(by: { $0.key < $1.key }) where !isPlain(shard) {
            throw TensorError("\(file.path): weight_map places \(name) in \"\(shard)\"; expected a file of this folder")
        }
        return map
    }

    /// The shards, in the order of their names. Throws if one is missing.
    static func files(_ map: [String: String], _ index: URL) throws -> [URL] {
        let folder = index.deletingLastPathComponent()
        return try Set(map.values).sorted().map { name in
            let file = folder.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: file.path) else {
                let held = map.filter { $0.value == name }.keys
                throw FileError(
                    .noInput, file.path,
                    "there is no such file, though \(index.lastPathComponent) places \(held.count == 1 ? "" : "\(held.count) tensors in it, such as ")"
                        + "\(held.min() ?? "")\(held.count == 1 ? " in it" : "")")
            }
            return file
        }
    }

    /// The `weight_map`, an object of strings; everything else in the index is skipped.
    private static func weightMap(_ json: Data, file: String) throws -> [String: String] {
        var map: [String: String]?
        do {
            try JSONReader.read(json, deepest: 64) { reader in
                try reader.object { reader, name in
                    guard name == "weight_map" else {
                        _ = try reader.value()
                        return
                    }
                    var files: [String: String] = [:]
                    try reader.object { files[$1] = try $0.string() }
                    map = files
                }
            }
        } catch let fault as JSONFault {
            throw TensorError("\(file): the index is not one of safetensors: \(fault)")
        }
        guard let map else { throw TensorError("\(file): expected a weight_map from tensor names to file names") }
        return map
    }

    /// A plain name: no folder, no path out of this one, no NUL.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }
    }
}
