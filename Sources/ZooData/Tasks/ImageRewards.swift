import Synchronization
import ZooBase

/// What an image task lends its rewards: a small classifier, which is trained when a reward first asks for it.
public final class ImageJudge: RewardSource {
    private let task: ImageTask
    private let trained = Mutex<ImageClassifier?>(nil)

    public init(_ task: ImageTask) { self.task = task }

    var classifier: ImageClassifier {
        trained.withLock { trained in
            let classifier = trained ?? task.classifier
            trained = classifier
            return classifier
        }
    }

    /// p(class | the part of the image that is judged), for all classes and for the one that the prompt names.
    func probabilities(_ image: SampledImage, reward: String) throws -> (all: [Double], asked: Double) {
        guard let digit = image.prompt.values.first, let digit else {
            throw DataError("reward \(reward)", "needs prompts that name a class")
        }
        let all = classifier.probabilities(task.judgedPart(image))
        return (all, all[digit])
    }
}

/// A reward for images: a function of one image and its prompt.
struct ImageReward: RewardFunction {
    let name: String
    let measure: @Sendable (SampledImage) throws -> Double

    func score(_ item: RewardItem) throws -> Double {
        guard let image = item.image else {
            throw DataError("reward \(name)", "scores images; the policy of this stage writes text")
        }
        return try measure(image)
    }
}

extension RewardKind {
    /// The rewards that every image task has.
    static let images = [
        judging("class-probability", "the probability that a small classifier gives the class that the prompt names") {
            try $0.probabilities($1, reward: "class-probability").asked
        },
        judging("class-accuracy", "1 if that classifier's first choice is the prompt's class, else 0") { judge, image in
            let (all, asked) = try judge.probabilities(image, reward: "class-accuracy")
            return asked == all.max() ? 1 : 0
        },
        measuring("total-variation", "the mean absolute difference of neighbouring pixels") { $0.sample.totalVariation },
        measuring("brightness", "the mean pixel, from -1 to 1") { $0.sample.brightness },
        measuring(
            "compressibility", "minus the bits per pixel of an order-0 code of the differences of neighbouring pixels"
        ) { -$0.sample.bitsPerPixel },
        measuring("grid-energy", "the share of an image's energy that alternates from pixel to pixel") {
            $0.sample.gridEnergy
        },
    ]

    /// A reward that looks at the image and its prompt alone.
    static func measuring(
        _ name: String, _ doc: String, _ measure: @escaping @Sendable (SampledImage) throws -> Double
    ) -> RewardKind {
        RewardKind(name: name, doc: doc, needsTask: true) { _, inputs in
            _ = try judge(inputs, name)
            return ImageReward(name: name, measure: measure)
        }
    }

    /// A reward that asks the task's classifier.
    private static func judging(
        _ name: String, _ doc: String, _ measure: @escaping @Sendable (ImageJudge, SampledImage) throws -> Double
    ) -> RewardKind {
        RewardKind(name: name, doc: doc, needsTask: true) { _, inputs in
            let judge = try judge(inputs, name)
            _ = judge.classifier  // Trained before the first image is scored, whose time is measured.
            return ImageReward(name: name) { try measure(judge, $0) }
        }
    }

    private static func judge(_ inputs: RewardInputs, _ name: String) throws -> ImageJudge {
        guard let judge = inputs.source as? ImageJudge else {
            throw DataError("reward \(name)", "scores images; the recipe's task makes none")
        }
        return judge
    }
}
