/// How ragged sequences are packed for one forward pass: which steps are computed, in what order, and which are used.
///
/// Sequences are ordered by length so that those of similar length attend together with little padding; everything
/// outside of attention runs over the packed rows alone. What the sequences of a bucket have before their first action,
/// such as a group's prompt, is there once.
struct SequenceLayout {
    /// Sequences of similar length.
    struct Bucket: Equatable {
        /// Its packed rows.
        let rows: Range<Int>
        let batch: Int, length: Int
        /// For each of the `batch · length` places its row within the bucket, -1 for padding; nil if each row lies at its own number.
        let places: [Int]?
        /// For each row its first place; nil if each row lies at its own number.
        let packed: [Int]?
    }

    /// Token of each packed row.
    let tokens: [Int]
    /// Its place in its sequence.
    let positions: [Int]
    let buckets: [Bucket]
    /// Sequences in packed order, those without rows left out.
    let order: [Int]
    /// The packed row of each sequence's first step, as if its rows followed each other; those before its first action may be another
    /// sequence's. Meaningless where it has none.
    let firstRow: [Int]

    var rowCount: Int { tokens.count }
    var longest: Int { buckets.map(\.length).max() ?? 0 }

    init(_ batch: Sequences, _ plan: PackingPlan) {
        order = plan.buckets.flatMap { $0.map(\.sequence) }
        var tokens: [Int] = []
        var positions: [Int] = []
        var buckets: [Bucket] = []
        var firstRow = [Int](repeating: -1, count: batch.count)
        for members in plan.buckets {
            let begin = tokens.count
            let longest = members[0].length
            for member in members {
                firstRow[member.sequence] = tokens.count - member.shared
                let steps = batch.steps(member.sequence)
                for position in member.shared..<member.length { tokens.append(Int(batch.tokens[steps.lowerBound + position])) }
                positions.append(contentsOf: member.shared..<member.length)
            }
            let isPlain = members.allSatisfy { $0.length == longest && $0.shared == 0 }
            let (places, packed) = isPlain ? (nil, nil) : Self.places(members, firstRow.map { $0 - begin })
            buckets.append(
                Bucket(rows: begin..<tokens.count, batch: members.count, length: longest, places: places, packed: packed))
        }
        self.tokens = tokens
        self.positions = positions
        self.buckets = buckets
        self.firstRow = firstRow
    }

    /// - Parameter first: each sequence's first row within the bucket.
    private static func places(_ members: [PackingPlan.Member], _ first: [Int]) -> (places: [Int], packed: [Int]) {
        let longest = members[0].length
        var packed: [Int] = []
        var places: [Int] = []
        for (index, member) in members.enumerated() {
            let shared = (0..<member.shared).map { first[member.owner] + $0 }
            let own = (member.shared..<member.length).map { first[member.sequence] + $0 }
            places += shared + own + Array(repeating: -1, count: longest - member.length)
            packed += own.indices.map { index * longest + member.shared + $0 }
        }
        return (places, packed)
    }
}

/// Which steps of each sequence one forward pass computes, and where.
struct PackingPlan {
    struct Member: Equatable {
        let sequence: Int
        /// Its leading steps that are needed, and how many of them are computed as those of `owner`, an earlier sequence of the bucket.
        let length: Int, shared: Int
        let owner: Int

        /// Steps that are computed for it.
        var rows: Int { length - shared }
    }

    /// Sequences of similar length, the longest first; those without rows are left out.
    private(set) var buckets: [[Member]] = []

    /// How many leading steps of each of `count` sequences are needed.
    func lengths(of count: Int) -> [Int] {
        buckets.joined().reduce(into: Array(repeating: 0, count: count)) { $0[$1.sequence] = $1.length }
    }

    /// - Parameters:
    ///   - lengths: the leading steps of each sequence that are needed.
    ///   - slack: the shortest sequence of a bucket, as a share of its longest; 1 allows no padding at all. Padding costs attention
    ///     alone, which is little in short sequences.
    ///   - shares: whether what comes before the first action is computed once for all sequences of a bucket that begin with it.
    init(_ batch: Sequences, lengths: [Int], slack: Double? = nil, shares: Bool = true) {
        let order = (0..<batch.count).filter { lengths[$0] > 0 }.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
        var next = 0
        while next < order.count {
            let longest = lengths[order[next]]
            let shortest = Int((Double(longest) * (slack ?? (longest <= 256 ? 0.5 : 0.8))).rounded(.up))
            let members = order[next...].prefix { lengths[$0] >= shortest }
            var owners: [ArraySlice<Int32>: Int] = [:]
            buckets.append(
                members.map { sequence in
                    let steps = batch.steps(sequence)
                    // The last step before the first action is each sequence's own: that action is taken from it.
                    let context = (batch.mask[steps].firstIndex(of: true) ?? steps.lowerBound) - steps.lowerBound - 1
                    guard shares, context > 0, context < lengths[sequence] else {
                        return Member(sequence: sequence, length: lengths[sequence], shared: 0, owner: sequence)
                    }
                    let start = batch.tokens[steps].prefix(context)
                    let owner = owners[start] ?? sequence
                    owners[start] = owner
                    return Member(
                        sequence: sequence, length: lengths[sequence], shared: owner == sequence ? 0 : context, owner: owner)
                })
            next += members.count
        }
    }
}
