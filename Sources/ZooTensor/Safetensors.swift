import CTorch
import Foundation
import ZooBase

/// Tensors on disk in Hugging Face's safetensors format: a length, a JSON header, the bytes.
public enum Safetensors {
    /// Reads every tensor of one file, at the element type it has there.
    ///
    /// The file is not trusted: a header that lies about lengths, shapes, offsets or names is refused by file and key.
    ///
    /// - Parameters:
    ///   - mustBeFinite: refuse a NaN or an infinite number, as no weight is one.
    ///   - isWanted: by name; the others are left on the disk.
    public static func read(
        _ file: URL, device: Device = .cpu, mustBeFinite: Bool = false, where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [String: Tensor] {
        let data = try InputFile.data(file, isMapped: true)
        let (header, start) = try SafetensorsHeader.parse(data, file: file.path)
        return try data.withUnsafeBytes { bytes in
            var tensors: [String: Tensor] = [:]
            var faults: [(entry: SafetensorsHeader.Entry, count: Int)] = []
            for entry in header.entries where isWanted(entry.name) {
                let slice = UnsafeRawBufferPointer(rebasing: bytes[(start + entry.begin)..<(start + entry.end)])
                try checkBooleans(slice, entry, file: file.path)
                let count = mustBeFinite ? Int(ct_count_non_finite(slice.baseAddress, slice.count, entry.dtype.rawValue)) : 0
                if count > 0 { faults.append((entry, count)) }
                tensors[entry.name] = Tensor.fromBytes(slice, shape: entry.shape, dtype: entry.dtype, device: device)
            }
            if let (entry, count) = faults.first {
                let others = faults.count == 1 ? "" : " (and so have \(faults.count - 1) more)"
                throw TensorError(
                    "\(file.path): tensor \(entry.name) has \(count) of \(entry.shape.reduce(1, *)) numbers that are NaN or "
                        + "infinite\(others): the file is damaged, or its training had diverged")
            }
            return tensors
        }
    }

    /// The tensors of one file as its header describes them, in its order; none is read.
    package static func entries(_ file: URL) throws -> [SafetensorsHeader.Entry] {
        try SafetensorsHeader.parse(InputFile.data(file, isMapped: true), file: file.path).0.entries
    }

    /// What a model folder holds: `model.safetensors`, or else the index of its shards.
    public static func modelFile(in folder: URL, name: String = "model") -> URL {
        let single = folder.appendingPathComponent("\(name).safetensors")
        let index = folder.appendingPathComponent("\(name).safetensors.index.json")
        let manager = FileManager.default
        return manager.fileExists(atPath: single.path) || !manager.fileExists(atPath: index.path) ? single : index
    }

    /// Reads a model folder: `NAME.safetensors`, or the files that `NAME.safetensors.index.json` lists. A number that is not finite is
    /// refused.
    public static func readModel(in folder: URL, name: String = "model", device: Device = .cpu) throws -> [String: Tensor] {
        let file = modelFile(in: folder, name: name)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw FileError(
                .noInput, folder.path, "expected \(name).safetensors or \(name).safetensors.index.json, found neither")
        }
        if file.pathExtension == "safetensors" { return try read(file, device: device, mustBeFinite: true) }
        let map = try ShardIndex.read(file)
        var tensors: [String: Tensor] = [:]
        for shardFile in try ShardIndex.files(map, file) {
            let shard = shardFile.lastPathComponent
            for (name, tensor) in try read(shardFile, device: device, mustBeFinite: true) {
                guard map[name] == shard else {
                    throw TensorError("\(shardFile.path): holds \(name), which the index assigns to \(map[name] ?? "no file")")
                }
                tensors[name] = tensor
            }
        }
        if let missing = map.keys.filter({ tensors[$0] == nil }).min() {
            throw TensorError(
                "\(folder.appendingPathComponent(map[missing] ?? "").path): \(missing) is missing, though the index lists it")
        }
        return tensors
    }

    /// Element type and shape of each tensor of a model folder, from the headers of its files alone.
    public static func readHeaders(in folder: URL, name: String = "model") throws -> [String: (dtype: DType, shape: [Int])] {
        var tensors: [String: (dtype: DType, shape: [Int])] = [:]
        for entry in try modelFiles(in: folder, name: name).flatMap(entries) { tensors[entry.name] = (entry.dtype, entry.shape) }
        return tensors
    }

    /// The files that a model folder's weights lie in: the one, or the shards of its index; empty if there are none.
    package static func modelFiles(in folder: URL, name: String = "model") throws -> [URL] {
        let file = modelFile(in: folder, name: name)
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        return file.pathExtension == "safetensors" ? [file] : try ShardIndex.files(ShardIndex.read(file), file)
    }

    /// Writes `tensors` in this order, atomically: a temporary file is flushed and then renamed.
    public static func write(_ tensors: [NamedTensor], to file: URL, metadata: [String: String] = ["format": "pt"]) throws {
        let header = try SafetensorsHeader.encode(tensors, metadata: metadata, file: file.path)
        let output = try AtomicFile(file)
        try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try output.write($0) }
        try header.withUnsafeBytes { try output.write($0) }
        for tensor in tensors { try tensor.tensor.bytes.withUnsafeBytes { try output.write($0) } }
        try output.commit()
    }

    /// A boolean byte other than 0 and 1 is undefined behaviour for its reader.
    private static func checkBooleans(_ bytes: UnsafeRawBufferPointer, _ entry: SafetensorsHeader.Entry, file: String) throws {
        if entry.dtype == .bool, bytes.contains(where: { $0 > 1 }) {
            throw TensorError("\(file): \(entry.name) is BOOL but has bytes other than 0 and 1")
        }
    }
}
