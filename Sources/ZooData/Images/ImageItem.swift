import Foundation
import ZooBase

/// One kind of condition of an image: its name, and the names of its values.
public struct ImageCondition: Sendable, Equatable, Codable {
    public var name: String
    public var labels: [String]

    public init(name: String, labels: [String]) {
        self.name = name
        self.labels = labels
    }
}

/// What an image should show: a value of each condition, and a reference image if the task has one.
public struct ImageDescription: Sendable, Equatable {
    /// By condition; nil leaves it open (the condition is dropped).
    public var values: [Int?]
    public var reference: PixelImage?

    public init(values: [Int?], reference: PixelImage?) {
        self.values = values
        self.reference = reference
    }

    /// For training with classifier-free guidance: each condition, and the reference, is left out with this probability, on its
    /// own.
    public func dropping(_ probability: Double, using random: inout SplitMix64) -> ImageDescription {
        func isDropped() -> Bool { Double(random.next() >> 11) / 0x1p53 < probability }
        let values = values.map { isDropped() ? nil : $0 }
        return ImageDescription(values: values, reference: isDropped() ? nil : reference)
    }
}

/// A prompt with the image that shows it.
public struct ImageItem: Sendable, Equatable {
    public var prompt: ImageDescription
    public var target: PixelImage
    /// Of a preference: the two images to tell apart.
    public var pair: Pair?

    public struct Pair: Sendable, Equatable {
        public var chosen: PixelImage
        public var rejected: PixelImage

        public init(chosen: PixelImage, rejected: PixelImage) {
            self.chosen = chosen
            self.rejected = rejected
        }
    }

    public init(prompt: ImageDescription, target: PixelImage, pair: Pair? = nil) {
        self.prompt = prompt
        self.target = target
        self.pair = pair
    }
}

/// A sampled image and what it should show.
public struct SampledImage: Sendable {
    public var sample: PixelImage
    public var prompt: ImageDescription

    public init(sample: PixelImage, prompt: ImageDescription) {
        self.sample = sample
        self.prompt = prompt
    }
}
