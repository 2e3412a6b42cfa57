import ZooBase

/// A sampled image and what it should show.
public struct SampledImage: Sendable {
    public var picture: Picture
    public var prompt: PicturePrompt

    public init(picture: Picture, prompt: PicturePrompt) {
        self.picture = picture
        self.prompt = prompt
    }
}

/// A reward for images: a function of one image and its prompt.
public struct ImageReward: RewardFunction {
    public let name: String
    private let measure: @Sendable (SampledImage) throws -> Double

    public func score(_ item: RewardItem) throws -> Double {
        guard let image = item.image else {
            throw DataError("reward \(name)", "scores images; the policy of this stage writes text")
        }
        return try measure(image)
    }
}

extension ImageReward {
    /// The rewards of images, with what each is.
    public static let all: [(name: String, doc: String)] = [
        ("class-probability", "the probability that a small classifier gives the class that the prompt names"),
        ("class-accuracy", "1 if that classifier's first choice is the prompt's class, else 0"),
        ("subject-fidelity", "the largest normalised cross-correlation with the reference image over placements"),
        (
            "prompt-adherence",
            "the mean of two: whether the digit is at the prompt's position, and the background is the prompt's"
        ),
        ("total-variation", "the mean absolute difference of neighbouring pixels"),
        ("brightness", "the mean pixel, from -1 to 1"),
        ("compressibility", "minus the bits per pixel of an order-0 code of the differences of neighbouring pixels"),
        ("grid-energy", "the share of an image's energy that alternates from pixel to pixel"),
    ]

    /// Makes a reward of images.
    ///
    /// - Parameter classifier: used by the rewards that classify the digit.
    /// - Throws: ``DataError`` if there is none of that name.
    public init(_ name: String, classifier: () -> PictureClassifier) throws {
        if let known = Self.judged[name] {
            let classifier = classifier()
            measure = { try known($0, classifier) }
        } else if let known = Self.measured[name] {
            measure = known
        } else {
            let names = Self.all.map(\.name)
            let meant = didYouMean(name, among: names)
            throw DataError("reward \(name)", "is unknown; rewards of images are \(names.joined(separator: ", "))\(meant)")
        }
        self.name = name
    }

    private static let judged: [String: @Sendable (SampledImage, PictureClassifier) throws -> Double] = [
        "class-probability": { try digitProbabilities($0, $1).asked },
        "class-accuracy": { image, classifier in
            let (all, asked) = try digitProbabilities(image, classifier)
            return asked == all.max() ? 1 : 0
        },
    ]

    private static let measured: [String: @Sendable (SampledImage) throws -> Double] = [
        "subject-fidelity": { $0.picture.bestPlacement(of: try reference($0)).correlation },
        "prompt-adherence": { try adherence($0) },
        "total-variation": { $0.picture.totalVariation },
        "brightness": { $0.picture.brightness },
        "compressibility": { -$0.picture.bitsPerPixel },
        "grid-energy": { $0.picture.gridEnergy },
    ]

    private static func reference(_ image: SampledImage) throws -> Picture {
        guard let reference = image.prompt.reference else {
            throw DataError("reward subject-fidelity", "needs prompts with a reference image; this task has none")
        }
        return reference
    }

    /// The part that is judged: the whole image, or on a canvas the place where the prompt puts the digit.
    private static func digitProbabilities(_ image: SampledImage, _ classifier: PictureClassifier) throws -> (
        all: [Double], asked: Double
    ) {
        guard let digit = image.prompt.values.first, let digit else {
            throw DataError("reward class-probability", "needs prompts that name a class")
        }
        var picture = image.picture
        if picture.pixels.count != classifier.inputs {
            let place = image.prompt.values[1].map { Canvas.places[$0] } ?? Canvas.places[4]
            picture = picture.window(
                row: place.row, column: place.column, height: DigitImages.side, width: DigitImages.side)
        }
        let all = classifier.probabilities(picture)
        return (all, all[digit])
    }

    private static func adherence(_ image: SampledImage) throws -> Double {
        let reference = try reference(image)
        let values = image.prompt.values
        guard values.count == 3, let place = values[1], let background = values[2] else {
            throw DataError("reward prompt-adherence", "needs prompts with a position and a background")
        }
        let found = image.picture.bestPlacement(of: reference)
        let isPlaced = Canvas.places[place].row == found.row && Canvas.places[place].column == found.column
        let nearest = Canvas.backgrounds.indices.min {
            Canvas.distance(image.picture, background: $0, outside: found)
                < Canvas.distance(image.picture, background: $1, outside: found)
        }
        return ((isPlaced ? 1 : 0) + (nearest == background ? 1 : 0)) / 2
    }
}

extension Canvas {
    /// The mean absolute difference to a background, over the pixels outside of the digit's placement.
    static func distance(_ picture: Picture, background: Int, outside: (row: Int, column: Int, correlation: Double)) -> Double {
        let empty = empty(background)
        let side = DigitImages.side
        var (sum, count) = (0.0, 0.0)
        for row in 0..<picture.height {
            for column in 0..<picture.width {
                let isInside =
                    (outside.row..<outside.row + side).contains(row) && (outside.column..<outside.column + side).contains(column)
                guard !isInside else { continue }
                sum += Double(abs(picture[row, column] - empty[row, column]))
                count += 1
            }
        }
        return sum / count
    }
}
