import ZooBase

/// Which variants are better than which, as far as their seeds can tell: a partial order.
///
/// Two variants are ranked only where the 95% interval of their ``PairedDifference`` excludes 0. Each pair is judged on its own,
/// without a correction for their number.
///
/// ```swift
/// Ranking(of: ["ppo", "grpo", "dpo"], scores).text   // "ppo > grpo; dpo and grpo not separated with 3 seeds"
/// ```
public struct Ranking: Sendable, Equatable {
    /// The variants that have scores, the highest mean first.
    public let variants: [String]
    /// Fewest and most base models that a pair shares, or of a single one seeds; nil if fewer than two variants have scores.
    public let units: ClosedRange<Int>?
    /// Whether `units` counts base models.
    private let isOverBases: Bool
    /// Indices into `variants` of those that each is better than.
    private let worse: [Set<Int>]

    /// - Parameter scores: by variant; higher is better.
    public init(of variants: [String], _ scores: [String: Scores]) {
        func mean(_ name: String) -> Double {
            scores[name]?.unitMeans.mean ?? .nan
        }
        let order = variants.filter { !(scores[$0]?.values.isEmpty ?? true) }.sorted { mean($0) > mean($1) }
        var worse = [Set<Int>](repeating: [], count: order.count)
        var counts: [Int] = []
        var isOverBases = false
        for (first, a) in order.enumerated() {
            for (second, b) in order.enumerated().dropFirst(first + 1) {
                guard let x = scores[a], let y = scores[b], let difference = PairedDifference(x, y) else {
                    counts.append(0)
                    continue
                }
                counts.append(difference.units)
                isOverBases = isOverBases || difference.isOverBases
                // With other runs in common than the means are of, the lower mean may win the pair.
                if difference.isSeparated {
                    if difference.mean > 0 { worse[first].insert(second) } else { worse[second].insert(first) }
                }
            }
        }
        self.variants = order
        self.worse = worse
        self.isOverBases = isOverBases
        units = counts.min().flatMap { fewest in counts.max().map { fewest...$0 } }
    }

    public func isBetter(_ a: String, than b: String) -> Bool {
        guard let first = variants.firstIndex(of: a), let second = variants.firstIndex(of: b) else { return false }
        return worse[first].contains(second)
    }

    /// The same for many variants, whose chains and ties would fill a paragraph: a line for each, the highest mean first, with those
    /// that it is better than: `ppo > grpo and dpo`, `grpo > dpo`, `dpo`.
    public var lines: [String] {
        variants.indices.map { worse[$0].isEmpty ? variants[$0] : "\(variants[$0]) > \(list(worse[$0].sorted()))" }
    }

    /// What can be said, and what cannot: `ppo > grpo > dpo`, or `ppo > grpo; dpo and grpo not separated with 3 seeds`.
    ///
    /// Empty where fewer than two variants have scores.
    public var text: String {
        guard let units else { return "" }
        if units.upperBound < 2 { return "no ranking: \(list(variants.indices)) share fewer than two seeds" }
        let ties = cliques
        let missing =
            switch ties.count {
            case 0: [String]()
            case 1: ["\(list(ties[0])) not separated with \(count)"]
            default: ["not separated with \(count): " + ties.map { list($0) }.joined(separator: "; ")]
            }
        return (chains + missing).joined(separator: "; ")
    }

    /// `3 seeds`, `2 to 3 seeds`, `3 base models`.
    public var count: String {
        guard let units else { return "" }
        let number = units.lowerBound == units.upperBound ? "\(units.upperBound)" : "\(units.lowerBound) to \(units.upperBound)"
        return "\(number) \(isOverBases ? "base models" : "seeds")"
    }

    /// `a > b > c` and `a and b > c`; what follows from two others is left out.
    private var chains: [String] {
        let direct = worse.map { all in all.filter { low in !all.contains { worse[$0].contains(low) } }.sorted() }
        var isSaid = Set<Int>()
        return variants.indices.compactMap { first in
            guard !direct[first].isEmpty, !isSaid.contains(first) else { return nil }
            // All that are better than the same ones speak in one sentence.
            var current = variants.indices.filter { direct[$0] == direct[first] && !isSaid.contains($0) }
            var text = list(current)
            while let next = current.first.map({ direct[$0] }), !next.isEmpty {
                isSaid.formUnion(current)
                text += " > " + list(next)
                // It continues only where it stays one sentence.
                guard next.allSatisfy({ direct[$0] == direct[next[0]] && !isSaid.contains($0) }) else { break }
                current = next
            }
            return text
        }
    }

    /// Groups within which nothing is separated, so that each pair that is not lies in one.
    private var cliques: [[Int]] {
        func isTied(_ a: Int, _ b: Int) -> Bool { !worse[a].contains(b) && !worse[b].contains(a) }
        var found: [[Int]] = []
        for first in variants.indices {
            for second in variants.indices.dropFirst(first + 1) where isTied(first, second) {
                if found.contains(where: { $0.contains(first) && $0.contains(second) }) { continue }
                let rest = variants.indices.filter { $0 != first && $0 != second }
                found.append(
                    rest.reduce(into: [first, second]) { group, other in
                        if group.allSatisfy({ isTied($0, other) }) { group.append(other) }
                    }.sorted())
            }
        }
        return found
    }

    private func list(_ indices: some Sequence<Int>) -> String {
        let names = indices.map { variants[$0] }
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }
}
