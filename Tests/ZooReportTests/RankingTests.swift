import Testing
import ZooReport

@Suite("rankings of variants")
struct RankingTests {
    /// Three seeds about a mean, spread by a tenth.
    private func ranking(_ means: [(String, [Double])]) -> Ranking {
        Ranking(
            of: means.map(\.0),
            Dictionary(
                uniqueKeysWithValues: means.map { name, values in
                    (name, Scores(Dictionary(uniqueKeysWithValues: values.enumerated().map { (UInt64($0), [$1]) })))
                }))
    }

    @Test("what is separated stands in a chain, whatever order it came in")
    func chain() {
        let ranking = ranking([("dpo", [0, 0.01, 0.02]), ("ppo", [2, 2.02, 2.01]), ("grpo", [1, 1.02, 1.03])])
        #expect(ranking.text == "ppo > grpo > dpo")
        #expect(ranking.variants == ["ppo", "grpo", "dpo"])
        #expect(ranking.isBetter("ppo", than: "dpo"))
        #expect(!ranking.isBetter("dpo", than: "ppo"))
    }

    @Test("what is not separated is said to be so")
    func ties() {
        let two = ranking([("a", [1, 2, 3]), ("b", [3, 1, 2.5])])
        #expect(two.text == "b and a not separated with 3 seeds")
        let three = ranking([("a", [9, 9.01, 9]), ("b", [1, 2, 3]), ("c", [3, 1, 2.5])])
        #expect(three.text == "a > c and b; c and b not separated with 3 seeds")
        // a is above c alone: b lies between and is told from neither.
        let middle = ranking([("a", [2, 2.01, 2.02]), ("b", [0.5, 1.5, 2.4]), ("c", [1, 1.01, 1.02])])
        #expect(middle.text == "a > c; not separated with 3 seeds: a and b; b and c")
    }

    @Test("those that are better than the same ones share a sentence")
    func groups() {
        let ranking = ranking([
            ("a", [2, 2.05, 1.95]), ("b", [2.05, 1.95, 2]), ("c", [1, 1.01, 1.02]), ("d", [0, 0.3, 0.1]), ("e", [0.3, 0, 0.1]),
        ])
        #expect(ranking.text == "a and b > c > d and e; not separated with 3 seeds: a and b; d and e")
    }

    @Test("one seed ranks nothing, one variant needs no ranking")
    func few() {
        #expect(ranking([("a", [1]), ("b", [2])]).text == "no ranking: b and a share fewer than two seeds")
        #expect(ranking([("a", [1, 2])]).text.isEmpty)
        #expect(Ranking(of: ["a", "b"], [:]).text.isEmpty)
    }

    @Test("seeds that differ by pair are counted from the fewest to the most")
    func counts() {
        let ranking = ranking([("a", [1, 2, 3]), ("b", [3, 1, 2]), ("c", [2.5, 1.5])])
        #expect(ranking.text == "a, b and c not separated with 2 to 3 seeds")
    }
}
