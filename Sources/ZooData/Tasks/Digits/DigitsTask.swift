import Foundation
import ZooBase

/// The smallest image task: handwritten digits by class.
public struct DigitsTask: Task {
    public static let name = "digits"
    public static let summary = "draw a handwritten digit, 8 × 8, by class"
    public static let modality = TaskModality.images(
        ImageLayout(side: DigitImages.side, conditions: [DigitImages.condition]))
    public static let raw: RawFiles? = .digits
    public static let files = ImageTask.files
    public static let rewards = RewardKind.images

    public init(_ settings: Settings, seed: UInt64) {}

    public var content: TaskContent { .images { .digits(try DigitImages(rawFiles: $0), seed: 0) } }
}

extension ImageTask {
    /// The 8 × 8 digits by class.
    public static func digits(_ digits: DigitImages, seed: UInt64) -> ImageTask {
        let (training, heldOut) = digits.split(heldOut: 297, seed: seed)
        func items(_ digits: DigitImages) -> [ImageItem] {
            zip(digits.images, digits.labels).map {
                ImageItem(prompt: ImageDescription(values: [$1], reference: nil), target: $0)
            }
        }
        return ImageTask(
            name: DigitsTask.name, layout: ImageLayout(side: DigitImages.side, conditions: [DigitImages.condition]),
            training: items(training), heldOut: items(heldOut), makeClassifier: DigitImages.classifier)
    }
}

extension RawFiles {
    /// Of the tasks that draw digits.
    static let digits = RawFiles(
        "digits", files: ["digits.csv"], about: "1,797 handwritten digits, 10 MB of which 0.3 MB are kept, through pip",
        script: PackageResources.fetch_digits_sh)
}

extension DigitImages {
    static let condition = ImageCondition(
        name: "class", labels: ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])

    /// - Parameter rawFiles: the folder of ``RawFiles/digits``.
    init(rawFiles: URL) throws { try self.init(contentsOf: rawFiles.appending(path: "digits.csv")) }

    /// Tells digits apart after seeing each that is in `training` once per epoch, on backgrounds.
    static func classifier(_ training: [ImageItem]) -> ImageClassifier {
        var seen: Set<[Float]> = []
        let distinct = training.filter { seen.insert(($0.prompt.reference ?? $0.target).pixels).inserted }
        return ImageClassifier(
            trainedOn: distinct.map { $0.prompt.reference ?? $0.target }, labels: distinct.map { $0.prompt.values[0] ?? 0 },
            onBackgrounds: true, seed: 0)
    }
}
