import ZooBase

/// The subject-driven task: a reference digit is to be drawn at a place on a background.
public struct SubjectTask: Task {
    public static let name = "subject"
    public static let summary = "draw a given digit at a place on a background, 12 × 12"
    public static let modality = TaskModality.images(shape)
    public static let raw: RawFiles? = .digits
    public static let files =
        ImageTask.files + [
            TaskFile("new-training", "the same on a background that 'training' never shows"),
            TaskFile("held-out-mixed", "held-out prompts by turns with usual backgrounds and the new one; the column 'split'"),
        ]
    public static let rewards = RewardKind.images + RewardKind.subject

    /// A digit as reference, and what to do with it.
    static let shape = ImageLayout(
        side: Canvas.side, referenceSide: DigitImages.side,
        conditions: [
            DigitImages.condition, ImageCondition(name: "position", labels: Canvas.places.map(\.name)),
            ImageCondition(name: "background", labels: Canvas.backgrounds),
        ])

    public init(_ settings: Settings, seed: UInt64) {}

    public var content: TaskContent { .images { .subject(try DigitImages(rawFiles: $0), seed: 0) } }
}

extension ImageTask {
    /// The reference's digit at one of nine places of a 12 × 12 canvas, on one of three backgrounds; and on a fourth, where a new
    /// condition is to be learned.
    public static func subject(_ digits: DigitImages, seed: UInt64) -> ImageTask {
        let (training, heldOut) = digits.split(heldOut: 297, seed: seed)
        var random = SplitMix64(seed: seed, stream: 0x5B7)
        func items(_ digits: DigitImages, each: Int, new: Bool = false) -> [ImageItem] {
            zip(digits.images, digits.labels).flatMap { image, label in
                (0..<each).map { _ in
                    let place = random.next(below: Canvas.places.count)
                    let background = new ? Canvas.newBackground : random.next(below: Canvas.newBackground)
                    return ImageItem(
                        prompt: ImageDescription(values: [label, place, background], reference: image),
                        target: Canvas.render(image, place: place, background: background))
                }
            }
        }
        return ImageTask(
            name: SubjectTask.name, layout: SubjectTask.shape, training: items(training, each: 8),
            heldOut: items(heldOut, each: 1), newTraining: items(training, each: 2, new: true),
            newHeldOut: items(heldOut, each: 1, new: true), makeClassifier: DigitImages.classifier,
            judgedPart: Canvas.digit)
    }
}
