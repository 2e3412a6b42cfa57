import Foundation
import ZooBase

/// Images of clothing, 28 × 28, in ten classes (Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST", arXiv:1708.07747).
public struct FashionImages: Sendable {
    /// Each 28 × 28, cloth up to 1 on -1.
    public let images: [PixelImage]
    public let labels: [Int]

    public static let side = 28
    public static let classes = [
        "t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ]

    /// Reads the two files of a part, unpacked, in the IDX format of MNIST.
    ///
    /// - Throws: ``DataError`` naming the file and what it should be.
    public init(images: URL, labels: URL) throws {
        let pixels = try Self.read(images, magic: 0x803, sizes: [Self.side, Self.side])
        let classes = try Self.read(labels, magic: 0x801, sizes: [])
        let size = Self.side * Self.side
        guard pixels.count == classes.count * size, classes.allSatisfy({ $0 < Self.classes.count }) else {
            throw DataError(
                labels.path,
                "has \(classes.count) labels; expected \(pixels.count / size) from 0 to 9, one per image of \(images.path)")
        }
        self.labels = classes.map { Int($0) }
        self.images = classes.indices.map { index in
            let own = pixels[pixels.startIndex + index * size..<pixels.startIndex + (index + 1) * size]
            return PixelImage(height: Self.side, width: Self.side, pixels: own.map { Float($0) / 127.5 - 1 })
        }
    }

    /// The bytes after a header of big-endian numbers: magic, count, and the size of an item.
    private static func read(_ file: URL, magic: Int, sizes: [Int]) throws -> [UInt8] {
        let data = try InputFile.data(file)
        func number(_ place: Int) -> Int { data.dropFirst(4 * place).prefix(4).reduce(0) { $0 << 8 | Int($1) } }
        let header = 4 * (2 + sizes.count)
        let item = sizes.isEmpty ? "" : ", \(sizes.map(String.init).joined(separator: " × ")) per item"
        guard data.count >= header, number(0) == magic, sizes.indices.allSatisfy({ number(2 + $0) == sizes[$0] }),
            data.count == header + number(1) * sizes.reduce(1, *)
        else { throw DataError(file.path, "expected an unpacked IDX file of bytes\(item)") }
        return [UInt8](data.dropFirst(header))
    }
}
