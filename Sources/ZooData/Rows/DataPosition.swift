import ZooBase

/// The place in the walk over a dataset, which may be a mixture.
public enum DataPosition: Hashable, Sendable {
    case single(DataCursor)
    case mixture(MixtureCursor)

    /// The beginning of the walk.
    public init(over dataset: Dataset, seed: UInt64) {
        if dataset.sources.isEmpty {
            self = .single(DataCursor(count: dataset.rows.count, seed: seed))
        } else {
            self = .mixture(
                MixtureCursor(
                    counts: dataset.sources.map(\.rows.count), weights: dataset.sources.map(\.weight), seed: seed))
        }
    }

    /// The next `n` rows.
    public mutating func next(_ n: Int) -> [Int] {
        switch self {
        case .single(var cursor):
            defer { self = .single(cursor) }
            return cursor.next(n)
        case .mixture(var cursor):
            defer { self = .mixture(cursor) }
            return cursor.next(n)
        }
    }

    private var cursors: [DataCursor] {
        switch self {
        case .single(let cursor): [cursor]
        case .mixture(let mixture): mixture.sources
        }
    }

    /// The number of rows.
    public var count: Int { cursors.reduce(0) { $0 + $1.count } }
    /// Rows given so far, over all passes.
    public var given: Int { cursors.reduce(0) { $0 + $1.given } }
    /// Passes over each source of a mixture.
    public var epochs: [Double] { if case .mixture(let cursor) = self { cursor.epochs } else { [] } }

    /// Whether it is a place in that dataset.
    public func fits(_ dataset: Dataset) -> Bool {
        switch self {
        case .single(let cursor): dataset.sources.isEmpty && cursor.count == dataset.rows.count
        case .mixture(let cursor):
            cursor.weights == dataset.sources.map(\.weight) && cursor.sources.map(\.count) == dataset.sources.map(\.rows.count)
        }
    }
}

// A cursor alone is written as such: checkpoints of single datasets are the same as before there were mixtures.
extension DataPosition: Codable {
    private enum CodingKeys: String, CodingKey { case sources }

    public init(from decoder: any Decoder) throws {
        let isMixture = try decoder.container(keyedBy: CodingKeys.self).contains(.sources)
        self = isMixture ? .mixture(try MixtureCursor(from: decoder)) : .single(try DataCursor(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .single(let cursor): try cursor.encode(to: encoder)
        case .mixture(let cursor): try cursor.encode(to: encoder)
        }
    }
}
