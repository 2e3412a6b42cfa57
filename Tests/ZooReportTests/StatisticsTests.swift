import Testing
import ZooReport

@Suite("statistics of variants")
struct StatisticsTests {
    private func scores(_ values: [Double]) -> Scores {
        Scores(Dictionary(uniqueKeysWithValues: values.enumerated().map { (UInt64($0), [$1]) }))
    }

    @Test(
        "Student's t is that of the printed tables",
        arguments: [(1.0, 12.7062), (2, 4.30265), (3, 3.18245), (10, 2.22814), (30, 2.04227), (255, 1.96931), (100_000, 1.95999)])
    func critical(degrees: Double, t: Double) {
        #expect(abs(StudentT.critical(degrees: degrees) - t) < 6e-5)
    }

    @Test("three differences have the t interval with two degrees of freedom")
    func three() throws {
        // Mean 2, deviation 1: 4.30265 / √3 = 2.48414.
        let wide = try #require(PairedDifference(scores([4, 7, 5]), scores([3, 5, 2])))
        #expect(wide.mean == 2)
        #expect(wide.count == "3 seeds")
        #expect(abs((wide.interval?.lowerBound ?? 0) + 0.48414) < 1e-4)
        #expect(abs((wide.interval?.upperBound ?? 0) - 4.48414) < 1e-4)
        #expect(!wide.isSeparated)
        let narrow = try #require(PairedDifference(scores([3, 4.1, 2.9]), scores([1, 2, 1])))
        #expect(narrow.isSeparated)
    }

    @Test("seeds and prompts both widen the interval")
    func crossed() throws {
        // Seeds' means 2 and 3, prompts' 1.5 and 3.5: s²/S = 0.25, s²/P = 1; 1.25² / (0.25² + 1) = 1.470588 degrees, t = 6.18811.
        let difference = try #require(
            PairedDifference(Scores([0: [2, 4], 1: [4, 6]]), Scores([0: [1, 1], 1: [2, 2]])))
        #expect(difference.mean == 2.5)
        #expect(difference.prompts == 2)
        #expect(abs((difference.interval?.upperBound ?? 0) - 2.5 - 6.91852) < 1e-3)
    }

    /// Runs over base models: `values[base][seed]`.
    private func nested(_ values: [[Double]]) -> Scores {
        var runs: [Scores.Run: [Double]] = [:]
        for (base, seeds) in values.enumerated() {
            for (seed, value) in seeds.enumerated() { runs[.init(base: UInt64(base), seed: UInt64(seed))] = [value] }
        }
        return Scores(runs)
    }

    @Test("with several base models these vary, not the seeds within them")
    func bases() throws {
        // Differences of the base models' means: 1, 2, 3; s = 1, t of 2 degrees 4.30265: ±2.48414. The nine seeds alone would say ±0.64.
        let a = nested([[1.1, 0.9, 1], [2.1, 1.9, 2], [3.1, 2.9, 3]])
        let b = nested([[0, 0, 0], [0, 0, 0], [0, 0, 0]])
        let difference = try #require(PairedDifference(a, b))
        #expect(abs(difference.mean - 2) < 1e-12)
        #expect(difference.count == "3 base models")
        #expect(abs((difference.interval?.upperBound ?? 0) - 4.48414) < 1e-4)
        #expect(!difference.isSeparated)
        #expect(a.unitMeans.map { ($0 * 1e6).rounded() / 1e6 } == [1, 2, 3])
        let ranking = Ranking(of: ["a", "b"], ["a": a, "b": b])
        #expect(ranking.text == "a and b not separated with 3 base models")
        // The same nine values as seeds of one base model are separated.
        let seeds = Scores(
            Dictionary(uniqueKeysWithValues: [1.1, 0.9, 1, 2.1, 1.9, 2, 3.1, 2.9, 3].enumerated().map { (UInt64($0), [$1]) }))
        let zeros = Scores(Dictionary(uniqueKeysWithValues: (0..<9).map { (UInt64($0), [0.0]) }))
        #expect(try #require(PairedDifference(seeds, zeros)).isSeparated)
    }

    @Test("a base model that has more runs does not count for more")
    func unbalanced() throws {
        let a = nested([[1, 1, 1, 1], [3]])
        #expect(a.unitMeans == [1, 3])
        let zero = nested([[0, 0, 0, 0], [0]])
        #expect(try #require(PairedDifference(a, zero)).mean == 2)
    }

    @Test("over base models that differ, the nested interval covers the truth where that over seeds does not")
    func nestedCoverage() throws {
        var random = Stream(state: 5)
        func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) } }
        let trials = 200
        var (right, wrong) = (0, 0)
        for _ in 0..<trials {
            let values = (0..<3).map { _ in
                let base = 0.5 + 0.5 * normal()
                return (0..<3).map { _ in base + 0.2 * normal() }
            }
            let zeros = values.map { $0.map { _ in 0.0 } }
            if try #require(PairedDifference(nested(values), nested(zeros), resamples: 100)?.interval).contains(0.5) {
                right += 1
            }
            let flat = values.flatMap { $0 }
            let seeds = Scores(Dictionary(uniqueKeysWithValues: flat.enumerated().map { (UInt64($0), [$1]) }))
            let none = Scores(Dictionary(uniqueKeysWithValues: flat.indices.map { (UInt64($0), [0.0]) }))
            if try #require(PairedDifference(seeds, none, resamples: 100)?.interval).contains(0.5) { wrong += 1 }
        }
        #expect(Double(right) / Double(trials) >= 0.9)
        #expect(Double(wrong) / Double(trials) < 0.85)
    }

    @Test("only common seeds count, one separates nothing, and other prompts leave the means")
    func pairing() throws {
        let one = try #require(PairedDifference(Scores([0: [5], 1: [9]]), Scores([0: [1], 7: [0]])))
        #expect(one.mean == 4)
        #expect(one.interval == nil)
        #expect(!one.isSeparated)
        #expect(PairedDifference(Scores([0: [1]]), Scores([1: [1]])) == nil)
        let other = try #require(PairedDifference(Scores([0: [1, 3], 1: [2, 2]]), Scores([0: [1], 1: [1]])))
        #expect(other.prompts == 1)
        #expect(other.mean == 1)
        #expect(PairedDifference(scores([1, .nan]), scores([1, 1]))?.interval == nil)
    }

    @Test("scores that are equal but for rounding do not differ")
    func rounding() throws {
        let sums = scores([0.1 + 0.2, 0.1 + 0.7, 0.3 + 0.6])
        let plain = scores([0.3, 0.8, 0.9])
        let difference = try #require(PairedDifference(sums, plain))
        #expect(difference.mean == 0 && !difference.isSeparated)
        #expect(ProbabilityOfImprovement.of([0.1 + 0.2], over: [0.3])?.mean == 0.5)
        // A tenth of a millionth is none.
        #expect(try #require(PairedDifference(scores([0.3 + 1e-7, 0.8 + 1e-7]), scores([0.3, 0.8]))).mean > 0)
    }

    @Test("the interval of a paired difference covers the truth; the range of three seeds does so three times in four")
    func coverage() throws {
        var random = Stream(state: 17)
        func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) } }
        let trials = 200
        var (paired, plain) = (0, 0)
        for _ in 0..<trials {
            let prompts = (0..<12).map { _ in 0.4 * normal() }
            func draw(_ shift: Double, _ prompt: Double) -> [UInt64: [Double]] {
                Dictionary(
                    uniqueKeysWithValues: (0..<3).map { (seed: UInt64) -> (UInt64, [Double]) in
                        let own = shift + 0.4 * normal()
                        return (seed, prompts.map { own + prompt * $0 + 0.5 * normal() })
                    })
            }
            let (a, b) = (Scores(draw(0.5, 2)), Scores(draw(0, 1)))
            if try #require(PairedDifference(a, b, resamples: 100)?.interval).contains(0.5) { paired += 1 }
            if try #require(Estimate((0..<3).map { _ in normal() })?.interval).contains(0) { plain += 1 }
        }
        #expect(Double(paired) / Double(trials) >= 0.89)
        #expect((0.64...0.86).contains(Double(plain) / Double(trials)))
    }

    @Test("the interquartile mean leaves out a quarter at either end")
    func interquartileMean() {
        #expect(InterquartileMean.of([8, 1, 2, 3, 4, 5, 6, 700]) == 4.5)
        #expect(InterquartileMean.of([1, 2, 6]) == 3)
        #expect(InterquartileMean.of([9, 1, 2, 3, -50]) == 2)
        #expect(InterquartileMean.of([Double]()).isNaN)
    }

    @Test("the interquartile mean's interval holds it, needs two seeds, and takes seeds whole")
    func interquartileInterval() throws {
        let scores = Scores([0: [1, 2, 3, 4], 1: [2, 3, 4, 5], 2: [0, 1, 2, 9]])
        let estimate = InterquartileMean.of(scores)
        #expect(estimate.mean == InterquartileMean.of([1, 2, 3, 4, 2, 3, 4, 5, 0, 1, 2, 9]))
        #expect(try #require(estimate.interval).contains(estimate.mean))
        #expect(InterquartileMean.of(Scores([0: [1, 2]])).interval == nil)
        // Seeds that differ by much: whole seeds move the mean, however many prompts they answered.
        let apart = try #require(
            InterquartileMean.of(Scores([0: Array(repeating: 0, count: 50), 1: Array(repeating: 1, count: 50)])).interval)
        #expect(apart == 0...1)
        #expect(InterquartileMean.of(Scores([0: [7, 7], 1: [7, 7]])).interval == 7...7)
    }

    @Test("the probability of improvement counts pairs, ties by half")
    func improvement() throws {
        #expect(ProbabilityOfImprovement.of([3, 4], over: [1, 3])?.mean == 0.875)
        let all = try #require(ProbabilityOfImprovement.of([4, 5, 6], over: [1, 2, 3]))
        #expect(all.mean == 1)
        // z σ(½) = 1.96 √(¼ · (1 + 2 · ⅓ + 2 · ⅓) / 9) = 0.499: θ is close to a half.
        let interval = try #require(all.interval)
        #expect(abs(interval.lowerBound - 0.5) < 0.002)
        #expect(interval.upperBound == 1)
        let none = try #require(ProbabilityOfImprovement.of([1, 2, 3], over: [4, 5, 6])?.interval)
        #expect(abs(none.upperBound - (1 - interval.lowerBound)) < 1e-9)
        #expect(ProbabilityOfImprovement.of([1], over: [2])?.interval == nil)
        #expect(ProbabilityOfImprovement.of([], over: [2]) == nil)
    }
}

/// A fixed stream of numbers (the constants of Knuth's MMIX), of which the high bits are used.
private struct Stream: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        var word: UInt64 = 0
        for _ in 0..<2 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            word = word << 32 | state >> 32
        }
        return word
    }
}
