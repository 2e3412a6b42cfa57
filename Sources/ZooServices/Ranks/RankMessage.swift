import Foundation
import ZooKit

/// Bytes that ranks send one another: numbers and arrays, one after the other, read in the order they were written.
struct RankMessage {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: Int) { put([Int64(number)]) }
    mutating func put(_ text: String) { put(Array(text.utf8)) }

    mutating func put<Number: BitwiseCopyable>(_ numbers: [Number]) {
        withUnsafeBytes(of: Int64(numbers.count)) { bytes.append(contentsOf: $0) }
        numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// A column of numbers.
    mutating func put(_ column: Column) throws {
        put(column.name)
        put(column.perStep ? 1 : 0)
        put(column.width)
        switch column.values {
        case .f64(let values): put(0, values)
        case .f32(let values): put(1, values)
        case .i64(let values): put(2, values)
        case .i32(let values): put(3, values)
        case .u8(let values): put(4, values)
        case .strings, .other: throw ZooError(.internal, "column '\(column.name)' holds no numbers that ranks could send")
        }
    }

    private mutating func put<Number: BitwiseCopyable>(_ kind: Int, _ numbers: [Number]) {
        put(kind)
        put(numbers)
    }

    /// Sequences with their columns.
    mutating func put(_ batch: Batch) throws {
        put(batch.offsets)
        put(batch.tokens)
        put(batch.mask.map { $0 ? UInt8(1) : 0 })
        put(batch.columns.count)
        for column in batch.columns { try put(column) }
    }
}

/// Reads a ``RankMessage``.
struct RankReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number() throws -> Int { Int(try numbers(Int64.self).first ?? 0) }
    mutating func text() throws -> String { String(decoding: try numbers(UInt8.self), as: UTF8.self) }

    mutating func numbers<Number: BitwiseCopyable>(_: Number.Type) throws -> [Number] {
        let count = Int(try take(1, of: Int64.self)[0])
        return try take(count, of: Number.self)
    }

    private mutating func take<Number: BitwiseCopyable>(_ count: Int, of: Number.Type) throws -> [Number] {
        let size = MemoryLayout<Number>.stride
        guard count >= 0, count <= (bytes.count - place) / size else {
            throw ZooError(.internal, "a rank's message ends too early: another version of zoo runs there")
        }
        defer { place += count * size }
        return [Number](unsafeUninitializedCapacity: count) { buffer, filled in
            bytes.withUnsafeBytes { from in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: from[place..<place + count * size]))
            }
            filled = count
        }
    }

    mutating func column() throws -> Column {
        let (name, perStep, width) = (try text(), try number() != 0, try number())
        let values: Column.Values
        switch try number() {
        case 0: values = .f64(try numbers(Double.self))
        case 1: values = .f32(try numbers(Float.self))
        case 2: values = .i64(try numbers(Int64.self))
        case 3: values = .i32(try numbers(Int32.self))
        default: values = .u8(try numbers(UInt8.self))
        }
        return Column(name, perStep: perStep, width: width, values)
    }

    mutating func batch() throws -> Batch {
        let (offsets, tokens) = (try numbers(Int.self), try numbers(Int32.self))
        let mask = try numbers(UInt8.self).map { $0 != 0 }
        let columns = try (0..<number()).map { _ in try column() }
        return Batch(offsets: offsets, tokens: tokens, mask: mask, columns: columns)
    }
}

// MARK: - Whether ranks hold the same

/// What a rank holds, as names with the hash of each: ranks compare theirs, and the names say where they differ.
package struct RankPrint {
    package private(set) var parts: [(name: String, hash: UInt64)] = []

    package init() {}

    /// A batch by its columns, and what is asked about it.
    init(_ batch: Batch, asked: [String]) {
        add("what is asked", Array(asked.joined(separator: "\u{1f}").utf8))
        add("its sequences", batch.offsets)
        add("its tokens", batch.tokens)
        add("its mask", batch.mask.map { $0 ? UInt8(1) : 0 })
        for column in batch.columns {
            let name = "its column '\(column.name)'"
            switch column.values {
            case .f64(let values): add(name, values)
            case .f32(let values): add(name, values)
            case .i64(let values): add(name, values)
            case .i32(let values): add(name, values)
            case .u8(let values): add(name, values)
            case .strings(let texts): add(name, Array(texts.joined(separator: "\u{1f}").utf8))
            case .other(_, _, let bytes): add(name, bytes)
            }
        }
    }

    package mutating func add<Number: BitwiseCopyable>(_ name: String, _ numbers: [Number]) {
        parts.append((name, numbers.withUnsafeBytes(Self.hash)))
    }

    /// Tells contents apart; it resists nobody.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
        func mix(_ word: UInt64) {
            hash = (hash ^ word) &* 0x9FB2_1C65_1E98_DF25
            hash ^= hash >> 32
        }
        let words = bytes.count / 8
        for index in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) }
        for byte in bytes[(8 * words)...] { mix(UInt64(byte)) }
        return hash
    }

    /// What differs from another's, by name; nil: nothing.
    func difference(from other: RankPrint) -> String? {
        for (own, their) in zip(parts, other.parts) {
            if own.name != their.name { return "\(own.name) in place of \(their.name)" }
            if own.hash != their.hash { return own.name }
        }
        return parts.count == other.parts.count ? nil : "the number of its columns"
    }
}

extension RankMessage {
    mutating func put(_ print: RankPrint) {
        put(print.parts.count)
        for part in print.parts {
            put(part.name)
            put([part.hash])
        }
    }
}

extension RankReader {
    mutating func print() throws -> RankPrint {
        var print = RankPrint()
        for _ in 0..<(try number()) { print.add(name: try text(), hash: try numbers(UInt64.self)[0]) }
        return print
    }
}

extension RankPrint {
    fileprivate mutating func add(name: String, hash: UInt64) { parts.append((name, hash)) }
}
