import Foundation
import ZooBase

/// The JSON header of a safetensors file, checked against the file that it describes.
package struct SafetensorsHeader {
    /// A tensor of the file.
    package struct Entry {
        package let name: String
        package let dtype: DType
        package let shape: [Int]
        /// Byte range after the header.
        let begin: Int, end: Int
    }

    let entries: [Entry]

    static let names: [(String, DType)] = [
        ("F32", .float32), ("F64", .float64), ("F16", .float16), ("BF16", .bfloat16), ("I64", .int64), ("I32", .int32),
        ("U8", .uint8), ("BOOL", .bool),
    ]
    /// The format's own limit.
    static let longest = 100_000_000

    /// The header of `data` and the place where the tensors' bytes start.
    static func parse(_ data: Data, file: String) throws -> (SafetensorsHeader, start: Int) {
        guard data.count >= 8 else {
            throw TensorError("\(file): expected a safetensors file, found \(data.count) bytes; it may have been cut short")
        }
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(min(data.count - 8, longest)) else {
            throw TensorError(
                "\(file): the header claims \(length) bytes, the file has \(data.count - 8) after its length; it may have been cut short"
            )
        }
        let start = 8 + Int(length)
        let header = try read(data[data.startIndex + 8..<data.startIndex + start], file: file)
        try header.check(dataBytes: data.count - start, file: file)
        return (header, start)
    }

    /// An object of tensors, and `__metadata__` of strings.
    private static func read(_ json: Data, file: String) throws -> SafetensorsHeader {
        var entries: [Entry] = []
        do {
            try JSONReader.read(json, deepest: 8) { reader in
                try reader.object { reader, name in
                    if name == "__metadata__" {
                        try reader.object { reader, _ in _ = try reader.string() }
                    } else {
                        entries.append(try Entry(name, &reader, file: file))
                    }
                }
            }
        } catch let fault as JSONFault {
            throw TensorError("\(file): the header is not one of safetensors: \(fault.moved(by: 8))")
        }
        return SafetensorsHeader(entries: entries)
    }

    /// The tensors must tile the rest of the file: no hole, no overlap, nothing left over.
    private func check(dataBytes: Int, file: String) throws {
        var position = 0
        let whole = entries.map(\.end).max() ?? 0
        for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
            let (bytes, overflow) = entry.shape.reduce((entry.dtype.size, false)) { total, size in
                let product = total.0.multipliedReportingOverflow(by: size)
                return (product.partialValue, total.1 || product.overflow)
            }
            guard !overflow else { throw TensorError("\(file): \(entry.name) has the impossible shape \(entry.shape)") }
            guard entry.begin <= entry.end, entry.end <= dataBytes else {
                throw TensorError(
                    "\(file): \(entry.name) claims bytes \(entry.begin) to \(entry.end); the file holds \(dataBytes) bytes of tensors, "
                        + "its header describes \(whole): it was cut short")
            }
            guard entry.end - entry.begin == bytes else {
                throw TensorError(
                    "\(file): \(entry.name) of shape \(entry.shape) needs \(bytes) bytes, its offsets give \(entry.end - entry.begin)"
                )
            }
            guard entry.begin == position else {
                let fault = entry.begin < position ? "overlaps the tensor before it" : "leaves a hole before it"
                throw TensorError("\(file): \(entry.name) \(fault) (it begins at byte \(entry.begin), expected \(position))")
            }
            position = entry.end
        }
        guard position == dataBytes else {
            throw TensorError("\(file): \(dataBytes - position) bytes at the end do not belong to a tensor")
        }
    }

    /// The header as bytes, padded with spaces so that the tensors begin at a multiple of 8.
    static func encode(_ tensors: [NamedTensor], metadata: [String: String], file: String) throws -> Data {
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var position = 0
        var seen: Set<String> = ["__metadata__"]
        for item in tensors {
            guard seen.insert(item.name).inserted else { throw TensorError("\(file): two tensors are named \(item.name)") }
            let dtype = item.tensor.dtype
            guard let name = names.first(where: { $0.1 == dtype })?.0 else {
                throw TensorError("\(file): \(item.name) is \(dtype), which cannot be written")
            }
            let end = position + item.tensor.count * dtype.size
            let shape = item.tensor.shape.map(String.init).joined(separator: ",")
            fields.append(
                "\(JSONText.quoted(item.name)):{\"dtype\":\"\(name)\",\"shape\":[\(shape)],\"data_offsets\":[\(position),\(end)]}"
            )
            position = end
        }
        var header = Data("{\(fields.joined(separator: ","))}".utf8)
        header.append(Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
        return header
    }
}

extension SafetensorsHeader.Entry {
    /// More sizes than a tensor ever has.
    private static let longestShape = 16

    /// Reads the description of a tensor: its element type, its shape and its place.
    fileprivate init(_ name: String, _ reader: inout JSONReader, file: String) throws {
        var dtype: DType?
        var shape: [Int]?
        var offsets: [Int]?
        try reader.object { reader, key in
            switch key {
            case "dtype":
                let text = try reader.string()
                dtype = SafetensorsHeader.names.first { $0.0 == text }?.1
                if dtype == nil {
                    let known = SafetensorsHeader.names.map(\.0).joined(separator: ", ")
                    throw TensorError("\(file): \(name) has the element type \(text); expected one of \(known)")
                }
            case "shape": shape = try Self.sizes(&reader)
            case "data_offsets": offsets = try Self.sizes(&reader)
            default: throw reader.fault("\(name) has the unknown key '\(key)'")
            }
        }
        guard let dtype, let shape, let offsets, offsets.count == 2 else {
            throw TensorError("\(file): \(name) needs dtype, shape and data_offsets [begin, end]")
        }
        self.init(name: name, dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }

    private static func sizes(_ reader: inout JSONReader) throws -> [Int] {
        var sizes: [Int] = []
        try reader.array { reader in
            guard sizes.count < longestShape else { throw reader.fault("a list of more than \(longestShape) numbers") }
            sizes.append(try reader.size())
        }
        return sizes
    }
}
