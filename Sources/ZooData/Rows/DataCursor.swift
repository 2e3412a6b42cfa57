import ZooBase

/// A place in the endless walk over a dataset: epoch after epoch, each in its own shuffled order.
///
/// The order depends only on the seed and the epoch, so a saved cursor continues exactly where it was.
public struct DataCursor: Codable, Hashable, Sendable {
    /// The number of rows.
    public let count: Int
    public let seed: UInt64
    /// Whether the order is shuffled; otherwise it is the file's.
    public let shuffle: Bool
    /// Whole passes made, from 0.
    public private(set) var epoch = 0
    /// Rows given in this epoch.
    public private(set) var index = 0

    /// Rows given so far, over all passes.
    public var given: Int { epoch * count + index }

    private var order: [Int]

    public init(count: Int, seed: UInt64, shuffle: Bool = true) {
        precondition(count > 0, "a cursor needs at least one row")
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
        order = Self.order(count: count, seed: seed, shuffle: shuffle, epoch: 0)
    }

    /// The next `n` rows; a new epoch begins where one ends, also in between.
    public mutating func next(_ n: Int) -> [Int] {
        var rows: [Int] = []
        rows.reserveCapacity(n)
        while rows.count < n {
            if index == count {
                epoch += 1
                index = 0
                if shuffle { order = Self.order(count: count, seed: seed, shuffle: shuffle, epoch: epoch) }
            }
            let taken = min(n - rows.count, count - index)
            rows += order[index..<index + taken]
            index += taken
        }
        return rows
    }

    private static func order(count: Int, seed: UInt64, shuffle: Bool, epoch: Int) -> [Int] {
        guard shuffle else { return Array(0..<count) }
        var generator = SplitMix64(seed: seed, stream: UInt64(epoch))
        return generator.permutation(count)
    }

    private enum CodingKeys: String, CodingKey { case count, seed, shuffle, epoch, index }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        count = try container.decode(Int.self, forKey: .count)
        seed = try container.decode(UInt64.self, forKey: .seed)
        shuffle = try container.decode(Bool.self, forKey: .shuffle)
        epoch = try container.decode(Int.self, forKey: .epoch)
        index = try container.decode(Int.self, forKey: .index)
        guard count > 0, epoch >= 0, 0...count ~= index else {
            throw DecodingError.dataCorruptedError(
                forKey: .index, in: container, debugDescription: "row \(index) of \(count) in epoch \(epoch) does not exist")
        }
        order = Self.order(count: count, seed: seed, shuffle: shuffle, epoch: epoch)
    }
}
