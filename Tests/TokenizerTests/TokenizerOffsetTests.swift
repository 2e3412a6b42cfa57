import Foundation
import Testing
import ZooModels

@Suite("the bytes that tokens come from")
struct TokenizerOffsetTests {
    @Test("each token names the bytes of the text that it came from")
    func bytes() throws {
        let tokenizer = try Tokenizer.train(on: ["abc ab abc"], vocabularySize: 262)
        let (ids, ranges) = tokenizer.encodeWithOffsets("abc é<eos> ab")
        #expect(ids == tokenizer.encode("abc é<eos> ab"))
        #expect(ranges == [0..<3, 3..<4, 4..<5, 5..<6, 6..<11, 11..<14])
    }

    @Test("a space that the tokenizer puts before the text has no bytes in it, and its marks have none")
    func whatIsAdded() throws {
        let prefixed = try Tokenizer(contentsOf: fixture("prefix-space.tokenizer.json"))
        #expect(prefixed.encodeWithOffsets("xyz").ranges.last == 2..<3)
        #expect(prefixed.encodeWithOffsets("xyz").ranges.first?.lowerBound == 0)
        let marked = try Tokenizer(contentsOf: fixture("nfc-template.tokenizer.json"))
        let (ids, ranges) = marked.encodeWithOffsets("ab", addSpecialTokens: true)
        #expect(ids == marked.encode("ab", addSpecialTokens: true))
        #expect(ranges.first == 0..<0 && ranges.last == 2..<2)
    }

    @Test("a stretch that the normalizer changed is covered by its tokens as a whole, and what is around it is not")
    func changedText() throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("nfc-template.tokenizer.json"))
        let (ids, ranges) = tokenizer.encodeWithOffsets("xe\u{301}y")
        #expect(ids == tokenizer.encode("xéy"))
        #expect(ranges.first == 0..<1 && ranges.last == 4..<5)
        #expect(ranges.count > 2 && ranges.dropFirst().dropLast().allSatisfy { $0 == 1..<4 })
    }

    @Test("spaces that became marks of three bytes are one byte each, and a mark put before the text is none")
    func marks() throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("llama2.tokenizer.json"))
        let (ids, ranges) = tokenizer.encodeWithOffsets("q\u{9F98} q</s>q")
        // ▁, q, three bytes, ▁, q or both as one; the end; ▁ again, as each stretch between marks is normalized for itself.
        #expect(ids == tokenizer.encode("q\u{9F98} q</s>q"))
        let bytes = ["<0xE9>", "<0xBE>", "<0x98>"].compactMap { tokenizer.id(of: $0) }
        let place = try #require(ids.firstIndex(of: bytes[0]))
        #expect(Array(ids[place..<place + 3]) == bytes)
        #expect(Array(ranges[place..<place + 3]) == [1..<2, 2..<3, 3..<4])
        let mark = try #require(tokenizer.id(of: "</s>"))
        let end = try #require(ids.firstIndex(of: mark))
        #expect(ranges[end] == 6..<10)
        #expect(ranges[place + 3].lowerBound == 4 && ranges[end - 1].upperBound == 6 && ranges.last?.upperBound == 11)
    }

    @Test("tokens of bytes spell the bytes that they name", arguments: ["plain", "digits", "llama3", "qwen2"])
    func spelling(kind: String) throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("\(kind).tokenizer.json"))
        for text in try Encodings.load().texts {
            let (ids, ranges) = tokenizer.encodeWithOffsets(text)
            let source = Array(text.utf8)
            for (id, range) in zip(ids, ranges) {
                let spelled = tokenizer.decode([id], skipSpecialTokens: false)
                #expect(spelled == String(decoding: source[range], as: UTF8.self), "\(text.debugDescription)")
            }
        }
    }

    @Test(
        "the ranges lie one behind the other and leave no byte out",
        arguments: [
            "plain", "prefix-space", "added", "digits", "contiguous-digits-prefix", "llama2", "mistral", "gemma", "words",
        ])
    func coverage(kind: String) throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("\(kind).tokenizer.json"))
        for text in try Encodings.load().texts {
            let (ids, ranges) = tokenizer.encodeWithOffsets(text)
            #expect(ids == tokenizer.encode(text))
            var end = 0
            for range in ranges {
                #expect(range.lowerBound == end, "\(text.debugDescription)")
                end = range.upperBound
            }
            #expect(end == text.utf8.count, "\(text.debugDescription)")
        }
    }
}
