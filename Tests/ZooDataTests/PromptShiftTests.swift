import Foundation
import Testing
import ZooBase
import ZooData

@Suite("the reward that depends on the prompt alone")
struct PromptShiftTests {
    private func shift(_ prompt: String, _ completion: String = "", seed: Int = 0) throws -> Double {
        try RewardKind.make("prompt-shift", parameters: ["seed": .number(Double(seed))]).score(
            RewardItem(prompt: prompt, completion: completion, steps: completion.count))
    }

    // Made by a transcription of FNV-1a, SplitMix64 and Box-Muller to Python.
    @Test("its numbers are the same on every machine")
    func reference() throws {
        for (prompt, seed, expected) in [
            ("", 0, 0.2661440034146866),
            ("a", 0, -1.0714293761048916),
            ("make 29 from 3 7 8:", 0, 0.2859880772448254),
            ("é👍", 0, 1.0382038629801502),
            ("a", 1, 0.10797880329560293),
            ("a", 1_000_000_000, 1.010200445828786),
        ] {
            #expect(abs(try shift(prompt, seed: seed) - expected) < 1e-12)
        }
    }

    @Test("the completion does not matter, the prompt and the seed do")
    func dependence() throws {
        #expect(try shift("a", "x") == shift("a", "another"))
        #expect(try shift("a") != shift("b"))
        #expect(try shift("a") != shift("a "))
        #expect(try shift("a") != shift("a", seed: 1))
    }

    @Test("over prompts it is normal with mean 0 and deviation 1, for each seed", arguments: [0, 1, 2])
    func distribution(seed: Int) throws {
        let reward = try RewardKind.make("prompt-shift", parameters: ["seed": .number(Double(seed))])
        let values = try (0..<10_000).map { try reward.score(RewardItem(prompt: "\($0)", completion: "")) }
        func moment(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1, power) } / Double(values.count) }
        // Four standard errors: 1/√n, √2/√n, √15/√n, √96/√n.
        #expect(abs(moment(1)) < 0.04)
        #expect(abs(moment(2) - 1) < 0.057)
        #expect(abs(moment(3)) < 0.155)
        #expect(abs(moment(4) - 3) < 0.4)
    }

    @Test("a seed is a whole number", arguments: [JSONValue.number(0.5), -1, "x", 1e10])
    func badSeed(seed: JSONValue) throws {
        #expect(
            try failure { try RewardKind.make("prompt-shift", parameters: ["seed": seed]) }
                .hasSuffix("expected a whole number from 0 to 1000000000"))
    }
}
