import Testing
import ZooBase

@Suite("means and intervals")
struct BootstrapTests {
    @Test("the mean of nothing is nothing")
    func mean() {
        #expect([1.0, 2, 6].mean == 3 && [Double]().mean == nil && [1.0, 2, 3].dropFirst().mean == 2.5)
    }

    @Test("two values are resampled in all four ways: their interval is their range")
    func exact() {
        #expect(Bootstrap.interval(ofMean: [1, 3], resamples: 10) == 1...3)
        #expect(Bootstrap.interval(ofMean: [1], resamples: 10) == nil)
        #expect(Bootstrap.interval(ofMean: [1, .nan], resamples: 10) == nil)
    }

    @Test("the middle 95% lies between order statistics, or goes from one to another")
    func percentiles() {
        // 0 … 100: 2.5 and 97.5 lie between two of them.
        let draws = (0...100).map(Double.init).shuffled()
        #expect(Bootstrap.interval(draws) == 2.5...97.5)
        #expect(Bootstrap.outerInterval(draws) == 2...98)
        #expect(Bootstrap.interval(draws + [.nan]) == nil)
        #expect(Bootstrap.outerInterval(draws + [.nan]) == 2...98)
        #expect(Bootstrap.outerInterval(draws + Array(repeating: .nan, count: 3)) == nil)
        #expect(Bootstrap.interval([]) == nil && Bootstrap.outerInterval([]) == nil)
    }

    @Test("weights count the draws of the same stream")
    func weights() {
        var (one, other) = (SplitMix64(seed: 4), SplitMix64(seed: 4))
        let draws = Bootstrap.draws(7, using: &one)
        let weights = Bootstrap.weights(7, using: &other)
        #expect(weights == (0..<7).map { thing in Double(draws.count { $0 == thing }) })
        #expect(one == other)
    }
}
