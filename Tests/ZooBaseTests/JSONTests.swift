import Foundation
import Testing
import ZooBase

@Suite("JSON")
struct JSONTests {
    @Test("objects keep their order, whole numbers stay whole and exact")
    func values() throws {
        let value = try JSONReader.value(
            #" {"z": 1, "a": [9007199254740993, -0, 1.0, 1e2, 99999999999999999999], "m": {"t": true, "n": null}} "#)
        #expect(value.object?.keys == ["z", "a", "m"])
        guard case .array(let numbers)? = value["a"], case .integer(9_007_199_254_740_993) = numbers[0],
            case .integer(0) = numbers[1], case .number(1) = numbers[2], case .number(100) = numbers[3],
            case .number(1e20) = numbers[4]
        else { return #expect(Bool(false), "\(value)") }
        #expect(value["m"]?["t"]?.bool == true && value["m"]?["n"]?.isNull == true)
        #expect(value["a"]?["z"] == nil && value["q"] == nil)
    }

    @Test("3 is 3.0, and the order of keys says nothing; equal values hash alike")
    func equality() throws {
        let (one, other): (JSONValue, JSONValue) = (["a": 3, "b": [1]], ["b": [1.0], "a": 3.0])
        #expect(one == other && one.hashValue == other.hashValue)
        #expect(JSONValue.integer(9_007_199_254_740_993) != .number(9_007_199_254_740_992))
        #expect(["a": 1] as JSONValue != ["a": 1, "b": 2] && JSONValue.bool(true) != 1)
        #expect(JSONValue.number(3).withWholeNumbers.integer == 3 && JSONValue.number(3.5).integer == nil)
    }

    @Test("keys are told apart byte for byte")
    func bytes() throws {
        let text = #"{"\#u{E9}": 1, "e\#u{301}": 2}"#
        let value = try JSONReader.value(text)
        #expect(value["\u{E9}"] == 1 && value["e\u{301}"] == 2)
    }

    @Test("a key that comes again is refused, replaces the first, or stays, among few keys and many", arguments: [1, 30])
    func repeated(others: Int) throws {
        let more = (0..<others).map { #""k\#($0)": 0"# }.joined(separator: ", ")
        let text = #"{"\u0061": 1, \#(more), "a": 2}"#
        let fault = #expect(throws: JSONFault.self) { try JSONReader.value(text) }
        #expect(fault?.reason == "the key 'a' occurs twice" && fault?.byte == text.utf8.count - 6)
        #expect(try JSONReader.value(text, repeatedKeys: .replace).object?.members.first?.value == 2)
        let kept = try JSONReader.value(text, repeatedKeys: .keep)
        #expect(kept.object?.members.count == others + 2 && kept["a"] == 2)
    }

    @Test(
        "what is no JSON is refused with the byte where it breaks off",
        arguments: [
            ("", "expected a value, found the end (byte 1)"), ("{", "expected a key in double quotes, found the end (byte 2)"),
            ("[1 2]", "expected ',' or ']', found '2' (byte 4)"), ("[1,]", "expected a value, found ']' (byte 4)"),
            ("{}x", "expected the end after the value, found 'x' (byte 3)"), ("nul", "expected 'null' (byte 1)"),
            ("01", "a number starts with 0 (byte 2)"), ("1.", "expected a digit, found the end (byte 3)"),
            ("+1", "expected a value, found '+' (byte 1)"), ("1e999", "the number 1e999 is too large (byte 6)"),
            ("NaN", "expected a value, found 'N' (byte 1)"),
            ("é", "expected a value, found a character outside of ASCII (byte 1)"),
            (#""\x""#, #"'\' before 'x' is not an escape (byte 3)"#),
            (#""\u12"#, "'\\u' needs four hexadecimal digits (byte 4)"),
            (#""\u+123""#, "'\\u' needs four hexadecimal digits (byte 4)"),
            (#""\ud800""#, "\\ud800 is an unpaired half of a surrogate pair (byte 8)"),
            (#""\udc00\ud800""#, "\\udc00 is an unpaired half of a surrogate pair (byte 8)"),
            ("\"a\u{1}\"", "the control character 1 is in a string; write it as \\u0001 (byte 3)"),
            (#""cut"#, "the text ends within a string: is it cut off? (byte 5)"),
            (#"{"a" 1}"#, "expected ':' after the key 'a', found '1' (byte 6)"),
        ])
    func faults(text: String, says: String) throws {
        for read in [{ try JSONReader.value(text) }, { try JSONReader.value(Data(text.utf8)) }] {
            let fault = #expect(throws: JSONFault.self) { _ = try read() }
            #expect(fault?.description == says)
        }
    }

    @Test("nesting beyond the depth that is allowed is refused, not followed")
    func deep() throws {
        let open = String(repeating: "[", count: 100_000)
        let fault = #expect(throws: JSONFault.self) { try JSONReader.value(open, deepest: 100) }
        #expect(fault?.description == "arrays and objects nest more than 100 deep (byte 101)")
        let text = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(try JSONReader.value(text).array?.count == 1)
    }

    @Test("bytes that are no UTF-8 are refused, and strings come out as they stand or as their escapes say")
    func strings() throws {
        let fault = #expect(throws: JSONFault.self) { try JSONReader.value(Data([0x22, 0xFF, 0x22])) }
        #expect(fault?.description == "it is not UTF-8")
        #expect(try JSONReader.value(#""\u00e9\ud83d\ude00\n\/\b é""#) == "é😀\n/\u{8} é")
    }

    @Test("a caller may read piece by piece, with its own faults at the right byte")
    func pieces() throws {
        let read = { (text: String) in
            var sizes: [String: [Int]] = [:]
            try JSONReader.read(Data(text.utf8)) { reader in
                try reader.object { reader, key in
                    try reader.array { sizes[key, default: []].append(try $0.size()) }
                }
            }
            return sizes
        }
        #expect(try read(#"{"a": [1, 2], "b": []}"#) == ["a": [1, 2]])
        for (text, byte) in [(#"{"a": [-1]}"#, 8), (#"{"a": [1.5]}"#, 8), (#"{"a": 1}"#, 7), (#"{"a": [], "a": []}"#, 11)] {
            #expect(throws: JSONFault.self) { try read(text) }
            do { _ = try read(text) } catch let fault as JSONFault { #expect(fault.byte == byte, "\(text): \(fault)") }
        }
    }

    @Test("values go through encoders and decoders, whole numbers without a fraction, in sorted keys")
    func coding() throws {
        let value: JSONValue = ["b": 3.0, "a": [1.5, "x/y", .null, true], "c": ["z": 9_007_199_254_740_993]]
        let text = try value.text()
        #expect(text == #"{"a":[1.5,"x/y",null,true],"b":3,"c":{"z":9007199254740993}}"#)
        #expect(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) == value)
        #expect(try JSONReader.value(text) == value)
    }

    @Test("an object is changed by its keys")
    func members() {
        var object: JSONObject = ["a": 1, "b": 2]
        object["c"] = 3
        object["a"] = 4
        object["b"] = nil
        #expect(object.keys == ["a", "c"] && object["a"] == 4 && object["b"] == nil)
        #expect(object.filter { $0.key == "c" } == ["c": 3] && object.dictionary == ["a": 4, "c": 3])
    }
}

@Suite("texts in quotes")
struct QuotingTests {
    @Test("JSON's quotes read back as the same text", arguments: ["", "a\"b\\c", "\n\r\t\u{8}\u{C}\u{0}\u{1F}", "é😀\u{2028}"])
    func json(text: String) throws {
        #expect(try JSONReader.value(JSONText.quoted(text)) == .string(text))
        let ascii = JSONText.quoted(text.unicodeScalars) { $0.value > 0x7E }
        #expect(try ascii.utf8.allSatisfy { $0 < 0x7F } && JSONReader.value(ascii) == .string(text))
    }

    @Test("numbers of JSON read back with every bit, and those that it lacks are null")
    func numbers() {
        #expect(JSONText.number(0.1) == "0.1" && JSONText.number(.nan) == "null" && JSONText.number(-.infinity) == "null")
    }

    @Test("a word for the shell is quoted where it must be")
    func shell() {
        #expect("runs/a-1=2".shellWord == "runs/a-1=2" && "".shellWord == "''")
        #expect("it's $HOME".shellWord == #"'it'\''s $HOME'"#)
    }
}
