import ZooBase

/// The size of a task's images, and what its prompts say.
public struct ImageLayout: Sendable, Equatable {
    public let height: Int
    public let width: Int
    /// Height and width of the reference image; nil if prompts have none.
    public var referenceSize: (height: Int, width: Int)? { referenceSide.map { ($0, $0) } }
    private let referenceSide: Int?
    public let conditions: [ImageCondition]

    /// Square images.
    init(side: Int, referenceSide: Int? = nil, conditions: [ImageCondition]) {
        height = side
        width = side
        self.referenceSide = referenceSide
        self.conditions = conditions
    }
}

/// The images of a task, made from a seed, with what each should show.
public struct ImageTask: Sendable {
    public let name: String
    public let layout: ImageLayout
    public let training: [ImageItem]
    /// Of images that training never shows.
    public let heldOut: [ImageItem]
    /// The same with a condition that neither of them has; empty if the task has none.
    public var newTraining: [ImageItem] = []
    public var newHeldOut: [ImageItem] = []
    /// Trains the judge of images on what the policy may learn from.
    let makeClassifier: @Sendable (_ training: [ImageItem]) -> ImageClassifier
    /// The part of an image that the judge looks at.
    var judgedPart: @Sendable (SampledImage) -> PixelImage = { $0.sample }

    public var height: Int { layout.height }
    public var width: Int { layout.width }
    public var referenceSize: (height: Int, width: Int)? { layout.referenceSize }
    public var conditions: [ImageCondition] { layout.conditions }

    public var classifier: ImageClassifier { makeClassifier(training) }

    /// The prompt in words: "seven, top left, light".
    public func caption(_ prompt: ImageDescription) -> String {
        zip(conditions, prompt.values).map { condition, value in value.map { condition.labels[$0] } ?? "any \(condition.name)" }
            .joined(separator: ", ")
    }
}

// MARK: - Datasets

extension ImageTask {
    /// What `task:NAME` names of every image task.
    static let files = [
        TaskFile("training", "images to learn from, and prompts for samples"),
        TaskFile("held-out", "images and prompts that training never shows"),
    ]

    /// What `task:NAME` names; nil if the task has no such dataset.
    public func dataset(_ name: String) -> Dataset? {
        switch name {
        case "training": dataset(training, name: name, shape: .prompt)
        case "held-out": dataset(heldOut, name: name, shape: .prompt)
        case "new-training" where !newTraining.isEmpty: dataset(newTraining, name: name, shape: .prompt)
        case "held-out-mixed" where !newHeldOut.isEmpty: Dataset(name: name, shape: .prompt, rows: mixedHeldOut)
        default: nil
        }
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
}
