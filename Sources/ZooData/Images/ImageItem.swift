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
    /// The reference image, or where it is read.
    public private(set) var content: ImageContent?
    public var reference: PixelImage? {
        get { content?.image }
        set { content = newValue.map(ImageContent.pixels) }
    }

    public init(values: [Int?], reference: PixelImage?) { self.init(values: values, content: reference.map(ImageContent.pixels)) }

    public init(values: [Int?], content: ImageContent?) { (self.values, self.content) = (values, content) }

    /// For training with classifier-free guidance: each condition, and the reference, is left out with this probability, on its
    /// own.
    public func dropping(_ probability: Double, using random: inout SplitMix64) -> ImageDescription {
        func isDropped() -> Bool { Double(random.next() >> 11) / 0x1p53 < probability }
        let values = values.map { isDropped() ? nil : $0 }
        return ImageDescription(values: values, content: isDropped() ? nil : content)
    }
}

/// An image of a dataset: its pixels, or where they are read when they are needed.
public enum ImageContent: Sendable, Equatable {
    case pixels(PixelImage)
    case stored(any ImageStore, row: Int)

    public var image: PixelImage {
        switch self {
        case .pixels(let image): image
        case .stored(let store, let row): store.image(row)
        }
    }

    public static func == (a: ImageContent, b: ImageContent) -> Bool {
        switch (a, b) {
        case (.pixels(let a), .pixels(let b)): a == b
        case (.stored(let a, let row), .stored(let b, let other)): a === b && row == other
        default: false
        }
    }
}

/// Images by number, more than fit into memory.
public protocol ImageStore: AnyObject, Sendable {
    func image(_ row: Int) -> PixelImage
}

/// A prompt with the image that shows it.
public struct ImageItem: Sendable, Equatable {
    public var prompt: ImageDescription
    /// The image; nil of a prompt that none is known for.
    public var content: ImageContent?
    /// Of a preference: the two images to tell apart.
    public var pair: Pair?
    /// The prompt made worse, where the row says how.
    public var degraded: ImageDescription?

    /// The image of an item that has one.
    public var target: PixelImage {
        guard let content else { preconditionFailure("a prompt without an image is asked for it") }
        return content.image
    }

    public struct Pair: Sendable, Equatable {
        public var chosen: ImageContent
        public var rejected: ImageContent

        public init(chosen: ImageContent, rejected: ImageContent) {
            self.chosen = chosen
            self.rejected = rejected
        }
    }

    public init(prompt: ImageDescription, target: PixelImage) { self.init(prompt: prompt, content: .pixels(target)) }

    public init(
        prompt: ImageDescription, content: ImageContent?, pair: Pair? = nil, degraded: ImageDescription? = nil
    ) {
        self.prompt = prompt
        self.content = content
        self.pair = pair
        self.degraded = degraded
    }
}

/// A sampled image and what it should show.
public struct SampledImage: Sendable {
    public var sample: PixelImage
    public var prompt: ImageDescription
    /// Whether it is still to be decoded.
    public var isLatent: Bool

    public init(sample: PixelImage, prompt: ImageDescription, isLatent: Bool = false) {
        self.sample = sample
        self.prompt = prompt
        self.isLatent = isLatent
    }
}
