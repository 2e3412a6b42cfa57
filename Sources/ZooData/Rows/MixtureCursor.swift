import ZooBase

/// A place in the endless walk over a mixture: each row is drawn from one of several sources by weight, and each source is walked
/// epoch after epoch in its own shuffled order.
///
/// The walk depends only on the seed, the weights and the numbers of rows, so a saved cursor continues exactly where it was.
public struct MixtureCursor: Codable, Hashable, Sendable {
    let weights: [Double]
    private(set) var sources: [DataCursor]
    /// Draws the sources.
    private var generator: SplitMix64

    /// - Parameters:
    ///   - counts: the rows of each source, at least one.
    ///   - weights: of each source, positive.
    public init(counts: [Int], weights: [Double], seed: UInt64) {
        precondition(!counts.isEmpty && counts.count == weights.count && weights.allSatisfy { $0 > 0 })
        self.weights = weights
        // Streams of their own: those of a single dataset are its epochs.
        var seeds = SplitMix64(seed: seed, stream: 1 << 32)
        sources = counts.map { DataCursor(count: $0, seed: seeds.next()) }
        generator = SplitMix64(seed: seed, stream: 1 << 33)
    }

    /// The next `n` rows, by their numbers in the sources one after the other.
    public mutating func next(_ n: Int) -> [Int] {
        let total = weights.reduce(0, +)
        var starts = [0]
        for source in sources { starts.append(starts[starts.count - 1] + source.count) }
        return (0..<n).map { _ in
            var left = Double(generator.next() >> 11) * 0x1p-53 * total
            var drawn = 0
            while drawn < weights.count - 1, left >= weights[drawn] {
                left -= weights[drawn]
                drawn += 1
            }
            return starts[drawn] + sources[drawn].next(1)[0]
        }
    }

    /// Passes over each source, the last one in part.
    public var epochs: [Double] { sources.map { Double($0.given) / Double($0.count) } }
}
