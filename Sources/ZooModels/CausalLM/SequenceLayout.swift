/// How ragged sequences are packed for one forward pass: which steps are computed, in what order, and which are used.
///
/// Sequences are ordered by length so that those of similar length attend together with little padding; everything
/// outside of attention runs over the packed rows alone.
struct SequenceLayout {
    /// Sequences of similar length.
    struct Bucket: Equatable {
        /// Its packed rows.
        let rows: Range<Int>
        let batch: Int, length: Int
        /// For each of the `batch · length` places its row within the bucket, -1 for padding; nil if all lengths are equal.
        let places: [Int]?
        /// For each row its place; nil if all lengths are equal.
        let packed: [Int]?
    }

    /// Token of each packed row.
    let tokens: [Int]
    /// Its place in its sequence.
    let positions: [Int]
    let buckets: [Bucket]
    /// Sequences in packed order, those without rows left out.
    let order: [Int]
    /// First packed row of each sequence; -1 if it has none.
    let firstRow: [Int]

    var rowCount: Int { tokens.count }
    var longest: Int { buckets.map(\.length).max() ?? 0 }

    /// - Parameters:
    ///   - lengths: the leading steps of each sequence that are computed.
    ///   - slack: the shortest sequence of a bucket, as a share of its longest; 1 allows no padding at all.
    init(_ batch: Sequences, lengths: [Int], slack: Double = 0.8) {
        order = (0..<batch.count).filter { lengths[$0] > 0 }.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
        var tokens: [Int] = []
        var positions: [Int] = []
        var buckets: [Bucket] = []
        var firstRow = [Int](repeating: -1, count: batch.count)
        tokens.reserveCapacity(lengths.reduce(0, +))
        positions.reserveCapacity(tokens.capacity)
        var next = 0
        while next < order.count {
            let longest = lengths[order[next]]
            let shortest = Int((Double(longest) * slack).rounded(.up))
            let members = order[next...].prefix { lengths[$0] >= shortest }
            let begin = tokens.count
            for sequence in members {
                firstRow[sequence] = tokens.count
                let steps = batch.steps(sequence).prefix(lengths[sequence])
                for step in steps { tokens.append(Int(batch.tokens[step])) }
                positions.append(contentsOf: 0..<steps.count)
            }
            let even = members.allSatisfy { lengths[$0] == longest }
            buckets.append(
                Bucket(
                    rows: begin..<tokens.count, batch: members.count, length: longest,
                    places: even ? nil : Self.places(members.map { lengths[$0] }, longest),
                    packed: even ? nil : Self.packed(members.map { lengths[$0] }, longest)))
            next += members.count
        }
        self.tokens = tokens
        self.positions = positions
        self.buckets = buckets
        self.firstRow = firstRow
    }

    private static func places(_ lengths: [Int], _ longest: Int) -> [Int] {
        var row = 0
        return lengths.flatMap { length in
            defer { row += length }
            return (0..<longest).map { $0 < length ? row + $0 : -1 }
        }
    }

    private static func packed(_ lengths: [Int], _ longest: Int) -> [Int] {
        lengths.enumerated().flatMap { index, length in (0..<length).map { index * longest + $0 } }
    }
}
