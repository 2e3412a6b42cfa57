import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooServices

/// What a stage's rewards say of given completions, without any model.
public struct RewardTrial: Sendable {
    /// A completion and its rewards.
    public struct Line: Sendable {
        public var prompt: String
        public var completion: String
        /// The weighted sum; NaN: no reward scores it.
        public var total: Double
        /// By reward, in the order of ``RewardTrial/names``.
        public var rewards: [Double]
    }

    /// Where completions come from.
    public enum Completions: Sendable {
        /// The dataset's own.
        case data
        /// Given ones, the first for the first prompt and so on.
        case texts([String])
        /// A file of rows with prompt and completion.
        case rows(URL)
    }

    public let stage: String
    /// Where the completions come from, in words.
    public let origin: String
    /// The rewards, and what programs make theirs of: `NAME/PART`.
    public let names: [String]
    public let lines: [Line]
    /// Rewards that are left out, with the reason.
    public let leftOut: [String]

    /// - Parameters:
    ///   - name: the stage; the last one with rewards unless given.
    ///   - count: completions at most.
    public init(_ recipe: Recipe, stage name: String?, count: Int, completions: Completions) throws {
        let stage = try Self.stage(name, of: recipe)
        let files = TaskFiles(recipe: recipe)
        let (items, origin) =
            try recipe.makesImages
            ? Self.images(recipe, stage, files, completions, count) : Self.texts(recipe, stage, files, completions, count)
        var (names, columns, leftOut): ([String], [[Double]], [String]) = ([], [], [])
        var totals = [Double](repeating: .nan, count: items.count)
        for spec in stage.rewards {
            guard let scores = try Self.scores(spec, items, recipe, files) else {
                let need =
                    switch spec.function {
                    case RewardSpec.model: "its trained model"
                    default: "the task's images or table"
                    }
                leftOut.append("\(spec.name) (it needs \(need))")
                continue
            }
            for (index, score) in scores.totals.enumerated() where !score.isNaN {
                totals[index] = (totals[index].isNaN ? 0 : totals[index]) + spec.weight * score
            }
            names += [spec.name] + scores.components.map { "\(spec.name)/\($0.name)" }
            columns += [scores.totals] + scores.components.map(\.values)
        }
        if stage.environment != nil { leftOut.append("environment (it answers a policy)") }
        guard !names.isEmpty else {
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): stage '\(stage.name)' has no reward to try: \(leftOut.joined(separator: ", "))")
        }
        (self.stage, self.origin, self.names, self.leftOut) = (stage.name, origin, names, leftOut)
        lines = items.indices.map { index in
            Line(
                prompt: items[index].prompt, completion: items[index].completion, total: totals[index],
                rewards: columns.map { $0[index] })
        }
    }

    private static func stage(_ name: String?, of recipe: Recipe) throws -> Stage {
        guard let name else {
            guard let stage = recipe.stages.last(where: { !$0.rewards.isEmpty || $0.environment != nil }) else {
                throw ZooError(.invalidArgument, "\(recipe.file.path): no stage has 'rewards'")
            }
            return stage
        }
        guard let stage = recipe.stages.first(where: { $0.name == name }) else {
            let known = recipe.stages.map(\.name)
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path) has no stage '\(name)'; it has: \(known.joined(separator: ", "))\(didYouMean(name, among: known))"
            )
        }
        return stage
    }

    private static func texts(
        _ recipe: Recipe, _ stage: Stage, _ files: TaskFiles, _ completions: Completions, _ count: Int
    ) throws -> ([RewardItem], String) {
        let (rows, origin) = try rows(recipe, stage, files, completions)
        let tokens = TokenizedRows(codec: try recipe.codec(of: stage), maxPromptLength: .max, maxLength: .max)
        return (try rows.prefix(count).map { try item($0, tokens) }, origin)
    }

    /// Images of the stage's data, in place of completions: the rows' own, or both of each pair.
    private static func images(
        _ recipe: Recipe, _ stage: Stage, _ files: TaskFiles, _ completions: Completions, _ count: Int
    ) throws -> ([RewardItem], String) {
        guard case .data = completions else {
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): its policies make images, so there are no completions to give; without --completion and --file, "
                    + "the images of its data are scored")
        }
        for own in recipe.chain(of: stage) {
            for kind in [DataKind.prompts, .examples, .pairs] {
                guard let source = own.data[kind] else { continue }
                if case .build = source { continue }
                let items = try files.dataset(source, for: kind).rows.prefix(count).flatMap { row -> [RewardItem] in
                    guard let item = row.image else { return [] }
                    let images = item.pair.map { [$0.chosen, $0.rejected] } ?? [item.content].compactMap(\.self)
                    return images.map { content in
                        RewardItem(
                            prompt: row.prompt ?? "", completion: "", extras: row.extras,
                            image: SampledImage(
                                sample: content.image, prompt: item.prompt, isLatent: recipe.images != nil))
                    }
                }
                if !items.isEmpty { return (Array(items.prefix(count)), "data.\(kind.rawValue) of stage '\(own.name)'") }
            }
        }
        throw ZooError(
            .invalidArgument, "\(recipe.file.path): the data of stage '\(stage.name)' has prompts without images to score")
    }

    /// Rows with completions, and where they are from.
    private static func rows(_ recipe: Recipe, _ stage: Stage, _ files: TaskFiles, _ completions: Completions) throws -> (
        [Row], String
    ) {
        switch completions {
        case .rows(let url):
            return (try Dataset.load(jsonl: url, expecting: [.promptCompletion]).rows, url.path)
        case .texts(let texts):
            guard let source = stage.data.prompts else {
                throw ZooError(
                    .invalidArgument,
                    "\(recipe.file.path): stage '\(stage.name)' has no 'data.prompts' to go with the completions")
            }
            let prompts = try files.dataset(source, for: .prompts).rows
            return (zip(prompts, texts).map { $0.answered($1) }, "the given completions")
        case .data:
            // The stage's own, or those that its model learnt from.
            for own in recipe.chain(of: stage) {
                for kind in [DataKind.prompts, .examples, .pairs] {
                    guard let source = own.data[kind] else { continue }
                    if case .build = source { continue }
                    let rows = try files.dataset(source, for: kind).rows.flatMap(\.answers)
                    if !rows.isEmpty { return (rows, "data.\(kind.rawValue) of stage '\(own.name)'") }
                }
            }
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): the data of stage '\(stage.name)' has prompts without completions; give some by --completion "
                    + "or --file")
        }
    }

    private static func item(_ row: Row, _ tokens: TokenizedRows) throws -> RewardItem {
        let sequence = try tokens.completion(row, row.completion, row.chat?.completion)
        let actions = sequence.tokens.indices.filter { sequence.mask[$0] }.map { sequence.tokens[$0] }
        var item = RewardItem(
            prompt: row.prompt ?? row.chat?.prompt.map(\.content).joined(separator: "\n") ?? "",
            completion: row.completion ?? row.chat?.completion?.last?.content ?? "", extras: row.extras, steps: actions.count)
        item.messages = row.chat?.prompt
        item.tokens = actions
        return item
    }

    /// nil for a reward that needs more than rows.
    private static func scores(_ spec: RewardSpec, _ items: [RewardItem], _ recipe: Recipe, _ files: TaskFiles) throws
        -> ProgramScores?
    {
        if let program = spec.program { return try RewardProgram(spec, program).scores(items, iteration: 0) }
        if let library = spec.library { return try LibraryReward.scores(spec, library, items) }
        guard spec.readsRowsAlone else { return nil }
        let function = try RewardKind.make(
            spec.function, parameters: files.resolve(spec.parameters), folder: recipe.file.deletingLastPathComponent())
        return ProgramScores(totals: try items.map(function.score), components: [], steps: items.map { _ in nil })
    }
}

extension Row {
    /// The row with that completion alone.
    fileprivate func answered(_ completion: String) -> Row {
        var row = self
        guard row.chat != nil else {
            row.completion = completion
            return row
        }
        row.chat?.completion = [ChatMessage(role: "assistant", content: completion)]
        return row
    }

    /// The row with each of its completions; empty where it has none.
    fileprivate var answers: [Row] {
        let texts = [completion, chosen, rejected].compactMap(\.self)
        if !texts.isEmpty { return texts.map(answered) }
        return [chat?.completion, chat?.chosen, chat?.rejected].compactMap { turns in
            turns?.last.map { answered($0.content) }
        }
    }
}
