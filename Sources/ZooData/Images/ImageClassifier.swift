import Foundation
import ZooBase

/// Tells ten classes of images apart: one hidden layer of 64 over the pixels, each image brought to mean 0 and standard deviation
/// 1 first.
public struct ImageClassifier: Sendable {
    private static let (hidden, classes) = (64, 10)
    /// Pixels of an image.
    public let inputs: Int
    /// Rows of input weights and a bias, [hidden × (inputs + 1)] and [classes × (hidden + 1)].
    private var first: [Float]
    private var second: [Float]

    /// - Parameters:
    ///   - images: to learn from, all of one size, with a class from 0 to 9 each.
    ///   - onBackgrounds: put the image's ink on random backgrounds, so that a canvas is read as well as a scan.
    ///   - seed: equal seeds give the same classifier.
    public init(trainedOn images: [PixelImage], labels: [Int], epochs: Int = 24, onBackgrounds: Bool, seed: UInt64) {
        inputs = images.first?.pixels.count ?? 0
        var random = SplitMix64(seed: seed, stream: 0xC1A5)
        func layer(_ outputs: Int, _ inputs: Int) -> [Float] {
            let scale = (2 / Double(inputs)).squareRoot()
            return (0..<outputs * (inputs + 1)).map { $0 % (inputs + 1) == inputs ? 0 : Float(random.normal() * scale) }
        }
        first = layer(Self.hidden, inputs)
        second = layer(Self.classes, Self.hidden)
        var adam = (Adam(count: first.count), Adam(count: second.count))
        let batch = 32
        for epoch in 0..<epochs {
            let rate = Float(3e-3 * (1 - Double(epoch) / Double(epochs)))
            let order = random.permutation(images.count)
            for start in stride(from: 0, to: order.count, by: batch) {
                var gradient = ([Float](repeating: 0, count: first.count), [Float](repeating: 0, count: second.count))
                for place in order[start..<min(start + batch, order.count)] {
                    let image = onBackgrounds ? Self.onBackground(images[place], &random) : images[place]
                    learn(normalised(image), labels[place], &gradient)
                }
                adam.0.step(&first, gradient.0, rate: rate)
                adam.1.step(&second, gradient.1, rate: rate)
            }
        }
    }

    /// p(class | image), [10]; the image is of the size that it learned from.
    public func probabilities(_ image: PixelImage) -> [Double] { forward(normalised(image)).probabilities.map(Double.init) }

    // MARK: - The network

    private func forward(_ input: [Float]) -> (hidden: [Float], probabilities: [Float]) {
        let hidden = Self.apply(first, input).map { max($0, 0) }
        let logits = Self.apply(second, hidden)
        let top = logits.max() ?? 0
        let weights = logits.map { exp($0 - top) }
        let total = weights.reduce(0, +)
        return (hidden, weights.map { $0 / total })
    }

    /// Adds the gradient of -log p(label | input).
    private func learn(_ input: [Float], _ label: Int, _ gradient: inout ([Float], [Float])) {
        let (hidden, probabilities) = forward(input)
        var back = [Float](repeating: 0, count: Self.hidden)
        for output in 0..<Self.classes {
            let slope = probabilities[output] - (output == label ? 1 : 0)
            let row = output * (Self.hidden + 1)
            for unit in 0..<Self.hidden {
                gradient.1[row + unit] += slope * hidden[unit]
                back[unit] += slope * second[row + unit]
            }
            gradient.1[row + Self.hidden] += slope
        }
        for unit in 0..<Self.hidden where hidden[unit] > 0 {
            let row = unit * (inputs + 1)
            for pixel in 0..<inputs { gradient.0[row + pixel] += back[unit] * input[pixel] }
            gradient.0[row + inputs] += back[unit]
        }
    }

    private static func apply(_ weights: [Float], _ input: [Float]) -> [Float] {
        let width = input.count + 1
        return (0..<weights.count / width).map { row in
            var sum = weights[row * width + input.count]
            for column in input.indices { sum += weights[row * width + column] * input[column] }
            return sum
        }
    }

    private func normalised(_ image: PixelImage) -> [Float] {
        precondition(image.pixels.count == inputs, "the classifier reads \(inputs) pixels")
        let mean = Float(image.brightness)
        let variance = image.pixels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(inputs)
        return image.pixels.map { ($0 - mean) / max(variance.squareRoot(), 1e-3) }
    }

    private static func onBackground(_ digit: PixelImage, _ random: inout SplitMix64) -> PixelImage {
        let (start, slope) = (Float(random.next(below: 5)) / 10, Float(random.next(below: 5)) / 10 / Float(digit.width))
        var image = digit
        for row in 0..<digit.height {
            for column in 0..<digit.width {
                let behind = start + slope * Float(column)
                image[row, column] = 2 * (behind + (1 - behind) * (digit[row, column] + 1) / 2) - 1
            }
        }
        return image
    }
}

/// Adam (Kingma and Ba 2015) over one array.
private struct Adam {
    private var (first, second): ([Float], [Float])
    private var steps: Float = 0

    init(count: Int) { (first, second) = (Array(repeating: 0, count: count), Array(repeating: 0, count: count)) }

    mutating func step(_ weights: inout [Float], _ gradient: [Float], rate: Float) {
        steps += 1
        let (scale1, scale2) = (1 / (1 - pow(0.9, steps)), 1 / (1 - pow(0.999, steps)))
        for index in weights.indices {
            first[index] = 0.9 * first[index] + 0.1 * gradient[index]
            second[index] = 0.999 * second[index] + 0.001 * gradient[index] * gradient[index]
            weights[index] -= rate * first[index] * scale1 / ((second[index] * scale2).squareRoot() + 1e-8)
        }
    }
}
