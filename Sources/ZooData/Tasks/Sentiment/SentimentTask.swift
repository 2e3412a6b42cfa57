import Foundation
import ZooBase

/// The sentiment task: steer a small language model of movie reviews towards positive ones.
///
/// After the controlled-sentiment experiment of Rafailov et al., "Direct preference optimization" (2023), section 6, on
/// review snippets that about 20 people each rated from -4 to 4: Hutto and Gilbert, "VADER" (ICWSM 2014).
///
/// ``prepare(from:into:seed:)`` writes these files. *Held out* are ``heldOut`` snippets that no training file holds.
///
/// | file | columns | what it is for |
/// |---|---|---|
/// | `base.jsonl` | text | the supervised base model: all snippets that are not held out |
/// | `base-validation.jsonl` | text | its validation loss: the held-out snippets |
/// | `ratings-proxy.jsonl` | text, rating | the reward model that algorithms train against: half of the not held-out snippets |
/// | `ratings-gold.jsonl` | text, rating | the reward model that judges them: the other half |
/// | `ratings-held-out.jsonl` | text, rating | how well either orders pairs as people do: the held-out snippets |
/// | `prompts-train.jsonl` | prompt | the first 4 to 6 words of snippets that are not held out |
/// | `prompts-eval.jsonl` | prompt | the first 4 to 6 words of held-out snippets |
/// | `preferences-human.jsonl` | prompt, chosen, rejected | pairs straight from people's ratings, see ``HumanPreferences`` |
/// | `lexicon.tsv` | | words with their human valence, for the `lexicon` reward |
public struct SentimentTask: Task {
    public static let name = "sentiment"
    public static let summary = "continue reviews of films so that people would call them positive"
    public static let modality = TaskModality.text
    public static let raw: RawFiles? = .sentiment
    public static let files = [
        TaskFile("base.jsonl", "texts for the base model"),
        TaskFile("base-validation.jsonl", "held-out texts"),
        TaskFile("ratings-proxy.jsonl", "rated texts for the reward model that is trained against"),
        TaskFile("ratings-gold.jsonl", "rated texts for the reward model that judges"),
        TaskFile("ratings-held-out.jsonl", "held-out rated texts"),
        TaskFile("prompts-train.jsonl", "first words to continue"),
        TaskFile("prompts-eval.jsonl", "held-out first words"),
        TaskFile("preferences-human.jsonl", "pairs from people's ratings"),
        TaskFile("lexicon.tsv", "words with their human valence, for the reward 'lexicon'", isDataset: false),
    ]

    /// The number of snippets that nothing is trained on.
    public static let heldOut = 1_000
    /// The words of a prompt.
    static let promptWords = 4...6
    /// The fewest words that must follow a prompt: a snippet that ends there shows nothing about continuing.
    static let fewestWordsAfterPrompt = 3

    public init(_ settings: Settings, seed: UInt64) {}

    public var content: TaskContent {
        .files(
            TaskFolder(
                name: { content in "prepared-\(Self.heldOut)-\(content)" },
                write: { raw, folder in try Self.prepare(from: raw, into: folder, seed: 0) }))
    }

    /// Splits the downloaded reviews and writes the task's files; equal seeds give equal files on every machine.
    ///
    /// - Parameters:
    ///   - raw: the folder with `movie-reviews.tsv` and `lexicon.tsv`.
    ///   - folder: is written atomically, in place of what was there.
    /// - Throws: ``DataError`` naming the file.
    public static func prepare(from raw: URL, into folder: URL, seed: UInt64) throws {
        let snippets = try ReviewSnippet.load(raw.appendingPathComponent("movie-reviews.tsv"))
        guard snippets.count > 2 * heldOut else {
            throw DataError(
                raw.appendingPathComponent("movie-reviews.tsv").path,
                "has \(snippets.count) different snippets; expected more than \(2 * heldOut): download it again")
        }
        let lexicon = raw.appendingPathComponent("lexicon.tsv")
        _ = try Lexicon(contentsOf: lexicon)
        let datasets = split(snippets, seed: seed)

        try OutputFolder.write(folder, existing: .replace) { part in
            for dataset in datasets { try dataset.write(jsonl: part.appendingPathComponent("\(dataset.name).jsonl")) }
            try FileManager.default.copyItem(at: lexicon, to: part.appendingPathComponent("lexicon.tsv"))
        }
    }

    /// The task's datasets.
    static func split(_ snippets: [ReviewSnippet], seed: UInt64) -> [Dataset] {
        var generator = SplitMix64(seed: seed, stream: 0)
        let shuffled = generator.permutation(snippets.count).map { snippets[$0] }
        let heldOutSnippets = Array(shuffled.prefix(heldOut))
        let training = Array(shuffled.dropFirst(heldOut))
        let proxy = Array(training.prefix(training.count / 2))
        let gold = Array(training.dropFirst(training.count / 2))

        var prompts: Set<String> = []
        let evaluationPrompts = Self.prompts(from: heldOutSnippets, apartFrom: &prompts, generator: &generator)
        let trainingPrompts = Self.prompts(from: training, apartFrom: &prompts, generator: &generator)
        return [
            texts("base", training),
            texts("base-validation", heldOutSnippets),
            ratings("ratings-proxy", proxy),
            ratings("ratings-gold", gold),
            ratings("ratings-held-out", heldOutSnippets),
            Dataset(name: "prompts-train", shape: .prompt, rows: trainingPrompts),
            Dataset(name: "prompts-eval", shape: .prompt, rows: evaluationPrompts),
            // From the proxy's half: the gold ratings stay unseen by whatever is trained.
            Dataset(name: "preferences-human", shape: .preference, rows: HumanPreferences.pairs(from: proxy)),
        ]
    }

    private static func texts(_ name: String, _ snippets: [ReviewSnippet]) -> Dataset {
        Dataset(name: name, shape: .text, rows: snippets.map { Row(text: $0.text) })
    }

    private static func ratings(_ name: String, _ snippets: [ReviewSnippet]) -> Dataset {
        Dataset(
            name: name, shape: .text, rows: snippets.map { Row(text: $0.text, extras: ["rating": .number($0.rating)]) })
    }

    /// The first words of each snippet that is long enough; none that is in `known` already.
    private static func prompts(
        from snippets: [ReviewSnippet], apartFrom known: inout Set<String>, generator: inout SplitMix64
    ) -> [Row] {
        snippets.compactMap { snippet in
            let count = promptWords.lowerBound + generator.next(below: promptWords.count)
            guard snippet.words.count >= count + fewestWordsAfterPrompt else { return nil }
            let prompt = snippet.words.prefix(count).joined(separator: " ")
            return known.insert(prompt).inserted ? Row(prompt: prompt) : nil
        }
    }
}

extension RawFiles {
    static let sentiment = RawFiles(
        "sentiment", files: ["movie-reviews.tsv", "lexicon.tsv"], about: "2 MB of rated review snippets, through pip",
        script: PackageResources.fetch_sentiment_sh)
}
