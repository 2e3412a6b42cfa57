/// Preference pairs straight from people's ratings, without any model in between.
///
/// People rated single snippets, not two continuations of one prompt. So two snippets form a pair if they start with
/// the same words and their mean ratings are more than ``smallestGap`` apart: what they share is the prompt, the better
/// rated continuation is `chosen` and the other `rejected`. They are sentences about different films; the pairs say which
/// tone people call positive, not which of two answers is the better one.
enum HumanPreferences {
    /// In points of the scale from -4 to 4.
    static let smallestGap = 1.0
    /// The first words by which snippets are brought together: as many as find a partner, then fewer.
    private static let sharedWords = [4, 3, 2, 1]

    /// Pairs in which every snippet comes at most once, in an order that depends on the snippets alone.
    static func pairs(from snippets: [ReviewSnippet]) -> [Row] {
        var pairs: [Row] = []
        var left = snippets
        for count in sharedWords {
            let (long, short) = left.partitioned { $0.words.count > count }
            let groups = Dictionary(grouping: long) { $0.words.prefix(count).joined(separator: " ") }
            left = short
            for key in groups.keys.sorted() {
                let group = groups[key] ?? []
                let (made, unpaired) = pairUp(group)
                pairs += made
                left += unpaired
            }
        }
        return pairs
    }

    /// Pairs the upper half of a group with its lower half, so that the gaps are alike rather than extreme.
    private static func pairUp(_ group: [ReviewSnippet]) -> (pairs: [Row], unpaired: [ReviewSnippet]) {
        let sorted = group.sorted { ($0.rating, $0.text) < ($1.rating, $1.text) }
        let half = sorted.count / 2
        var pairs: [Row] = []
        var unpaired = sorted.count % 2 == 1 ? [sorted[half]] : []
        for (worse, better) in zip(sorted.prefix(half), sorted.suffix(half)) {
            if better.rating - worse.rating > smallestGap, let row = pair(better, worse) {
                pairs.append(row)
            } else {
                unpaired += [worse, better]
            }
        }
        return (pairs, unpaired)
    }

    /// The pair with the words both begin with as its prompt; nil if one of them has no words left.
    private static func pair(_ better: ReviewSnippet, _ worse: ReviewSnippet) -> Row? {
        let shared = zip(better.words, worse.words).prefix { $0 == $1 }.count
        guard shared < better.words.count, shared < worse.words.count else { return nil }
        let prompt = better.words.prefix(shared).joined(separator: " ")
        func rest(_ snippet: ReviewSnippet) -> String { " " + snippet.words.dropFirst(shared).joined(separator: " ") }
        return Row(
            prompt: prompt, chosen: rest(better), rejected: rest(worse),
            extras: ["chosen_rating": .number(better.rating), "rejected_rating": .number(worse.rating)])
    }
}

extension Array {
    /// The elements for which `belongs` holds, and the others, both in order.
    fileprivate func partitioned(by belongs: (Element) -> Bool) -> (with: [Element], without: [Element]) {
        (filter(belongs), filter { !belongs($0) })
    }
}
