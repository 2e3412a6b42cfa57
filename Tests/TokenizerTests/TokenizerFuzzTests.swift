import Foundation
import Testing
import ZooModels

@Suite("tokenizer files that are damaged")
struct TokenizerFuzzTests {
    private static let hostile = [
        "-1", "0", "2147483648", "1e308", "1e-400", "16777215", "null", "true", "[]", "{}", #""""#, #""\u0000""#, #""\ud800""#,
        "NaN",
        #""a""#, #"[["a","a"]]"#, #"{"type":"Sequence"}"#, "[[[[[[", "\u{FEFF}",
    ]

    /// SplitMix64, so that a failure comes again.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    @Test(
        "three hundred damaged copies each load and encode, or are refused by a sentence that begins with the file",
        .timeLimit(.minutes(10)), arguments: TokenizerParityTests.kinds)
    func damaged(kind: String) throws {
        let original = Array(try Data(contentsOf: fixture("\(kind).tokenizer.json")))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("tokenizer.json")
        let text = "It's <word> a <s>film</s>, 123 é e\u{301} 字 👍🏽 \n\n  <|end|>"
        var (loaded, refused) = (0, 0)
        for seed in 0..<300 {
            var random = Seeded(state: UInt64(seed))
            try Data(damage(original, &random)).write(to: file)
            do {
                let tokenizer = try Tokenizer(contentsOf: file)
                let (ids, ranges) = tokenizer.encodeWithOffsets(text, addSpecialTokens: true)
                #expect(ids == tokenizer.encode(text, addSpecialTokens: true), "seed \(seed)")
                #expect(ids.allSatisfy { 0..<tokenizer.vocabularySize ~= Int($0) }, "seed \(seed)")
                #expect(ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= text.utf8.count }, "seed \(seed)")
                _ = tokenizer.decode(ids, skipSpecialTokens: false)
                loaded += 1
            } catch let error as TokenizerError {
                #expect(error.description.hasPrefix(file.path), "seed \(seed)")
                refused += 1
            }
        }
        // Both ways are taken: the damage is neither too small nor too great to test anything.
        #expect(loaded > 5 && refused > 30, "\(loaded) loaded, \(refused) refused")
    }

    private func damage(_ original: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var bytes = original
        // Everything but the vocabulary stands in the first two thousand bytes and is hit as often as that.
        let reach = Bool.random(using: &random) ? min(2000, bytes.count) : bytes.count
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let place = Int.random(in: 0..<min(reach, bytes.count), using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(place...)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: turnFlag(in: &bytes, after: place)
            default: replaceValue(in: &bytes, after: place, &random)
            }
            if bytes.isEmpty { return bytes }
        }
        return bytes
    }

    /// Makes the next true false, or the next false true.
    private func turnFlag(in bytes: inout [UInt8], after place: Int) {
        let (yes, no) = (Array("true".utf8), Array("false".utf8))
        guard
            let start = bytes.indices[place...].first(where: { bytes[$0...].starts(with: yes) || bytes[$0...].starts(with: no) })
        else { return }
        let isTrue = bytes[start...].starts(with: yes)
        bytes.replaceSubrange(start..<start + (isTrue ? yes : no).count, with: isTrue ? no : yes)
    }

    /// Puts something hostile where the next value of JSON stands.
    private func replaceValue(in bytes: inout [UInt8], after place: Int, _ random: inout Seeded) {
        let separators = Array(":,[".utf8)
        guard let start = bytes[place...].firstIndex(where: separators.contains),
            let end = bytes[(start + 1)...].firstIndex(where: Array(",]}".utf8).contains)
        else { return }
        let value = Self.hostile.randomElement(using: &random) ?? "0"
        bytes.replaceSubrange(start + 1..<end, with: Array(value.utf8))
    }
}
