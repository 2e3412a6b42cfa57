import Foundation
import Testing
import ZooBase
import ZooData

/// Files that Fixtures/make_parquet.py wrote.
@Suite("datasets in Parquet")
struct ParquetTests {
    private static func fixture(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/parquet/\(name).parquet")
    }

    @Test("a conversation is what it is as a JSON line: fields that a struct has for other rows' sake are absent")
    func conversations() throws {
        let lines = """
            {"messages": [{"role": "user", "content": "Weather in Rome?"}, {"role": "assistant", "content": "", "tool_calls": \
            [{"name": "weather", "arguments": {"city": "Rome"}}]}, {"role": "tool", "content": "sunny"}, \
            {"role": "assistant", "content": "Sunny."}]}
            {"messages": [{"role": "user", "content": "7*6?"}, {"role": "assistant", "content": "", "tool_calls": \
            [{"name": "sum", "arguments": {"a": 7, "b": [6, null]}}]}, {"role": "assistant", "content": "42."}], "source": "tests"}
            """
        let dataset = try Dataset.load(jsonl: Self.fixture("conversations"))
        #expect(dataset.shape == .messages && dataset.name == "conversations")
        #expect(dataset.rows == (try Dataset.load(jsonl: file(lines)).rows))
        #expect(dataset.rows.map(\.extras) == [[:], ["source": "tests"]])
    }

    @Test("values of every type keep their value and kind; times, dates and decimals are texts; nulls are absent")
    func types() throws {
        let dataset = try Dataset.load(jsonl: Self.fixture("types"))
        #expect(dataset.rows.map(\.prompt) == ["a\n\"é\\\t\u{1}😀", "b"])
        let expected: [String: JSONValue] = [
            "word": "yes", "int8": -128, "int64": .integer(.min), "uint32": 4_294_967_295, "uint64": .number(0x1p64),
            "exact": 9_007_199_254_740_993, "float": .number(Double(Float(0.1))), "double": .number(1),
            "tiny": .number(.leastNonzeroMagnitude),
            "flag": false, "list": [1, .null, 3], "nested": [["x": 1], .null, .object([:] as [String: JSONValue])],
            "fixed": [0.5, 2.0], "map": ["k": 1, "n": .null], "date": "2024-02-29", "moment": "2024-02-29 23:59:58.123",
            "utc": "2024-02-29 23:59:58.123000Z", "price": "12.30", "json": ["a": .null, "b": [1.0]],
        ]
        let found = dataset.rows[0].extras
        #expect(Set(found.keys) == Set(expected.keys))
        for (name, value) in expected { #expect(found[name] == value, "\(name)") }
        // 1.0 is not 1: a template writes them differently.
        if case .number? = found["double"] {} else { Issue.record("1.0 became a whole number") }
        #expect(dataset.rows[1].extras == ["list": []])
        #expect(dataset.unread == ["bytes": "bytes is binary", "images": "images.bytes is binary"])
    }

    @Test("rows of several row groups come in order, more than are read at a time")
    func many() throws {
        let dataset = try Dataset.load(jsonl: Self.fixture("many"))
        #expect(dataset.rows.map(\.text) == (0..<2500).map { "row \($0 % 7)" })
        #expect(dataset.rows.map { $0.extras["n"]?.integer } == Array(0..<2500))
        #expect(dataset.rows.map(\.id) == Array(0..<2500))
        #expect(dataset.place(of: 1800) == "\(Self.fixture("many").path): row 1800")
    }

    @Test(
        "a row that does not do is named by its number, and a column that is not read by what it holds",
        arguments: [
            ("infinite", ": row 0: not valid JSON: the number 1e999 is too large"),
            ("latin1", ": row 0: a text is not valid UTF-8"),
            ("binary", ": row 0: expected the columns 'text'; the line has no column; not read are 'text' (text is binary)"),
            ("none", ": has no rows"),
            ("encrypted", ": cannot be read as Parquet: IOError: Could not read encrypted metadata"),
        ])
    func faulty(name: String, reason: String) throws {
        let url = Self.fixture(name)
        let sentence = try failure { try Dataset.load(jsonl: url, expecting: [.text]) }
        #expect(sentence.hasPrefix(url.path + reason), "\(sentence)")
    }

    @Test("an image beside a prompt is left out, and known to be")
    func image() throws {
        let dataset = try Dataset.load(jsonl: Self.fixture("image"))
        #expect(dataset.rows == [Row(prompt: "a")])
        #expect(dataset.unread == ["image": "image.bytes is binary"])
    }

    @Test("a file that is empty, cut off, damaged or something else is one error with its path")
    func damaged() throws {
        let whole = try Data(contentsOf: Self.fixture("many"))
        var damaged = whole
        for place in 200..<260 { damaged[place] ^= 0x5A }
        let cases = [Data(), whole.prefix(3000), damaged, Data("{\"text\": \"a\"}\n".utf8)]
        for data in cases {
            let url = try file(data, name: "data.parquet")
            let sentence = try failure { try Dataset.load(jsonl: url) }
            #expect(sentence.hasPrefix("\(url.path): cannot be read as Parquet: "), "\(sentence)")
            #expect(!sentence.contains("\n") && sentence.count < 1200)
        }
        let missing = try temporaryFolder().appending(path: "a.parquet")
        #expect(try failure { try Dataset.load(jsonl: missing) } == "\(missing.path): there is no such file")
    }
}
