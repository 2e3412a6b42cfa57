import Foundation

/// A grey image: values row by row, from -1 (black) to 1 (white). A sampler may go beyond. Or a latent of several channels, one such
/// plane after the other.
public struct PixelImage: Sendable, Equatable {
    public let channels: Int
    public let height: Int
    public let width: Int
    /// [channels · height · width]
    public var pixels: [Float]

    public init(channels: Int = 1, height: Int, width: Int, pixels: [Float]) {
        precondition(
            pixels.count == channels * height * width, "\(channels) × \(height) × \(width) pixels are not \(pixels.count)")
        self.channels = channels
        self.height = height
        self.width = width
        self.pixels = pixels
    }

    /// Each channel as an image.
    public var planes: [PixelImage] {
        if channels == 1 { return [self] }
        return (0..<channels).map { channel in
            PixelImage(
                height: height, width: width, pixels: Array(pixels[channel * height * width..<(channel + 1) * height * width]))
        }
    }

    /// Of the first channel.
    public subscript(row: Int, column: Int) -> Float {
        get { pixels[row * width + column] }
        set { pixels[row * width + column] = newValue }
    }

    /// The part that begins at a row and a column.
    public func window(row: Int, column: Int, height: Int, width: Int) -> PixelImage {
        PixelImage(
            height: height, width: width,
            pixels: (0..<height).flatMap { y in (0..<width).map { self[row + y, column + $0] } })
    }

    /// Convolved with a Gaussian of standard deviation `sigma` pixels; the border's pixels continue outside.
    public func blurred(sigma: Double) -> PixelImage {
        guard sigma > 0 else { return self }
        if channels > 1 {
            return PixelImage(
                channels: channels, height: height, width: width, pixels: planes.flatMap { $0.blurred(sigma: sigma).pixels })
        }
        let radius = max(1, Int((3 * sigma).rounded(.up)))
        let weights = (-radius...radius).map { Float(exp(-Double($0 * $0) / (2 * sigma * sigma))) }
        let total = weights.reduce(0, +)
        func pass(_ source: PixelImage, _ read: (PixelImage, Int, Int, Int) -> Float) -> PixelImage {
            var result = source
            for row in 0..<height {
                for column in 0..<width {
                    result[row, column] =
                        zip(weights, -radius...radius).reduce(0) { $0 + $1.0 * read(source, row, column, $1.1) } / total
                }
            }
            return result
        }
        let across = pass(self) { $0[$1, min(max($2 + $3, 0), $0.width - 1)] }
        return pass(across) { $0[min(max($1 + $3, 0), $0.height - 1), $2] }
    }
}

extension PixelImage {
    /// What people may see of a latent: the mean of its channels, as bright as its own spread, from -1 to 1. It shows what is where, and
    /// no colour or detail; a VAE would. An image of one channel is itself.
    public var preview: PixelImage {
        if channels == 1 { return self }
        let size = height * width
        let grey = (0..<size).map { place in
            (0..<channels).reduce(Float(0)) { $0 + pixels[$1 * size + place] } / Float(channels)
        }
        let sorted = grey.sorted()
        let (low, high) = (sorted[size / 50], sorted[size - 1 - size / 50])
        return PixelImage(height: height, width: width, pixels: grey.map { 2 * ($0 - low) / max(high - low, 1e-6) - 1 })
    }
}

// Measures of one image.
extension PixelImage {
    /// The mean pixel.
    public var brightness: Double { pixels.reduce(0) { $0 + Double($1) } / Double(pixels.count) }

    /// The mean absolute difference of neighbours, across and down.
    public var totalVariation: Double {
        if channels > 1 { return planes.reduce(0) { $0 + $1.totalVariation } / Double(channels) }
        var sum = 0.0
        for row in 0..<height {
            for column in 0..<width {
                if column + 1 < width { sum += Double(abs(self[row, column + 1] - self[row, column])) }
                if row + 1 < height { sum += Double(abs(self[row + 1, column] - self[row, column])) }
            }
        }
        return sum / Double(height * (width - 1) + width * (height - 1))
    }

    /// The share of the energy about the mean that alternates from one pixel to the next, across or down: the rows and columns of
    /// the Fourier transform at the Nyquist frequency, whose period is that of patches of two pixels. From 0 to 1.
    public var gridEnergy: Double {
        if channels > 1 { return planes.reduce(0) { $0 + $1.gridEnergy } / Double(channels) }
        let mean = brightness
        var (energy, both) = (0.0, 0.0)
        var down = [Double](repeating: 0, count: width)
        var across = [Double](repeating: 0, count: height)
        for row in 0..<height {
            for column in 0..<width {
                let value = Double(self[row, column]) - mean
                energy += value * value
                down[column] += row % 2 == 0 ? value : -value
                across[row] += column % 2 == 0 ? value : -value
                both += (row + column) % 2 == 0 ? value : -value
            }
        }
        guard energy > 0 else { return 0 }
        // Parseval along the other axis; the corner frequency is in both sums.
        let nyquist =
            Double(width) * down.reduce(0) { $0 + $1 * $1 } + Double(height) * across.reduce(0) { $0 + $1 * $1 } - both * both
        return nyquist / (Double(height * width) * energy)
    }

    /// Bits a pixel that an order-0 code needs for the differences of neighbours, each pixel rounded to one of 17 levels.
    public var bitsPerPixel: Double {
        func level(_ value: Float) -> Int { Int((min(max(value, -1), 1) * 8).rounded()) }
        var counts: [Int: Int] = [:]
        for row in 0..<height {
            for column in 0..<width {
                let before = column > 0 ? level(self[row, column - 1]) : row > 0 ? level(self[row - 1, column]) : 0
                counts[level(self[row, column]) - before, default: 0] += 1
            }
        }
        let total = Double(pixels.count)
        return counts.values.reduce(0) { $0 - Double($1) / total * log2(Double($1) / total) }
    }
}

// Measures of two images.
extension PixelImage {
    /// The correlation of two images of one size, -1 to 1; 0 if one of them is flat but for the rounding of its pixels.
    public func correlation(_ other: PixelImage) -> Double {
        let (a, b) = (brightness, other.brightness)
        var (product, own, others) = (0.0, 0.0, 0.0)
        for (x, y) in zip(pixels, other.pixels) {
            let (dx, dy) = (Double(x) - a, Double(y) - b)
            product += dx * dy
            own += dx * dx
            others += dy * dy
        }
        return isFlat(own) || other.isFlat(others) ? 0 : product / (own * others).squareRoot()
    }

    /// Whether the sum of squared distances from the mean is rounding, by the size of the pixels.
    private func isFlat(_ squares: Double) -> Bool {
        let noise = 16 * Double(Float.ulpOfOne)
        return squares <= noise * noise * pixels.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// Where a smaller image correlates best, over all its placements: normalised cross-correlation.
    public func bestPlacement(of part: PixelImage) -> (row: Int, column: Int, correlation: Double) {
        var best = (row: 0, column: 0, correlation: -Double.infinity)
        for row in 0...(height - part.height) {
            for column in 0...(width - part.width) {
                let found = window(row: row, column: column, height: part.height, width: part.width).correlation(part)
                if found > best.correlation { best = (row, column, found) }
            }
        }
        return best
    }

    /// The root mean square of the differences of pixels.
    public func distance(_ other: PixelImage) -> Double {
        (zip(pixels, other.pixels).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(pixels.count)).squareRoot()
    }
}
