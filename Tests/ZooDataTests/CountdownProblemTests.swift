import Foundation
import Testing
import ZooBase
import ZooData

@Suite("the verifier of the numbers game")
struct CountdownProblemTests {
    private func verdict(_ text: String, _ numbers: [Int], _ target: Int) throws -> CountdownProblem.Verdict {
        try CountdownProblem(numbers: numbers, target: target).verdict(on: text)
    }

    @Test(
        "an expression of the given numbers that comes to the target is accepted",
        arguments: [
            ("3*7+8", [3, 7, 8], 29), (" 8 + 3 * 7\n", [3, 7, 8], 29), ("(8+3)*7", [3, 7, 8], 77), ("3 × 7 − 8", [3, 7, 8], 13),
            ("8 - 7 - 3", [3, 7, 8], -2), ("8-(7-3)", [3, 7, 8], 4), ("12 ÷ 3 ÷ 2", [2, 3, 12], 2), ("12/(3/2)", [2, 3, 12], 8),
            ("8/(3-8/3)", [3, 3, 8, 8], 24), ("(1-5/25)*30", [1, 5, 25, 30], 24), ("5", [5], 5), ("((5))", [5], 5),
            ("3-7+8", [3, 7, 8], 4), ("2+3*4-10/5", [2, 3, 4, 5, 10], 12), ("\t( 3\r\n+7 )*8 ", [3, 7, 8], 80),
            ("2*(3-5)/(1-2)", [1, 2, 2, 3, 5], 4), ("100*100", [100, 100], 10_000),
        ])
    func solved(text: String, numbers: [Int], target: Int) throws {
        #expect(try verdict(text, numbers, target) == .solved)
        #expect(try verdict(text, numbers.reversed(), target) == .solved)
        #expect(try verdict(text, numbers, target + 1) == .missed)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", " ", "3", "3*7", "3*7+8+8", "3*7+9", "3*78", "37+8", "3 7 8", "3*7 8", "3*7+8=29", "29", "3*7+8.", "3*7+8 ok",
            "ok 3*7+8", "3*7++8", "3*7+-8", "-3+7+8", "+3*7+8", "3*7+", "*3*7+8", "(3*7+8", "3*7+8)", "3*7)+(8", "()3*7+8",
            "3()*7+8", "3(7)+8", "(3)(7)+8", "3**7+8", "8//7*3", "3^7+8", "3*7+8.0", "3*7+8e0", "3*7+08", "03*7+8", "3*7+8,",
            "3×7+８", "٣*7+8", "3x7+8", "3*7+8\u{0}", "3*7+8\u{301}", "3*7\u{A0}+8", "3*7+8\u{FFFD}", "3*7–8", "3·7+8", "3:7+8",
            "[3*7]+8", "3*7+8\n3*7+8", "３*7+8", "8/(7-7)+3", "3*7+8 #",
        ])
    func invalid(text: String) throws {
        #expect(try verdict(text, [3, 7, 8], 29) == .invalid, "\(text)")
    }

    @Test("a division by zero is refused, whatever would follow", arguments: ["5/(3-3)", "5÷(3−3)", "(3-3)/(3-3)*5", "3/(5-5)"])
    func divisionByZero(text: String) throws {
        let numbers = text.filter(\.isNumber).compactMap(\.wholeNumberValue)
        for target in [0, 1, 5] { #expect(try verdict(text, numbers, target) == .invalid) }
    }

    @Test("a quotient is exact, not rounded")
    func exact() throws {
        #expect(try verdict("7/2", [2, 7], 3) == .missed)
        #expect(try verdict("7/2", [2, 7], 4) == .missed)
        #expect(try verdict("1/3*3", [1, 3, 3], 1) == .solved)
        #expect(try verdict("1/3+1/3+1/3", [1, 1, 1, 3, 3, 3], 1) == .solved)
        // In binary floating point this is 0.
        #expect(try verdict("9007199254740993-9007199254740992", [9_007_199_254_740_992, 9_007_199_254_740_993], 1) == .solved)
    }

    @Test("numbers may be as large as exact arithmetic carries, and larger ones are refused as a problem")
    func large() throws {
        let large = 3_037_000_499
        #expect(try verdict("(\(large)-\(large))*\(large)", [large, large, large], 0) == .solved)
        #expect(try verdict("\(large)*\(large)", [large, large], 9_223_372_030_926_249_001) == .solved)
        #expect(try verdict("\(Int.max)*\(large)", [large, Int.max], .max) == .missed)
        for numbers in [[Int.max, Int.max, 3], [Int](repeating: 1_000_000, count: 7), [Int](repeating: 1, count: 200)] {
            #expect(try failure { try CountdownProblem(numbers: numbers, target: 1) }.contains("too many or too large"))
        }
        #expect(
            try failure { try CountdownProblem(numbers: [], target: 1) }
                == "countdown problem: has no numbers; expected at least one")
        #expect(
            try failure { try CountdownProblem(numbers: [4, 0], target: 1) }.hasSuffix(
                "the number 0 is given; expected at least 1"))
    }

    @Test("random expressions in random styles are accepted with their value and no other", arguments: 1...6)
    func rendered(count: Int) throws {
        var random = SplitMix64(seed: 17, stream: UInt64(count))
        var solved = 0
        for _ in 0..<2_000 {
            let numbers = (0..<count).map { _ in 1 + random.next(below: random.next(below: 4) == 0 ? 100 : 9) }
            let tree = Tree.random(numbers, &random)
            let text = tree.text(&random)
            let value = tree.value
            let whole = value.flatMap { $0.bottom == 1 ? $0.top : nil }
            let expected: CountdownProblem.Verdict = value == nil ? .invalid : whole == nil ? .missed : .solved
            #expect(try verdict(text, numbers, whole ?? 1) == expected, "\(text)")
            solved += expected == .solved ? 1 : 0
            guard let whole else { continue }
            #expect(try verdict(text, numbers, whole - 1) == .missed, "\(text)")
            #expect(try verdict(text, numbers + [1], whole) == .invalid, "\(text)")
            #expect(try verdict(text, [numbers[0] + 101] + numbers.dropFirst(), whole) == .invalid, "\(text)")
        }
        #expect(solved > 500)
    }

    @Test("every expression of three numbers is accepted for what it comes to")
    func exhaustive() throws {
        var random = SplitMix64(seed: 5)
        for numbers in [[1, 2, 3], [4, 4, 7], [2, 6, 12]] {
            let problems = try (-200...200).map { try CountdownProblem(numbers: numbers, target: $0) }
            for tree in Tree.all(numbers.map(Tree.leaf)) {
                let text = tree.text(&random)
                let verdicts = problems.map { $0.verdict(on: text) }
                guard let value = tree.value else {
                    #expect(verdicts.allSatisfy { $0 == .invalid }, "\(text)")
                    continue
                }
                let solved = problems.indices.filter { verdicts[$0] == .solved }.map { Ratio(problems[$0].target) }
                #expect(solved == (value.bottom == 1 ? [value] : []), "\(text)")
                #expect(!verdicts.contains(.invalid), "\(text)")
            }
        }
    }

    @Test("texts with random changes are judged as the grammar says")
    func mutated() throws {
        var random = SplitMix64(seed: 23)
        let alphabet = Array("0123456789+-*/×÷−() \n.=x").map(String.init)
        var refused = 0
        for _ in 0..<10_000 {
            let numbers = (0..<1 + random.next(below: 4)).map { _ in 1 + random.next(below: 12) }
            let tree = Tree.random(numbers, &random)
            var characters = tree.text(&random).map(String.init)
            for _ in 0..<1 + random.next(below: 2) {
                let place = random.next(below: characters.count)
                let other = alphabet[random.next(below: alphabet.count)]
                switch random.next(below: 4) {
                case 0: characters[place] = other
                case 1: characters.insert(other, at: place)
                case 2: characters.swapAt(place, random.next(below: characters.count))
                default: if characters.count > 1 { characters.remove(at: place) }
                }
            }
            let text = characters.joined()
            let target = tree.value.flatMap { $0.bottom == 1 ? $0.top : nil } ?? 1
            let expected = GrammarOracle.verdict(text, numbers: numbers, target: target)
            #expect(try verdict(text, numbers, target) == expected, "\(text.debugDescription) of \(numbers) for \(target)")
            refused += expected == .invalid ? 1 : 0
        }
        // Most changes break an expression, not all.
        #expect((4_000...9_500).contains(refused), "\(refused)")
    }

    @Test("a million parentheses, digits or operators neither crash nor take long")
    func hostile() throws {
        let million = 1_000_000
        func many(_ text: String) -> String { String(repeating: text, count: million) }
        #expect(try verdict(many("(") + "3*7" + many(")") + "+8", [3, 7, 8], 29) == .solved)
        let start = ContinuousClock.now
        for text in [
            many("("), many(")"), many("()"), many("1"), many("1+"), many("-"), many("3*(7+"), many(" "), many("(1-"), many("0"),
            "3*7+8" + many(" ") + "x", many("(") + "3*7+8" + many(")") + ")", "3*7+" + many("8"), many("\u{301}"), many("👍"),
        ] {
            #expect(try verdict(text, [3, 7, 8], 29) == .invalid)
        }
        #expect(ContinuousClock.now - start < .seconds(60))
    }
}
