import Foundation

/// The framing of TensorFlow's record files: length, masked CRC of the length, data, masked CRC of the data; little endian.
enum TFRecord {
    /// A record's bytes in the file.
    static func frame(_ data: Data) -> Data {
        let length = withUnsafeBytes(of: UInt64(data.count).littleEndian) { Data($0) }
        return length + checksum(length) + data + checksum(data)
    }

    /// The whole records at the start of a file; what a crash cut off behind them is left out.
    static func records(in file: Data) -> [Data] {
        var records: [Data] = []
        var rest = file[...]
        while rest.count >= 16 {
            let header = rest.prefix(8)
            let length = header.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard rest.dropFirst(8).prefix(4) == checksum(header), length <= UInt64(rest.count - 16) else { break }
            let data = rest.dropFirst(12).prefix(Int(length))
            guard rest.dropFirst(12 + Int(length)).prefix(4) == checksum(data) else { break }
            records.append(Data(data))
            rest = rest.dropFirst(16 + Int(length))
        }
        return records
    }

    private static func checksum(_ data: Data) -> Data {
        let crc = crc32c(data)
        let masked = (crc >> 15 | crc << 17) &+ 0xa282_ead8
        return withUnsafeBytes(of: masked.littleEndian) { Data($0) }
    }

    /// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
    private static func crc32c(_ data: Data) -> UInt32 {
        ~data.reduce(~UInt32(0)) { crc, byte in crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 0xff)] }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
    }
}
