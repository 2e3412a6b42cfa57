import Foundation
import ZooBase

/// Pieces of clothing by class: the largest of the image tasks.
public struct FashionTask: Task {
    public static let name = "fashion"
    public static let summary = "draw a piece of clothing, 28 × 28, by class"
    public static let modality = TaskModality.images(FashionImages.layout)
    public static let raw: RawFiles? = .fashion
    public static let files = ImageTask.files
    public static let rewards = RewardKind.images

    public init(_ settings: Settings, seed: UInt64) {}

    public var content: TaskContent {
        .images { raw in
            func part(_ name: String) throws -> FashionImages {
                let files = FashionImages.files(of: name).map { raw.appending(path: $0) }
                return try FashionImages(images: files[0], labels: files[1])
            }
            return .fashion(training: try part("train"), heldOut: try part("t10k"))
        }
    }
}

extension ImageTask {
    /// The 28 × 28 pieces of clothing by class.
    public static func fashion(training: FashionImages, heldOut: FashionImages) -> ImageTask {
        func items(_ images: FashionImages) -> [ImageItem] {
            zip(images.images, images.labels).map {
                ImageItem(prompt: ImageDescription(values: [$1], reference: nil), target: $0)
            }
        }
        return ImageTask(
            name: FashionTask.name, layout: FashionImages.layout, training: items(training), heldOut: items(heldOut),
            makeClassifier: FashionImages.classifier)
    }
}

extension RawFiles {
    static let fashion = RawFiles(
        "fashion", files: ["train", "t10k"].flatMap(FashionImages.files),
        about: "70,000 pieces of clothing, 55 MB, unpacked from Debian's package",
        package: "Debian's package dataset-fashion-mnist", script: PackageResources.fetch_fashion_sh)
}

extension FashionImages {
    static let layout = ImageLayout(side: side, conditions: [ImageCondition(name: "garment", labels: classes)])

    /// The images and the labels of a part, as they are called in the package.
    static func files(of part: String) -> [String] {
        ["images-idx3-ubyte", "labels-idx1-ubyte"].map { "\(part)-\($0)" }
    }

    /// Learns from the first 6,000 images.
    static func classifier(_ training: [ImageItem]) -> ImageClassifier {
        let some = training.prefix(6000)
        return ImageClassifier(
            trainedOn: some.map(\.target), labels: some.map { $0.prompt.values[0] ?? 0 }, epochs: 6, onBackgrounds: false,
            seed: 0)
    }
}
