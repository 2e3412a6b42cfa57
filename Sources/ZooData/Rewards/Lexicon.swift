import Foundation

/// Words with the mean valence that people gave them, from -4 (most negative) to 4 (most positive).
///
/// The file has a line per word: word, tab, mean valence; further columns are ignored. VADER's lexicon is one: Hutto and
/// Gilbert, "VADER: a parsimonious rule-based model for sentiment analysis of social media text", ICWSM 2014.
public struct Lexicon: Sendable {
    public let valences: [String: Double]

    public init(valences: [String: Double]) { self.valences = valences }

    /// - Throws: ``DataError`` naming file and line.
    public init(contentsOf file: URL) throws {
        var reader = try LineReader(file)
        var valences: [String: Double] = [:]
        while let line = try reader.next() {
            if line.isEmpty { continue }
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count >= 2, !columns[0].isEmpty, let valence = Double(columns[1]), -4...4 ~= valence else {
                throw DataError(
                    "\(file.path):\(reader.lineNumber)", "expected a word, a tab and its mean valence from -4 to 4")
            }
            valences[String(columns[0])] = valence
        }
        guard !valences.isEmpty else { throw DataError(file.path, "has no words") }
        self.valences = valences
    }

    /// The mean valence of the words of `text` that the lexicon rates; 0 if it rates none.
    ///
    /// `(1 / |M|) Σ_{w in M} valence(w)`, M the rated words with repetition. Words stand between white space; each is looked
    /// up as it is (`:-)`), then in lower case without punctuation around it. Negation is not looked at: "not good" counts
    /// as "good".
    public func valence(of text: String) -> Double {
        let rated = text.split(whereSeparator: \.isWhitespace).compactMap(valence(ofWord:))
        return rated.isEmpty ? 0 : rated.reduce(0, +) / Double(rated.count)
    }

    private func valence(ofWord word: Substring) -> Double? {
        if let valence = valences[String(word)] { return valence }
        let isPunctuation = { (character: Character) in !character.isLetter && !character.isNumber }
        guard let first = word.firstIndex(where: { !isPunctuation($0) }),
            let last = word.lastIndex(where: { !isPunctuation($0) })
        else { return nil }
        return valences[word[first...last].lowercased()]
    }
}

/// The mean human valence of the completion's words.
public struct LexiconReward: RewardFunction {
    public let name = "lexicon"
    let lexicon: Lexicon
    let includesPrompt: Bool

    public init(lexicon: Lexicon, includesPrompt: Bool = false) {
        self.lexicon = lexicon
        self.includesPrompt = includesPrompt
    }

    public func score(_ item: RewardItem) -> Double {
        lexicon.valence(of: includesPrompt ? item.prompt + item.completion : item.completion)
    }
}
