import Foundation
import Testing
import ZooBase
import ZooData

@Suite("the order of the data")
struct DataCursorTests {
    // Made by a transcription of SplitMix64, Lemire's method and Fisher-Yates to Python.
    @Test("the shuffled order is the same on every machine")
    func order() {
        var cursor = DataCursor(count: 8, seed: 7)
        #expect(cursor.next(8) == [0, 1, 4, 6, 2, 7, 3, 5])
        #expect(cursor.next(8) == [0, 1, 4, 5, 2, 7, 6, 3])
        #expect(cursor.next(8) == [2, 0, 6, 3, 1, 7, 5, 4])
    }

    @Test("every epoch visits every row once, whatever the batch size", arguments: [1, 3, 7, 10, 25])
    func epochs(batch: Int) {
        var cursor = DataCursor(count: 10, seed: 42)
        var rows: [Int] = []
        while rows.count < 50 { rows += cursor.next(batch) }
        for epoch in 0..<5 { #expect(rows[epoch * 10..<epoch * 10 + 10].sorted() == Array(0..<10)) }
        #expect(rows[0..<10] != rows[10..<20])
    }

    @Test("batches of any size walk the same order")
    func batches() {
        var (one, other) = (DataCursor(count: 10, seed: 1), DataCursor(count: 10, seed: 1))
        #expect((0..<30).flatMap { _ in one.next(1) } == other.next(13) + other.next(17))
        #expect(one == other)
        #expect((one.epoch, one.index) == (2, 10))
    }

    @Test("a saved cursor goes on where it stood, with seeds of all 64 bits")
    func saving() throws {
        var cursor = DataCursor(count: 100, seed: .max - 1)
        _ = cursor.next(250)
        let data = try JSONEncoder().encode(cursor)
        var restored = try JSONDecoder().decode(DataCursor.self, from: data)
        #expect(restored == cursor)
        #expect(restored.next(333) == cursor.next(333))
        #expect(data.count < 200)
    }

    @Test(
        "a cursor that stands nowhere is refused",
        arguments: [
            #"{"count":3,"seed":1,"shuffle":true,"epoch":0,"index":4}"#,
            #"{"count":0,"seed":1,"shuffle":true,"epoch":0,"index":0}"#,
            #"{"count":3,"seed":1,"shuffle":true,"epoch":-1,"index":0}"#,
        ])
    func badPosition(json: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(DataCursor.self, from: Data(json.utf8)) }
    }

    @Test("without shuffling the order is the file's")
    func unshuffled() {
        var cursor = DataCursor(count: 3, seed: 9, shuffle: false)
        #expect(cursor.next(7) == [0, 1, 2, 0, 1, 2, 0])
    }

    // A walk over one dataset is what it was before there were mixtures, also in a checkpoint.
    @Test("a position in a single dataset is its cursor, and is written as such")
    func single() throws {
        let dataset = Dataset(name: "d", shape: .text, rows: (0..<10).map { Row(text: "\($0)") })
        var (position, cursor) = (DataPosition(over: dataset, seed: 42), DataCursor(count: 10, seed: 42))
        #expect(position.next(13) == cursor.next(13))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(try encoder.encode(position) == encoder.encode(cursor))
        let old = #"{"count": 10, "seed": 42, "shuffle": true, "epoch": 1, "index": 3}"#
        var restored = try JSONDecoder().decode(DataPosition.self, from: Data(old.utf8))
        #expect(restored == position && restored.given == 13 && restored.fits(dataset))
        #expect(restored.next(5) == cursor.next(5))
    }

    @Test("a mixture draws its sources by weight, walks each in epochs of its own, and never leaves one out")
    func mixture() throws {
        // Rows 0 to 9, 10 to 12 and 13.
        var cursor = MixtureCursor(counts: [10, 3, 1], weights: [3, 1, 0.5], seed: 7)
        let rows = cursor.next(9000)
        let sources = [rows.filter { $0 < 10 }, rows.filter { (10...12).contains($0) }, rows.filter { $0 == 13 }]
        // Binomial: the standard deviation of each is below 45.
        for (own, expected) in zip(sources, [6000, 2000, 1000]) { #expect(abs(own.count - expected) < 200) }
        for (own, size) in zip(sources, [10, 3, 1]) {
            for start in stride(from: 0, to: own.count - size, by: size) {
                #expect(Set(own[start..<start + size]).count == size, "a row comes again before its epoch is over")
            }
        }
        #expect(cursor.epochs == zip(sources, [10.0, 3, 1]).map { Double($0.count) / $1 })
        // The smallest share that a recipe can give is drawn too.
        var rare = MixtureCursor(counts: [1, 1], weights: [1, 1e-5], seed: 1)
        #expect(rare.next(1_000_000).contains(1))
    }

    @Test("a mixture that was saved goes on exactly, and depends on the seed alone")
    func savedMixture() throws {
        func make(_ seed: UInt64) -> DataPosition {
            .mixture(MixtureCursor(counts: [5, 7], weights: [1, 2], seed: seed))
        }
        var position = make(3)
        let first = position.next(50)
        var restored = try JSONDecoder().decode(DataPosition.self, from: JSONEncoder().encode(position))
        #expect(restored == position && restored.given == 50 && restored.count == 12)
        #expect(restored.next(50) == position.next(50))
        var (same, other) = (make(3), make(4))
        #expect(same.next(50) == first && other.next(50) != first)
        // One by one is the same as at once.
        var single = make(3)
        #expect((0..<50).flatMap { _ in single.next(1) } == first)
    }

    @Test("a dataset of several knows where each row was read, and its sources without the rows that are left out")
    func parts() throws {
        let (a, b) = (try file("{\"text\": \"a\"}\n{\"text\": \"b\"}\n"), try file("\n{\"text\": \"c\"}\n"))
        let parts = try [a, b].map { try Dataset.load(jsonl: $0) }
        let joined = Dataset(joining: parts)
        #expect(joined.rows.map(\.text) == ["a", "b", "c"] && joined.rows.map(\.id) == [0, 1, 2])
        #expect((0..<3).map(joined.place) == ["\(a.path):1", "\(a.path):2", "\(b.path):2"])
        let mixed = Dataset(mixing: [("one", 3, parts[0]), ("other", 1, parts[1])])
        #expect(
            mixed.sources.map(\.rows) == [0..<2, 2..<3]
                && mixed.remarks == ["drawn from one 75.0% (2 rows), other 25.0% (1 rows)"])
        let fewer = mixed.removing([0])
        #expect(fewer.sources.map(\.rows) == [0..<1, 1..<2] && (0..<2).map(fewer.place) == ["\(a.path):2", "\(b.path):2"])
        #expect(DataPosition(over: mixed, seed: 1).fits(mixed) && !DataPosition(over: mixed, seed: 1).fits(fewer))
        #expect(!DataPosition(over: joined, seed: 1).fits(mixed))
    }
}
