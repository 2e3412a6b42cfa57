import CPNG
import Foundation

/// Images in rows and columns on a black ground, each pixel enlarged, for people to look at.
public struct ImageGrid: Sendable {
    /// [rows][columns]; a row may be shorter. All of one size, or smaller.
    public var rows: [[PixelImage]]
    /// Screen pixels of one pixel.
    public var scale: Int
    /// What the rows hold, where they are latents, which are kept as they are too; of others empty.
    public var latentNames: [String] = []

    public init(rows: [[PixelImage]], scale: Int = 6) {
        self.rows = rows
        self.scale = scale
    }

    /// Latents by name, each row of one size; people see their ``PixelImage/preview``.
    public init(latents: [(name: String, images: [PixelImage])]) {
        let largest = latents.flatMap(\.images).map { max($0.height, $0.width) }.max() ?? 1
        self.init(rows: latents.map(\.images), scale: max(1, min(6, 96 / largest)))
        latentNames = latents.map(\.name)
    }

    /// The grid as a PNG file, 8 bits of grey.
    ///
    /// - Throws: ``DataError`` if the encoder refuses.
    public func png() throws -> Data {
        let gap = 2
        let cell = (
            height: rows.joined().map(\.height).max() ?? 1, width: rows.joined().map(\.width).max() ?? 1
        )
        let columns = rows.map(\.count).max() ?? 0
        let height = max(1, rows.count * (cell.height * scale + gap) + gap)
        let width = max(1, columns * (cell.width * scale + gap) + gap)
        var grey = [UInt8](repeating: 32, count: height * width)
        for (row, images) in rows.enumerated() {
            for (column, image) in images.map(\.preview).enumerated() {
                let top = gap + row * (cell.height * scale + gap)
                let left = gap + column * (cell.width * scale + gap)
                for y in 0..<image.height * scale {
                    for x in 0..<image.width * scale {
                        let value = (image[y / scale, x / scale] + 1) / 2
                        grey[(top + y) * width + left + x] = UInt8((min(max(value, 0), 1) * 255).rounded())
                    }
                }
            }
        }
        return try Self.encode(grey, height: height, width: width)
    }

    private static func encode(_ grey: [UInt8], height: Int, width: Int) throws -> Data {
        var message = [CChar](repeating: 0, count: 64)
        func write(_ memory: UnsafeMutableRawPointer?, _ bytes: inout Int) throws {
            guard zoo_png_write(memory, &bytes, grey, UInt32(width), UInt32(height), &message) == 0 else {
                let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw DataError("a image of \(width) × \(height)", "cannot be encoded: \(text)")
            }
        }
        var bytes = 0
        try write(nil, &bytes)
        var data = Data(count: bytes)
        try data.withUnsafeMutableBytes { try write($0.baseAddress, &bytes) }
        return data.prefix(bytes)
    }
}
