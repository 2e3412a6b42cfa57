import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

extension ImageTask {
    /// The task of a recipe; nil if the recipe has no task of images. Throws if its raw data is not there.
    static func of(_ recipe: Recipe) throws -> ImageTask? {
        guard let task = recipe.task, task.makesImages else { return nil }
        return try named(task.name)
    }

    /// The task whose prompts a network's conditions are; nil if there is none.
    static func of(_ kinds: [ConditionTable.Kind]?) throws -> ImageTask? {
        try conditions.first { $0.value.map(\.kind) == kinds }.map { try named($0.key) }
    }

    private static func named(_ name: String) throws -> ImageTask {
        switch name {
        case "digits": .digits(try digits(), seed: 0)
        case "fashion": try fashion()
        default: .subject(try digits(), seed: 0)
        }
    }

    /// The files that a task of images is made from. Throws if they are not there.
    static func rawFiles(_ name: String) throws -> [URL] {
        guard name == "fashion" else { return [try digitsFile()] }
        let folder = try fashionFolder()
        return ["train", "t10k"].flatMap { part in fashionFiles(part, in: folder) }
    }

    private static func fashionFiles(_ part: String, in folder: URL) -> [URL] {
        ["images-idx3-ubyte", "labels-idx1-ubyte"].map { folder.appending(path: "\(part)-\($0)") }
    }

    private static func fashion() throws -> ImageTask {
        let folder = try fashionFolder()
        func part(_ name: String) throws -> FashionImages {
            let files = fashionFiles(name, in: folder)
            return try FashionImages(images: files[0], labels: files[1])
        }
        return .fashion(training: try part("train"), heldOut: try part("t10k"))
    }

    private static func fashionFolder() throws -> URL {
        let folder = CacheFolder.data.appending(path: "fashion/raw", directoryHint: .isDirectory)
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw ZooError(
                .notFound,
                "the images of clothing are not at \(folder.path): install Debian's package dataset-fashion-mnist, then run `make data`"
            )
        }
        return folder
    }

    private static func digits() throws -> DigitImages { try DigitImages(contentsOf: digitsFile()) }

    private static func digitsFile() throws -> URL {
        let file = CacheFolder.data.appending(path: "digits/raw/digits.csv")
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ZooError(.notFound, "the handwritten digits are not at \(file.path): run `make data` to fetch them")
        }
        return file
    }

    /// What `task:NAME` names.
    func dataset(_ name: String) throws -> Dataset {
        switch name {
        case "training": return dataset(training, name: name, shape: .prompt)
        case "held-out": return dataset(heldOut, name: name, shape: .prompt)
        case "new-training" where !newTraining.isEmpty: return dataset(newTraining, name: name, shape: .prompt)
        case "held-out-mixed" where !newHeldOut.isEmpty: return Dataset(name: name, shape: .prompt, rows: mixedHeldOut)
        default:
            let names = ["training", "held-out"] + (newTraining.isEmpty ? [] : ["new-training", "held-out-mixed"])
            let meant = didYouMean(name, among: names)
            throw ZooError(
                .invalidArgument, "task '\(self.name)' has no '\(name)'; it has: \(names.joined(separator: ", "))\(meant)")
        }
    }

    /// The kinds of condition, as a network embeds them.
    var kinds: [ConditionTable.Kind] { conditions.map(\.kind) }
}

extension ImageCondition {
    fileprivate var kind: ConditionTable.Kind { .init(name, labels.count) }
}

/// The classifier of digits, trained when a reward first asks for it.
final class ImageJudge {
    private let task: ImageTask
    private(set) lazy var classifier = task.classifier

    init(_ task: ImageTask) { self.task = task }
}
