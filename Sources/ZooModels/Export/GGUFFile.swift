import Foundation
import ZooBase

/// A file in llama.cpp's format GGUF, version 3: a header, keys with values, the tensors' names and shapes, and their bytes.
///
/// Specification: `docs/gguf.md` of ggml. Everything is little-endian; strings are a length in 8 bytes and UTF-8; tensors begin at
/// multiples of 32 bytes after the header.
struct GGUFFile {
    enum Value {
        case uint32(UInt32)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case strings([String])
        case int32s([Int32])
    }

    /// The type of a tensor's numbers, by its number in the format.
    enum TensorType: UInt32 {
        case f32 = 0
        case f16 = 1
        case q8 = 8
        case bf16 = 30
    }

    struct Entry {
        var name: String
        /// Row by row, the longest stride first, as everywhere here; the format lists it the other way round.
        var shape: [Int]
        var type: TensorType
        /// Made when it is written, so that one tensor's bytes are in memory at a time.
        var bytes: () throws -> [UInt8]

        /// How many bytes those are.
        var size: Int {
            let count = shape.reduce(1, *)
            switch type {
            case .f32: return 4 * count
            case .f16, .bf16: return 2 * count
            case .q8: return count / Q8Blocks.numbers * Q8Blocks.bytes
            }
        }
    }

    /// In the order in which they are written.
    var keys: [(name: String, value: Value)] = []
    var tensors: [Entry] = []

    private static let alignment = 32

    /// Writes the file atomically.
    func write(to url: URL) throws {
        let output = try AtomicFile(url)
        try output.write(header)
        for tensor in tensors {
            let bytes = try tensor.bytes()
            precondition(bytes.count == tensor.size, "\(tensor.name): \(bytes.count) bytes, expected \(tensor.size)")
            try bytes.withUnsafeBytes { try output.write($0) }
            try output.write(Data(count: Self.padding(after: bytes.count)))
        }
        try output.commit()
    }

    /// All before the tensors' bytes, padded.
    private var header: Data {
        var data = Data("GGUF".utf8)
        data.append(number: UInt32(3))
        data.append(number: UInt64(tensors.count))
        data.append(number: UInt64(keys.count))
        for (name, value) in keys {
            data.append(text: name)
            data.append(value)
        }
        var place = 0
        for tensor in tensors {
            data.append(text: tensor.name)
            data.append(number: UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { data.append(number: UInt64(size)) }
            data.append(number: tensor.type.rawValue)
            data.append(number: UInt64(place))
            place += tensor.size + Self.padding(after: tensor.size)
        }
        data.append(Data(count: Self.padding(after: data.count)))
        return data
    }

    private static func padding(after size: Int) -> Int { (alignment - size % alignment) % alignment }
}

extension Data {
    fileprivate mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(text: String) {
        append(number: UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    /// A value behind the number of its type.
    fileprivate mutating func append(_ value: GGUFFile.Value) {
        let (int32, string, array): (UInt32, UInt32, UInt32) = (5, 8, 9)
        switch value {
        case .uint32(let value):
            append(number: UInt32(4))
            append(number: value)
        case .float32(let value):
            append(number: UInt32(6))
            append(number: value.bitPattern)
        case .bool(let value):
            append(number: UInt32(7))
            append(value ? 1 : 0)
        case .string(let value):
            append(number: string)
            append(text: value)
        case .strings(let values):
            append(number: array)
            append(number: string)
            append(number: UInt64(values.count))
            for value in values { append(text: value) }
        case .int32s(let values):
            append(number: array)
            append(number: int32)
            append(number: UInt64(values.count))
            for value in values { append(number: value) }
        }
    }
}
