import Foundation

/// One event of a TensorBoard file: `tensorflow/core/util/event.proto`, the parts that scalars, texts and images need.
struct Event {
    enum Content {
        case fileVersion(String)
        case scalars([(tag: String, value: Double)])
        case text(tag: String, text: String)
        /// A PNG file.
        case image(tag: String, png: Data)
    }

    /// Seconds since 1970.
    var wallTime: Double
    var step: Int
    var content: Content

    /// The message in Protocol Buffers' encoding.
    var data: Data {
        var event = ProtoMessage()
        event.double(1, wallTime)
        if step != 0 { event.integer(2, step) }
        switch content {
        case .fileVersion(let version): event.string(3, version)
        case .scalars(let scalars):
            event.message(5) { summary in
                for scalar in scalars {
                    summary.message(1) { value in
                        value.string(1, scalar.tag)
                        value.float(2, Float(scalar.value))
                    }
                }
            }
        case .text(let tag, let text):
            event.message(5) { summary in
                summary.message(1) { value in
                    value.string(1, tag)
                    value.message(8) { tensor in
                        tensor.integer(1, 7)  // DT_STRING
                        tensor.message(2) { shape in shape.message(2) { $0.integer(1, 1) } }
                        tensor.string(8, text)
                    }
                    value.message(9) { metadata in metadata.message(1) { $0.string(1, "text") } }
                }
            }
        case .image(let tag, let png):
            event.message(5) { summary in
                summary.message(1) { value in
                    value.string(1, tag)
                    value.message(4) { image in
                        // Height and width stand in the PNG's header, which begins at byte 16.
                        image.integer(1, Self.bigEndian(png, at: 20))
                        image.integer(2, Self.bigEndian(png, at: 16))
                        image.integer(3, 1)  // grey
                        image.bytes(4, png)
                    }
                }
            }
        }
        return event.data
    }

    private static func bigEndian(_ data: Data, at start: Int) -> Int {
        data.dropFirst(start).prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }

    /// The step of an encoded event; 0 if it has none.
    static func step(of data: Data) -> Int {
        var rest = data[...]
        while let key = varint(&rest) {
            switch (key >> 3, key & 7) {
            case (2, 0): return varint(&rest).map { Int(truncatingIfNeeded: $0) } ?? 0
            case (_, 0): _ = varint(&rest)
            case (_, 1): rest = rest.dropFirst(8)
            case (_, 2): rest = rest.dropFirst(Int(clamping: varint(&rest) ?? 0))
            case (_, 5): rest = rest.dropFirst(4)
            default: return 0
            }
        }
        return 0
    }

    /// The tag of an encoded event's first value; nil if it has none.
    static func tag(of data: Data) -> String? {
        let value = field(5, in: data[...]).flatMap { field(1, in: $0) }
        return value.flatMap { field(1, in: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a message's field.
    private static func field(_ number: UInt64, in message: Data.SubSequence) -> Data.SubSequence? {
        var rest = message
        while let key = varint(&rest) {
            switch key & 7 {
            case 0: _ = varint(&rest)
            case 1: rest = rest.dropFirst(8)
            case 2:
                let length = Int(clamping: varint(&rest) ?? 0)
                if key >> 3 == number { return rest.prefix(length) }
                rest = rest.dropFirst(length)
            case 5: rest = rest.dropFirst(4)
            default: return nil
            }
        }
        return nil
    }

    private static func varint(_ rest: inout Data.SubSequence) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}

/// A message in Protocol Buffers' wire format, built field by field.
private struct ProtoMessage {
    private(set) var data = Data()

    mutating func integer(_ field: Int, _ value: Int) {
        varint(UInt64(field) << 3)
        varint(UInt64(bitPattern: Int64(value)))
    }
    mutating func double(_ field: Int, _ value: Double) {
        varint(UInt64(field) << 3 | 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    mutating func float(_ field: Int, _ value: Float) {
        varint(UInt64(field) << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    mutating func string(_ field: Int, _ value: String) { bytes(field, Data(value.utf8)) }
    mutating func message(_ field: Int, _ build: (inout ProtoMessage) -> Void) {
        var message = ProtoMessage()
        build(&message)
        bytes(field, message.data)
    }

    mutating func bytes(_ field: Int, _ value: Data) {
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(value.count))
        data.append(value)
    }
    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7f {
            data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}
