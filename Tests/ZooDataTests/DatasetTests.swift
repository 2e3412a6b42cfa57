import Foundation
import Testing
import ZooData

@Suite("datasets of JSON lines")
struct DatasetTests {
    @Test("each of TRL's shapes is told by its columns")
    func shapes() throws {
        let lines: [(String, DatasetShape, Row)] = [
            (#"{"text": "a b"}"#, .text, Row(text: "a b")),
            (#"{"prompt": "2+2="}"#, .prompt, Row(prompt: "2+2=")),
            (#"{"prompt": "2+2=", "completion": "4"}"#, .promptCompletion, Row(prompt: "2+2=", completion: "4")),
            (
                #"{"prompt": "p", "chosen": "c", "rejected": "r"}"#, .preference,
                Row(prompt: "p", chosen: "c", rejected: "r")
            ),
        ]
        for (line, shape, row) in lines {
            let dataset = try Dataset.load(jsonl: file(line))
            #expect(dataset.shape == shape)
            #expect(dataset.rows == [row])
            #expect(dataset.name == "data")
        }
    }

    /// Nanoseconds of the processor that this thread has had.
    private static func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    @Test("a long file on one line takes time in proportion to its length, and each byte is moved once", .timeLimit(.minutes(1)))
    func oneLine() throws {
        func seconds(_ rows: Int) throws -> Double {
            let text =
                "["
                + Array(repeating: #"{"text": "\#(String(repeating: "word ", count: 20_000))"}"#, count: rows).joined(
                    separator: ",") + "]"
            let url = try file(text, name: "data.json")
            // Of this thread: other tests run at the same time.
            let start = Self.processorTime()
            #expect(try Dataset.load(jsonl: url).rows.count == rows)
            return Double(Self.processorTime() - start) / 1e9
        }
        _ = try seconds(1)
        let (short, long) = (try seconds(40), try seconds(400))
        // 4 MB and 40 MB: in proportion it is ten times as much, by the square a hundred times.
        #expect(long < 40 * max(short, 0.01), "\(short) s, \(long) s")
    }

    // TRL's documentation of `extract_prompt`: the prompt ends before the space in which both texts still agree.
    @Test(
        "a prompt that is left out is what both texts begin with",
        arguments: [
            ("The sky is blue.", "The sky is green.", "The sky is", " blue.", " green."),
            ("ab", "ac", "a", "b", "c"),
            ("x", "y", "", "x", "y"),
            ("same", "same more", "same", "", " more"),
            ("e\u{301}a", "e\u{300}a", "e", "\u{301}a", "\u{300}a"),
        ])
    func implicitPrompt(chosen: String, rejected: String, prompt: String, better: String, worse: String) throws {
        let line = try JSONEncoder().encode(["chosen": chosen, "rejected": rejected])
        let row = try #require(try Dataset.load(jsonl: file(line)).rows.first)
        #expect(row.prompt.map { Array($0.utf8) } == Array(prompt.utf8))
        #expect(row.chosen.map { Array($0.utf8) } == Array(better.utf8))
        #expect(row.rejected.map { Array($0.utf8) } == Array(worse.utf8))
    }

    @Test("columns that the shape does not use are kept by name and kind")
    func extras() throws {
        let line = #"{"prompt":"p","answer":42,"ok":true,"tags":["a",null],"meta":{"x":1.5},"completion":"c"}"#
        let dataset = try Dataset.load(jsonl: file(line), expecting: [.prompt])
        #expect(dataset.rows[0].completion == nil)
        #expect(
            dataset.rows[0].extras == [
                "answer": 42, "ok": true, "tags": .array(["a", .null]), "meta": .object(["x": 1.5]), "completion": "c",
            ])
    }

    @Test("a label that is true or false on the first line is so on every line")
    func labels() throws {
        let first = #"{"prompt": "p", "completion": "c", "label": true}"# + "\n"
        let dataset = try Dataset.load(jsonl: file(first + #"{"prompt": "p", "completion": "c", "label": false}"#))
        #expect(dataset.rows.map(\.label) == [true, false])
        for (label, reason) in [("", "is missing"), (#", "label": 2"#, "is a number"), (#", "label": null"#, "is missing")] {
            let url = try file(first + #"{"prompt": "p", "completion": "c"\#(label)}"#)
            let sentence = try failure { try Dataset.load(jsonl: url) }
            #expect(sentence == "\(url.path):2: 'label' \(reason); expected true or false, as on the lines before")
        }
        #expect(try Dataset.load(jsonl: file(#"{"text": "t", "label": 1}"#)).rows[0].label == nil)
    }

    @Test("labels 1 and 0 are true and false, alone and beside these, and other numbers are classes")
    func numbersForLabels() throws {
        func labels(_ values: String...) throws -> [Bool?] {
            let lines = values.map { #"{"prompt": "p", "completion": "c", "label": \#($0)}"# }
            return try Dataset.load(jsonl: file(lines.joined(separator: "\n"))).rows.map(\.label)
        }
        #expect(try labels("1", "0", "1.0", "0.0") == [true, false, true, false])
        #expect(try labels("true", "0", "false") == [true, false, false])
        #expect(try labels("1", "true") == [true, true])
        #expect(try labels("1", "0", "2") == [nil, nil, nil])
        #expect(try labels("0.5") == [nil])
        #expect(try Dataset.load(jsonl: file(#"{"text": "t", "label": 1}"#)).rows[0].extras["label"] == 1)
    }

    @Test("a column that is null is not there when the shape is told")
    func nullColumns() throws {
        let messages = #"[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]"#
        let both = #"{"messages": \#(messages), "prompt": null, "completion": null, "text": null}"#
        #expect(try Dataset.load(jsonl: file(both)).shape == .messages)
        #expect(try Dataset.load(jsonl: file(#"{"text": "hello", "messages": null}"#)).shape == .text)
    }

    @Test("an array of rows is read whatever the file is called")
    func array() throws {
        let dataset = try Dataset.load(jsonl: file("\n[\n  {\"text\": \"a\"},\n  {\"text\": \"b\"}\n]\n"))
        #expect(dataset.rows.map(\.text) == ["a", "b"])
        #expect(dataset.place(of: 1).hasSuffix("data.jsonl: row 1"))
    }

    @Test(
        "what is not rows in JSON is refused with what to do",
        arguments: [
            ("{\n  \"text\": \"a\"\n}\n", "has objects over several lines; write each on a line of its own: jq -c . '"),
            ("{\n  \"text\": \"a\"\n}\n{\n  \"text\": \"b\"\n}\n", "has objects over several lines; "),
            (
                "{\n  \"data\": [\n    {\"text\": \"a\"}]}",
                "is one object with the rows in 'data'; write each on a line of its own: jq -c '.data[]' '"
            ),
            (
                #"{"version": 1, "data": [{"text": "a"}]}"#,
                "'data' looks like the list of rows: write each on a line of its own, as jq -c '.data[]' does"
            ),
            (#"{"conversations": [{"from": "human", "value": "a"}]}"#, "rename 'conversations' to 'messages'"),
            (#"{"instruction": "Add", "input": "2 2", "output": "4"}"#, "and 'output' as 'completion'"),
            (#"{"text": "a", "score": NaN}"#, "NaN and Infinity are not JSON: write null"),
            (#"{"text": "a", "score": [-Infinity]}"#, "NaN and Infinity are not JSON: write null"),
            ("{\"text\": \"a\"}\r{\"text\": \"b\"}\r", "ends its lines in CR alone"),
            ("PAR1\u{0}", "is a Parquet file; rename it so that it ends in .parquet"),
            ("<!doctype html><html>404</html>", "is a page of HTML"),
            ("{\u{0}\"\u{0}", "is in UTF-16; convert it: iconv -f UTF-16 -t UTF-8"),
        ])
    func otherText(text: String, reason: String) throws {
        let sentence = try failure { try Dataset.load(jsonl: file(text)) }
        #expect(sentence.contains(reason), "\(sentence)")
    }

    @Test("a file whose first line is the beginning of an object has that one fault")
    func oneFault() throws {
        var faults: [DataError] = []
        let url = try file("{\n  \"text\": \"a\"\n}\n")
        let sentence = try failure { try Dataset.load(jsonl: url) { faults.append($0) } }
        #expect(sentence.hasPrefix("\(url.path): has objects over several lines") && faults.isEmpty)
    }

    @Test("a prompt of messages beside answers as text is refused as such")
    func mixedPair() throws {
        let line = #"{"prompt": [{"role": "user", "content": "hi"}], "chosen": "good", "rejected": "bad"}"#
        #expect(
            try failure { try Dataset.load(jsonl: file(line)) }.contains(
                "'prompt' is a list, 'chosen' and 'rejected' are strings"))
    }

    @Test("compressed files are told by their first bytes")
    func compressed() throws {
        let url = try file(Data([0x1F, 0x8B, 8, 0]))
        #expect(try failure { try Dataset.load(jsonl: url) }.hasPrefix("\(url.path): is compressed by gzip; unpack it: gunzip"))
    }

    @Test("the first expected shape that fits the first line is taken")
    func expecting() throws {
        let url = try file(#"{"prompt": "p", "completion": "c", "text": "t"}"#)
        #expect(try Dataset.load(jsonl: url, expecting: [.preference, .text, .prompt]).shape == .text)
        let sentence = try failure { try Dataset.load(jsonl: url, expecting: [.preference]) }
        #expect(sentence == "\(url.path):1: expected the columns 'prompt+chosen+rejected'; the line has completion, prompt, text")
    }

    @Test("line ends, blank lines and a byte order mark do not matter")
    func lineEnds() throws {
        let text = "\u{FEFF}{\"text\": \"a\"}\r\n\r\n{\"text\": \"b\\r\\n\"}\n \n{\"text\": \"c\"}"
        let dataset = try Dataset.load(jsonl: file(text))
        #expect(dataset.rows.map(\.text) == ["a", "b\r\n", "c"])
        #expect(dataset.rows.map(\.id) == [0, 1, 2])
    }

    @Test("lines longer than a block are read whole")
    func longLines() throws {
        let long = String(repeating: "é", count: 400_000)
        let dataset = try Dataset.load(jsonl: file("{\"text\":\"\(long)\"}\n{\"text\":\"short\"}\n"))
        #expect(dataset.rows.map { $0.text?.count } == [400_000, 5])
    }

    @Test(
        "a bad line is an error with file, line and reason",
        arguments: [
            (#"{"text": "#, "not valid JSON: "),
            (#"{'text': 'a'}"#, "not valid JSON: "),
            ("[1]", "expected an object of named columns, found an array"),
            ("3", "expected an object of named columns, found a number"),
            (#"{"text": 3}"#, "'text' is a number; expected a string"),
            (#"{"text": null}"#, "'text' is null; expected a string"),
            (#"{"text": [{"role": "user", "content": "a"}]}"#, "a conversation's column is called 'messages'"),
            (#"{"text": "a\ud83d"}"#, "\\ud83d is an unpaired half of a surrogate pair (byte 18)"),
            (#"{"text": "\ud83d\ud83d"}"#, "half of a surrogate pair"),
            (#"{"text": "\udc00"}"#, "half of a surrogate pair"),
            ("{\"text\": \"a\u{0}\"}", "the control character 0 is in a string; write it as \\u0000"),
            ("\u{0}{\"text\": \"a\"}", "expected a value, found the control character 0"),
            (#"{"text": "cut of"#, "the text ends within a string: is it cut off? (byte 17)"),
            (#"{"text": 1e999}"#, "the number 1e999 is too large"),
            (#"{"text": 01}"#, "a number starts with 0"),
            (#"{"text": NaN}"#, "expected a value, found 'N'"),
            (#"{"text": ""}"#, "'text' is empty"),
            (#"{"txt": "a"}"#, "'text' is missing; the line has txt"),
            (#"{"text": "a"} {"text": "b"}"#, "not valid JSON"),
        ])
    func badLine(line: String, reason: String) throws {
        let url = try file("{\"text\": \"good\"}\n\(line)\n{\"text\": \"good\"}\n")
        let sentence = try failure { try Dataset.load(jsonl: url) }
        #expect(sentence.hasPrefix("\(url.path):2: "))
        #expect(sentence.contains(reason))
    }

    @Test("a pair of equal texts is refused")
    func equalPair() throws {
        let url = try file(#"{"prompt": "p", "chosen": "same", "rejected": "same"}"#)
        #expect(try failure { try Dataset.load(jsonl: url) }.hasSuffix(":1: 'chosen' and 'rejected' are the same text"))
    }

    @Test("bytes that are not UTF-8 are named by line")
    func notUTF8() throws {
        let url = try file(Data("{\"text\": \"a\"}\n{\"text\": \"".utf8) + [0xC3, 0x28] + Data("\"}\n".utf8))
        #expect(try failure { try Dataset.load(jsonl: url) }.hasPrefix("\(url.path):2: the line is not valid UTF-8"))
    }

    @Test("nesting thousands deep is an error, not a crash")
    func deep() throws {
        let url = try file("{\"text\": " + String(repeating: "[", count: 1_000_000) + "}")
        #expect(
            try failure { try Dataset.load(jsonl: url) }.hasPrefix(
                "\(url.path):1: not valid JSON: arrays and objects nest more than"))
    }

    @Test("an empty file, a missing file and a folder are refused", arguments: ["", "\n\n  \n"])
    func empty(text: String) throws {
        let url = try file(text)
        #expect(try failure { try Dataset.load(jsonl: url) } == "\(url.path): has no rows")
        let folder = url.deletingLastPathComponent()
        #expect(try failure { try Dataset.load(jsonl: folder) }.hasSuffix("is a folder; expected a file"))
        let missing = folder.appendingPathComponent("missing.jsonl")
        #expect(try failure { try Dataset.load(jsonl: missing) } == "\(missing.path): there is no such file")
    }

    @Test("what is written reads back the same, and equal rows give equal bytes")
    func writing() throws {
        let rows = [
            Row(prompt: "p\n\"q\"", chosen: " c/é", rejected: " r", extras: ["n": 3, "x": 0.1, "b": false]),
            Row(prompt: "", chosen: "a", rejected: "b", extras: ["z": .array([.null])]),
        ]
        let dataset = Dataset(name: "pairs", shape: .preference, rows: rows)
        let url = try temporaryFolder().appendingPathComponent("pairs.jsonl")
        try dataset.write(jsonl: url)
        let read = try Dataset.load(jsonl: url)
        #expect(read.rows == dataset.rows)
        #expect(try read.jsonl() == Data(contentsOf: url))
        let line = #"{"b":false,"chosen":" c/é","n":3,"prompt":"p\n\"q\"","rejected":" r","x":0.1}"#
        #expect(String(decoding: try dataset.jsonl(), as: UTF8.self).split(separator: "\n").first.map(String.init) == line)
    }
}
