import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Every row of a recipe's data, read as the algorithms will read it, before anything is trained.
public struct DataCheck: Sendable {
    /// A dataset of the recipe: where it is named, and the result of reading its rows.
    public struct Entry: Sendable {
        /// The stage's name; `evaluation` for the evaluation's data.
        public var stage: String
        /// The recipe's key: `data.pairs`, `evaluation.prompts`.
        public var key: String
        public var counts: RowCounts
        /// One line for people.
        public var sentence: String
        /// What else is to know of the dataset: the sources of a mixture, columns that are not read.
        public var remarks: [String]
        /// Why a run would refuse the dataset; nil if it would not.
        public var refusal: String?
    }

    public private(set) var entries: [Entry] = []
    /// Datasets that were already read: variants share their data.
    private var seen: Set<[String]> = []
    private var codecs: [String: any TextCodec] = [:]
    /// Stored images: their files are read once for all variants.
    private var images: RecipeImages?

    init() {}

    /// Reads all datasets that a recipe and its variants name.
    ///
    /// - Throws: if a file cannot be read at all. Faulty rows are faults of an ``Entry``.
    public init(_ recipe: Recipe) throws {
        try read(recipe)
        for variant in recipe.compare?.variants ?? [] { try read(recipe.applying(variant)) }
    }

    /// Reads the datasets of all stages and of the evaluation, each only once.
    ///
    /// - Parameter kinds: what a stage's algorithm reads of its data; by default all that the stage names.
    mutating func read(_ recipe: Recipe, kinds: ((Stage) throws -> Set<DataKind>)? = nil) throws {
        // Images and what they show come from the task.
        guard recipe.task?.makesImages != true else { return }
        if recipe.images != nil { images = try images ?? RecipeImages.of(recipe) }
        for stage in recipe.stages {
            let wanted = try kinds?(stage) ?? Set(DataKind.allCases)
            for kind in DataKind.allCases where wanted.contains(kind) {
                guard let source = stage.data[kind] else { continue }
                try read(recipe, stage, kind, source, stage.name, "data.\(kind.rawValue)", kind == .prompts ? stage.rewards : [])
            }
        }
        guard let evaluation = recipe.evaluation, let last = recipe.stages.last else { return }
        let sources = [
            (DataKind.prompts, evaluation.prompts), (.pairs, evaluation.pairs), (.examples, evaluation.examples),
        ]
        for case (let kind, let source?) in sources {
            try read(
                recipe, last, kind, source, "evaluation", "evaluation.\(kind.rawValue)",
                kind == .prompts ? last.rewards + evaluation.gold : [])
        }
    }

    /// Refuses the first dataset that a run would refuse.
    public func require() throws {
        guard let refused = entries.first(where: { $0.refusal != nil }), let reason = refused.refusal else { return }
        throw ZooError(.invalidArgument, reason)
    }

    private mutating func read(
        _ recipe: Recipe, _ stage: Stage, _ kind: DataKind, _ source: DataSource, _ place: String, _ key: String,
        _ rewards: [RewardSpec]
    ) throws {
        if case .build = source { return }
        let chain = recipe.chain(of: stage)
        let identity = try [
            place, key, JSON.text(source.node.json), JSON.text(rewards.map(\.node.json)),
            JSON.text(chain.map(\.policy.node.json)), JSON.text(chain.map(\.data.node.json)),
        ]
        guard seen.insert(identity).inserted else { return }
        guard recipe.images == nil else { return try readImages(recipe, stage, kind, source, place, key) }
        let files = TaskFiles(recipe: recipe)
        let tokens = TokenizedRows(
            codec: try codec(of: stage, recipe), maxPromptLength: stage.data.maxPromptLength, maxLength: stage.data.maxLength)
        let functions = try rewards.filter(\.readsRowsAlone).map { spec in
            (
                spec.name,
                try RewardKind.make(
                    spec.function, parameters: files.resolve(spec.parameters), folder: recipe.file.deletingLastPathComponent())
            )
        }
        var unread: [DataError] = []
        let dataset = try files.dataset(source, for: kind) { unread.append($0) }
        var counts = RowCheck(tokens: tokens, kind: kind, rewards: functions)(dataset)
        counts.precede(with: unread.map(\.description))
        var refusal: String?
        do { try counts.require(place == "evaluation" ? key : "stage '\(place)': \(key)", stage.data, dataset) } catch {
            refusal = plainWords(error)
        }
        entries.append(
            Entry(
                stage: place, key: key, counts: counts, sentence: counts.sentence(stage.data, dataset),
                remarks: dataset.remarks, refusal: refusal))
    }

    /// Rows that name stored images: the number of each, against the files and the model.
    private mutating func readImages(
        _ recipe: Recipe, _ stage: Stage, _ kind: DataKind, _ source: DataSource, _ place: String, _ key: String
    ) throws {
        let factory = ModelFactory(
            recipe: recipe, models: [:], device: try Device("cpu"), seed: recipe.seed, images: images, corpus: { [] })
        if let config = try factory.imageConfig(recipe.origin(of: stage).policy) { _ = try images?.fitting(config, recipe) }
        var faults: [DataError] = []
        let dataset = try TaskFiles(recipe: recipe, images: images).dataset(source, for: kind) { faults.append($0) }
        var counts = RowCounts(rows: dataset.rows.count)
        counts.precede(with: faults.map(\.description))
        var refusal: String?
        do { try counts.require(place == "evaluation" ? key : "stage '\(place)': \(key)", stage.data, dataset) } catch {
            refusal = plainWords(error)
        }
        entries.append(
            Entry(
                stage: place, key: key, counts: counts,
                sentence: (["\(dataset.rows.count) rows of stored images"] + dataset.remarks).joined(separator: ", "),
                remarks: dataset.remarks, refusal: refusal))
    }

    private mutating func codec(of stage: Stage, _ recipe: Recipe) throws -> any TextCodec {
        let origin = recipe.origin(of: stage)
        let key = try JSON.text(origin.policy.node.json) + JSON.text(origin.data.node.json)
        let own = try codecs[key] ?? recipe.ownCodec(of: origin)
        codecs[key] = own
        return recipe.codec(of: stage, reading: own)
    }
}

extension Recipe {
    /// A stage, the stage that made its policy, and so on.
    func chain(of stage: Stage) -> [Stage] {
        var chain = [stage]
        while case .stage(let earlier)? = chain.last?.policy, let found = stages.first(where: { $0.name == earlier }) {
            chain.append(found)
        }
        return chain
    }

    /// The stage whose model a stage's chain of models begins with.
    func origin(of stage: Stage) -> Stage { chain(of: stage).last ?? stage }

    /// How a stage reads text: the tokenizer of the first model of its chain, and the nearest chat template.
    func codec(of stage: Stage) throws -> any TextCodec {
        codec(of: stage, reading: try ownCodec(of: origin(of: stage)))
    }

    fileprivate func codec(of stage: Stage, reading own: any TextCodec) -> any TextCodec {
        // Each stage leaves its template in its model's folder, where the next one finds it.
        (own as? TokenizerCodec).map { text in chain(of: stage).reversed().reduce(text) { $0.with($1.data.chat) } } ?? own
    }

    /// The codec of a model that no earlier stage made.
    fileprivate func ownCodec(of origin: Stage) throws -> any TextCodec {
        let files = TaskFiles(recipe: self)
        return try ModelFactory(recipe: self, models: [:], device: try Device("cpu"), seed: seed) {
            try StageSetup.corpus(origin, files)
        }.textCodec(origin.policy)
    }
}
