/// The two sequences of a preference, by their places in a batch.
public struct Pair: Sendable, Equatable {
    public let chosen: Int
    public let rejected: Int

    public init(chosen: Int, rejected: Int) {
        self.chosen = chosen
        self.rejected = rejected
    }

    /// The pairs of a batch by its columns `pair` and `chosen`. Throws where a pair is not one chosen and one rejected sequence,
    /// or where there is none.
    public static func all(in batch: Batch) throws -> [Pair] {
        let numbers = try batch.integers("pair")
        let chosen = try batch.integers("chosen")
        guard !numbers.isEmpty else { throw ZooError(.invalidArgument, "the batch has no pair; expected at least one") }
        return try members(of: numbers).map { places in
            let winners = places.filter { chosen[$0] != 0 }
            let losers = places.filter { chosen[$0] == 0 }
            guard winners.count == 1, losers.count == 1 else {
                let found = "\(winners.count) chosen and \(losers.count) rejected sequences"
                throw ZooError(.invalidArgument, "pair \(numbers[places[0]]) has \(found); expected one of each")
            }
            return Pair(chosen: winners[0], rejected: losers[0])
        }
    }
}
