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
}
