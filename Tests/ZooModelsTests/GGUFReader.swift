import Foundation
import Testing

/// A file in llama.cpp's format, read byte by byte as its specification has it, and by no code of the package.
struct GGUFReader {
    enum Value: Equatable {
        case number(UInt64)
        case float(Float)
        case flag(Bool)
        case text(String)
        case texts([String])
        case numbers([Int32])
    }

    struct Info {
        var sizes: [Int]
        var type: UInt32
        var bytes: ArraySlice<UInt8>
    }

    private(set) var keys: [String: Value] = [:]
    private(set) var tensors: [String: Info] = [:]
    private let bytes: [UInt8]
    private var place = 0

    init(_ file: URL) throws {
        bytes = Array(try Data(contentsOf: file))
        try #require(bytes.prefix(4).elementsEqual("GGUF".utf8))
        place = 4
        try #require(number(4) == 3)
        let (tensorCount, keyCount) = (number(8), number(8))
        for _ in 0..<keyCount {
            let name = text()
            let value = try value(of: number(4))
            try #require(keys.updateValue(value, forKey: name) == nil, "\(name) twice")
        }
        var infos: [(name: String, sizes: [Int], type: UInt32, place: Int)] = []
        for _ in 0..<tensorCount {
            let name = text()
            let sizes = (0..<number(4)).map { _ in Int(number(8)) }
            infos.append((name, sizes, UInt32(number(4)), Int(number(8))))
        }
        let start = (place + 31) / 32 * 32
        var end = start
        for info in infos {
            let count = info.sizes.reduce(1, *)
            let size = [0: 4 * count, 1: 2 * count, 8: count / 32 * 34, 30: 2 * count][info.type] ?? -1
            try #require(size >= 0 && info.place % 32 == 0 && start + info.place == end, "\(info)")
            tensors[info.name] = Info(sizes: info.sizes, type: info.type, bytes: bytes[end..<end + size])
            end = (end + size + 31) / 32 * 32
        }
        try #require(end == bytes.count)
    }

    private mutating func number(_ size: Int) -> UInt64 {
        defer { place += size }
        return bytes[place..<place + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func text() -> String {
        let size = Int(number(8))
        defer { place += size }
        return String(decoding: bytes[place..<place + size], as: UTF8.self)
    }

    private mutating func value(of type: UInt64) throws -> Value {
        switch type {
        case 4: return .number(number(4))
        case 6: return .float(Float(bitPattern: UInt32(number(4))))
        case 7: return .flag(number(1) == 1)
        case 8: return .text(text())
        case 9:
            let (element, count) = (number(4), number(8))
            if element == 8 { return .texts((0..<count).map { _ in text() }) }
            try #require(element == 5)
            return .numbers((0..<count).map { _ in Int32(bitPattern: UInt32(number(4))) })
        default: throw CocoaError(.coderInvalidValue)
        }
    }

    /// A tensor's numbers, row by row.
    func floats(_ name: String) throws -> [Float] {
        let tensor = try #require(tensors[name])
        let bytes = Array(tensor.bytes)
        func word(_ place: Int, _ size: Int) -> UInt32 { (0..<size).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * $1) } }
        switch tensor.type {
        case 0: return stride(from: 0, to: bytes.count, by: 4).map { Float(bitPattern: word($0, 4)) }
        case 1: return stride(from: 0, to: bytes.count, by: 2).map { Float(Float16(bitPattern: UInt16(word($0, 2)))) }
        case 30: return stride(from: 0, to: bytes.count, by: 2).map { Float(bitPattern: word($0, 2) << 16) }
        default:
            return stride(from: 0, to: bytes.count, by: 34).flatMap { block in
                let scale = Float(Float16(bitPattern: UInt16(word(block, 2))))
                return (2..<34).map { scale * Float(Int8(bitPattern: bytes[block + $0])) }
            }
        }
    }
}
