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

/// Images with conditions, made from a seed.
public struct ImageTask: Sendable {
    public let name: String
    public let height: Int
    public let width: Int
    /// Height and width of the reference image; nil if prompts have none.
    public let referenceSize: (height: Int, width: Int)?
    public let training: [ImageItem]
    /// Of digits that training never shows.
    public let heldOut: [ImageItem]
    /// The same with a condition that neither of them has; empty if the task has none.
    public var newTraining: [ImageItem] = []
    public var newHeldOut: [ImageItem] = []

    private static let digitNames = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ]
    private static let digit = ImageCondition(name: "class", labels: digitNames)

    /// What the prompts of each task say, by the task's name.
    public static let conditions: [String: [ImageCondition]] = [
        "digits": [digit], "fashion": [ImageCondition(name: "garment", labels: FashionImages.classes)],
        "subject": [
            digit, ImageCondition(name: "position", labels: Canvas.places.map(\.name)),
            ImageCondition(name: "background", labels: Canvas.backgrounds),
        ],
    ]
    public var conditions: [ImageCondition] { Self.conditions[name] ?? [] }

    /// The 8 × 8 digits by class.
    public static func digits(_ digits: DigitImages, seed: UInt64) -> ImageTask {
        let (training, heldOut) = digits.split(heldOut: 297, seed: seed)
        func items(_ digits: DigitImages) -> [ImageItem] {
            zip(digits.pictures, digits.labels).map {
                ImageItem(prompt: PicturePrompt(values: [$1], reference: nil), target: $0)
            }
        }
        return ImageTask(
            name: "digits", height: DigitImages.side, width: DigitImages.side, referenceSize: nil, training: items(training),
            heldOut: items(heldOut))
    }

    /// The subject-driven task: the reference's digit, at one of nine places of a 12 × 12 canvas, on one of three backgrounds; and
    /// on a fourth, where a new condition is to be learned.
    public static func subject(_ digits: DigitImages, seed: UInt64) -> ImageTask {
        let (training, heldOut) = digits.split(heldOut: 297, seed: seed)
        var random = SplitMix64(seed: seed, stream: 0x5B7)
        func items(_ digits: DigitImages, each: Int, new: Bool = false) -> [ImageItem] {
            zip(digits.pictures, digits.labels).flatMap { picture, label in
                (0..<each).map { _ in
                    let place = random.next(below: Canvas.places.count)
                    let background = new ? Canvas.newBackground : random.next(below: Canvas.newBackground)
                    return ImageItem(
                        prompt: PicturePrompt(values: [label, place, background], reference: picture),
                        target: Canvas.render(picture, place: place, background: background))
                }
            }
        }
        return ImageTask(
            name: "subject", height: Canvas.side, width: Canvas.side,
            referenceSize: (DigitImages.side, DigitImages.side), training: items(training, each: 8),
            heldOut: items(heldOut, each: 1), newTraining: items(training, each: 2, new: true),
            newHeldOut: items(heldOut, each: 1, new: true))
    }

    /// The 28 × 28 pieces of clothing by class.
    public static func fashion(training: FashionImages, heldOut: FashionImages) -> ImageTask {
        func items(_ images: FashionImages) -> [ImageItem] {
            zip(images.pictures, images.labels).map {
                ImageItem(prompt: PicturePrompt(values: [$1], reference: nil), target: $0)
            }
        }
        return ImageTask(
            name: "fashion", height: FashionImages.side, width: FashionImages.side,
            referenceSize: nil, training: items(training), heldOut: items(heldOut))
    }

    /// The items of a part of the task, as rows whose prompt is in words.
    public func dataset(_ items: [ImageItem], name: String, shape: DatasetShape) -> Dataset {
        Dataset(name: name, shape: shape, rows: items.map { Row(prompt: caption($0.prompt), image: $0) })
    }

    /// Held-out items by turns with the usual conditions and with the new one, told apart by the column `split`: `old` or `new`.
    public var mixedHeldOut: [Row] {
        zip(heldOut, newHeldOut).flatMap { old, new in
            [(old, "old"), (new, "new")].map { item, split in
                var row = Row(prompt: caption(item.prompt), extras: ["split": .string(split)])
                row.image = item
                return row
            }
        }
    }

    /// The judge of images, which learns from the reference images, or the images, that the policy may learn from.
    public var classifier: PictureClassifier {
        if name == "fashion" {
            let some = training.prefix(6000)
            return PictureClassifier(
                trainedOn: some.map(\.target), labels: some.map { $0.prompt.values[0] ?? 0 }, epochs: 6, onBackgrounds: false,
                seed: 0)
        }
        var seen: Set<[Float]> = []
        let distinct = training.filter { seen.insert(($0.prompt.reference ?? $0.target).pixels).inserted }
        return PictureClassifier(
            trainedOn: distinct.map { $0.prompt.reference ?? $0.target }, labels: distinct.map { $0.prompt.values[0] ?? 0 },
            onBackgrounds: true, seed: 0)
    }

    /// The prompt in words: "seven, top left, light".
    public func caption(_ prompt: PicturePrompt) -> String {
        zip(conditions, prompt.values).map { condition, value in value.map { condition.labels[$0] } ?? "any \(condition.name)" }
            .joined(separator: ", ")
    }
}

/// The canvas of the subject-driven task.
public enum Canvas {
    public static let side = 12
    public static let backgrounds = ["dark", "light", "ramp", "dusk"]
    /// The last one, which the usual items do not have.
    static let newBackground = 3

    public static let places: [(name: String, row: Int, column: Int)] = [
        ("top", 0), ("middle", 2), ("bottom", 4),
    ].flatMap { vertical, row in
        [("left", 0), ("centre", 2), ("right", 4)].map { horizontal, column in ("\(vertical) \(horizontal)", row, column) }
    }

    /// How bright a background is at a pixel, 0 to 1.
    static func level(_ background: Int, row: Int, column: Int) -> Float {
        switch background {
        case 0: 0
        case 1: 0.4
        case 2: 0.5 * Float(column) / Float(side - 1)
        default: 0.5 * Float(row) / Float(side - 1)
        }
    }

    /// The background alone.
    static func empty(_ background: Int) -> Picture {
        Picture(
            height: side, width: side,
            pixels: (0..<side * side).map { 2 * level(background, row: $0 / side, column: $0 % side) - 1 })
    }

    /// A digit's ink over a background.
    static func render(_ digit: Picture, place: Int, background: Int) -> Picture {
        var canvas = empty(background)
        let (_, top, left) = places[place]
        for row in 0..<digit.height {
            for column in 0..<digit.width {
                let ink = (digit[row, column] + 1) / 2
                let behind = level(background, row: top + row, column: left + column)
                canvas[top + row, left + column] = 2 * (behind + (1 - behind) * ink) - 1
            }
        }
        return canvas
    }
}
