import Foundation
import ZooBase

/// `model.safetensors.index.json`: which file holds which tensor.
enum ShardIndex {
    /// The file of each tensor. Throws if one is named twice, or a file outside of the index's folder.
    static func read(_ file: URL) throws -> [String: String] {
        let data = try InputFile.data(file, atMost: SafetensorsHeader.longest)
        var scanner = JSONScanner(Array(data), file: file.path)
        let map = try scanner.weightMap()
        for (name, shard) in map.sorted(by: { $0.key < $1.key }) where !isPlain(shard) {
            throw TensorError("\(file.path): weight_map places \(name) in \"\(shard)\"; expected a file of this folder")
        }
        return map
    }

    /// A plain name: no folder, no path out of this one, no NUL.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }
    }
}
