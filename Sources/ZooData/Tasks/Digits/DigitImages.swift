import Foundation
import ZooBase

/// Handwritten digits, 8 × 8 (Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI).
public struct DigitImages: Sendable {
    /// Each 8 × 8, ink 1 on -1.
    public var images: [PixelImage]
    public var labels: [Int]

    public static let side = 8

    public init(images: [PixelImage], labels: [Int]) {
        self.images = images
        self.labels = labels
    }

    /// Reads scikit-learn's `digits.csv`: 64 numbers from 0 to 16 and the digit, on each line.
    ///
    /// - Throws: ``DataError`` naming file, line and reason.
    public init(contentsOf file: URL) throws {
        var reader = try LineReader(file)
        images = []
        labels = []
        while let line = try reader.next() {
            let numbers = line.split(separator: ",").map { Double($0) }
            let count = Self.side * Self.side
            guard numbers.count == count + 1, let label = numbers[count], (0...9).contains(label), label == label.rounded(),
                numbers.dropLast().allSatisfy({ $0.map { (0...16).contains($0) } ?? false })
            else {
                throw DataError(
                    "\(file.path):\(reader.lineNumber)", "expected 64 numbers from 0 to 16 and a digit, separated by commas")
            }
            let pixels = numbers.prefix(count).map { Float(($0 ?? 0) / 8 - 1) }
            images.append(PixelImage(height: Self.side, width: Self.side, pixels: pixels))
            labels.append(Int(label))
        }
        guard images.count > 100 else { throw DataError(file.path, "has \(images.count) digits; expected more than 100") }
    }

    /// `heldOut` digits drawn by the seed, and the others, each in random order.
    public func split(heldOut: Int, seed: UInt64) -> (training: DigitImages, heldOut: DigitImages) {
        var random = SplitMix64(seed: seed, stream: 0xD161)
        let order = random.permutation(images.count)
        return (choosing(order.dropFirst(heldOut)), choosing(order.prefix(heldOut)))
    }

    private func choosing(_ places: some Sequence<Int>) -> DigitImages {
        var result = self
        result.images = places.map { images[$0] }
        result.labels = places.map { labels[$0] }
        return result
    }
}
