import CTorch
import Foundation
import ZooBase

/// The rows of a tensor `[rows, …]` of that name, in several safetensors files one after the other.
///
/// The files are mapped, and a row is read when it is asked for: embeddings of a large text encoder are larger than memory.
public final class StoredRows: Sendable {
    public let name: String
    /// Of one row.
    public let shape: [Int]
    public let count: Int
    private let parts: [Part]

    private struct Part {
        let data: Data
        /// Of the tensor's bytes.
        let start: Int
        let dtype: DType
        let rows: Range<Int>
    }

    /// Maps the files and reads every number once.
    ///
    /// - Parameters:
    ///   - dimensions: their names, for errors: `["rows", "channels", "height", "width"]`.
    ///   - advice: what to do about another shape.
    /// - Throws: ``TensorError`` that names file and tensor if one is missing, has another shape or element type, or a number that is
    ///   not finite.
    public init(_ name: String, in files: [URL], dimensions: [String], advice: String = "") throws {
        var (parts, shape): ([Part], [Int]?) = ([], nil)
        var count = 0
        for file in files {
            let data = try Self.mapped(file)
            let (header, start) = try SafetensorsHeader.parse(data, file: file.path)
            guard let entry = header.entries.first(where: { $0.name == name }) else {
                let names = header.entries.map(\.name)
                let found =
                    names.isEmpty ? "no tensors" : names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
                throw TensorError("\(file.path): has no tensor '\(name)'; found \(found)\(didYouMean(name, among: names))")
            }
            guard [.float32, .float64, .float16, .bfloat16].contains(entry.dtype) else {
                throw TensorError(
                    "\(file.path): '\(name)' is \(entry.dtype); expected float32, bfloat16, float16 or float64: save it as "
                        + "\(name).float()")
            }
            let expected = dimensions.joined(separator: ", ")
            guard entry.shape.count == dimensions.count, entry.shape.allSatisfy({ $0 > 0 }) else {
                throw TensorError(
                    "\(file.path): '\(name)' has shape \(entry.shape); expected [\(expected)]\(advice.isEmpty ? "" : ": \(advice)")"
                )
            }
            let row = Array(entry.shape.dropFirst())
            guard row == shape ?? row else {
                throw TensorError(
                    "\(file.path): '\(name)' has shape \(entry.shape); expected rows of \(shape ?? row), as in \(files[0].path)")
            }
            shape = row
            parts.append(
                Part(data: data, start: start + entry.begin, dtype: entry.dtype, rows: count..<count + entry.shape[0]))
            count += entry.shape[0]
            try Self.check(parts[parts.count - 1], shape: row, name, file)
        }
        (self.name, self.shape, self.count, self.parts) = (name, shape ?? [], count, parts)
    }

    private static func mapped(_ file: URL) throws -> Data {
        let others = ["pt", "pth", "bin", "ckpt", "npy", "npz", "pkl"]
        guard !others.contains(file.pathExtension.lowercased()) else {
            throw TensorError(
                "\(file.path): expected a safetensors file; write one by safetensors.torch.save_file({\"NAME\": tensor}, path)")
        }
        return try InputFile.data(file, isMapped: true)
    }

    private static func check(_ part: Part, shape: [Int], _ name: String, _ file: URL) throws {
        let elements = shape.reduce(1, *)
        let bytes = elements * part.dtype.size
        for row in 0..<part.rows.count {
            let count = part.data.withUnsafeBytes { all in
                let start = part.start + row * bytes
                let slice = UnsafeRawBufferPointer(rebasing: all[start..<start + bytes])
                return Int(ct_count_non_finite(slice.baseAddress, slice.count, part.dtype.rawValue))
            }
            guard count == 0 else {
                throw TensorError(
                    "\(file.path): row \(row) of '\(name)' has \(count) of \(elements) numbers that are NaN or infinite; compute it again, "
                        + "in bfloat16 or float32 if it was in float16")
            }
        }
    }

    /// Rows `[ids] + shape` in single precision; ids are below ``count``.
    public func tensor(_ ids: [Int]) -> Tensor {
        guard !ids.isEmpty else { return .zeros([0] + shape) }
        let bytes = shape.reduce(1, *)
        return .concatenate(
            ids.map { id in
                guard let part = parts.first(where: { $0.rows.contains(id) }) else {
                    preconditionFailure("'\(name)' has \(count) rows; row \(id) is asked for")
                }
                return part.data.withUnsafeBytes { all in
                    let size = bytes * part.dtype.size
                    let start = part.start + (id - part.rows.lowerBound) * size
                    let slice = UnsafeRawBufferPointer(rebasing: all[start..<start + size])
                    return Tensor.fromBytes(slice, shape: [1] + shape, dtype: part.dtype).to(.float32)
                }
            })
    }
}
