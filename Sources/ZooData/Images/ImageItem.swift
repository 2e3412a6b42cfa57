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
public struct PicturePrompt: Sendable, Equatable {
    /// By condition; nil leaves it open (the condition is dropped).
    public var values: [Int?]
    public var reference: Picture?

    public init(values: [Int?], reference: Picture?) {
        self.values = values
        self.reference = reference
    }

    /// For training with classifier-free guidance: each condition, and the reference, is left out with this probability, on its
    /// own.
    public func dropping(_ probability: Double, using random: inout SplitMix64) -> PicturePrompt {
        func isDropped() -> Bool { Double(random.next() >> 11) / 0x1p53 < probability }
        let values = values.map { isDropped() ? nil : $0 }
        return PicturePrompt(values: values, reference: isDropped() ? nil : reference)
    }
}

/// A prompt with the image that shows it.
public struct ImageItem: Sendable, Equatable {
    public var prompt: PicturePrompt
    public var target: Picture
    /// Of a preference: the two images to tell apart.
    public var pair: Pair?

    public struct Pair: Sendable, Equatable {
        public var chosen: Picture
        public var rejected: Picture

        public init(chosen: Picture, rejected: Picture) {
            self.chosen = chosen
            self.rejected = rejected
        }
    }

    public init(prompt: PicturePrompt, target: Picture, pair: Pair? = nil) {
        self.prompt = prompt
        self.target = target
        self.pair = pair
    }
}

/// A sampled image and what it should show.
public struct SampledImage: Sendable {
    public var picture: Picture
    public var prompt: PicturePrompt

    public init(picture: Picture, prompt: PicturePrompt) {
        self.picture = picture
        self.prompt = prompt
    }
}
