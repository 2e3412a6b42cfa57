import Testing
import ZooKit

func expectClose(
    _ found: [Double], _ expected: [Double], _ tolerance: Double = 1e-12, _ location: SourceLocation = #_sourceLocation
) {
    #expect(found.count == expected.count, sourceLocation: location)
    for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) <= tolerance, "\(found) instead of \(expected)", sourceLocation: location)
    }
}

@Suite("masked statistics")
struct StatisticsTests {
    let values = [1.0, 100, 2, 3, 6]
    let mask = [true, false, true, true, true]

    @Test("the masked mean counts only true steps")
    func meanCountsTrueSteps() {
        #expect(maskedMean(values, mask) == 3)
        #expect(maskedMean(values, mask.map { _ in false }) == 0)
    }

    @Test("the variance has denominator n − ddof")
    func varianceDenominator() {
        // Deviations from 3: −2, −1, 0, 3; squares sum to 14.
        #expect(abs(maskedVariance(values, mask, ddof: 1) - 14.0 / 3) < 1e-15)
        #expect(maskedVariance(values, mask, ddof: 0) == 3.5)
        #expect(variance([5], ddof: 1) == 0)
    }

    @Test("whitening centres, scales by 1/√(variance + ε), and leaves 0 where the mask is false")
    func whitening() {
        let scale = 1 / (14.0 / 3 + 1e-8).squareRoot()
        expectClose(whiten(values, mask), [-2 * scale, 0, -scale, 0, 3 * scale])
        let population = 1 / (3.5 + 1e-8).squareRoot()
        expectClose(whiten(values, mask, ddof: 0), [-2 * population, 0, -population, 0, 3 * population])
    }

    @Test("whitening without a shift adds the mean back")
    func whiteningWithoutShift() {
        let scale = 1 / (14.0 / 3 + 1e-8).squareRoot()
        expectClose(whiten(values, mask, shiftMean: false), [3 - 2 * scale, 0, 3 - scale, 3, 3 + 3 * scale])
    }

    @Test("explained variance is 1 for a perfect critic and 0 for one that says the same of everything")
    func explained() {
        let targets = [1.0, 2, 4]
        #expect(explainedVariance(predictions: targets, targets: targets) == 1)
        #expect(abs(explainedVariance(predictions: [9, 9, 9], targets: targets)) < 1e-15)
        // Variance of the targets is 7/3; residuals 0, 0 and 1 have 1/3.
        for unit in [1e-9, 1, 1e9] {
            let found = explainedVariance(predictions: [unit, 2 * unit, 3 * unit], targets: targets.map { $0 * unit })
            #expect(abs(found - 6.0 / 7) < 1e-12)
        }
        #expect(explainedVariance(predictions: [1, 2, 3], targets: Array(repeating: 0.1, count: 3)) == 0)
    }

    /// Sums of 0.1 are off, so that means of them and distances from these are, too.
    @Test("equal numbers have no variance and whiten to 0, whatever they are and how many", arguments: [0.1, 1e6 + 0.1, 1e-12])
    func equal(value: Double) {
        for count in [3, 8, 10_000] {
            let values = Array(repeating: value, count: count)
            let mask = values.map { _ in true }
            #expect(variance(values) == 0)
            #expect(whiten(values, mask).allSatisfy { $0 == 0 })
            #expect(whiten(values, mask, shiftMean: false).allSatisfy { abs($0 - value) <= 1e-12 * value })
            #expect(abs(variance(values + [value * (1 + 1e-9)])) > 0, "a part in 10⁹ is no rounding")
        }
    }

    @Test("what a difference leaves of larger numbers is rounding by their size")
    func differences() {
        #expect(difference(0.1 + 0.2, 0.3) == 0)
        #expect(difference(0.30001, 0.3) == 0.30001 - 0.3)
        #expect(difference(3e-13, 0) == 3e-13)
        #expect(difference(3e-13, 0, scale: 1) == 0)
        #expect(difference(1e-11, 0, scale: 1) == 1e-11)
        #expect(difference(1e-11, 0, count: 1_000_000, scale: 1) == 0)
        #expect(difference(.nan, 0).isNaN && difference(.infinity, 1) == .infinity)
        #expect(roundingNoise(of: [-2, 1]) == 4096 * 2 * Double.ulpOfOne)
    }

    @Test("log σ keeps its digits far from 0")
    func logistic() {
        #expect(logSigmoid(-800) == -800)
        #expect(logSigmoid(800) == 0)
        #expect(abs(logSigmoid(0) + 0.6931471805599453) < 1e-16)
        #expect(abs(logSigmoid(40) + 4.248354255291589e-18) < 1e-30)
        #expect(sigmoid(-800) == 0)
        #expect(sigmoid(800) == 1)
        #expect(abs(sigmoid(1) - 0.7310585786300049) < 1e-15)
    }

    @Test("a number that is not finite is named with its place")
    func finite() {
        #expect(throws: ZooError(.dataLoss, "the reward is nan at index 1 of 3; expected finite numbers")) {
            try requireFinite([0, .nan, 1], "the reward")
        }
        #expect(throws: Never.self) { try requireFinite([0, 1], "the reward") }
    }

    @Test("Spearman's correlation is that of ranks, ties sharing theirs")
    func spearman() throws {
        // SciPy's documentation of spearmanr.
        #expect(abs(try #require(rankCorrelation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])) - 0.820782681668) < 1e-11)
        #expect(rankCorrelation([1, 2, 3], [1, 10, 1000]) == 1)
        #expect(rankCorrelation([1, 2, 3], [3, 2, 1]) == -1)
        #expect(rankCorrelation([1, 2], [3, 3]) == nil)
        #expect(rankCorrelation([1], [3]) == nil)
        #expect(rankCorrelation([0.1 + 0.2, 0.3, 0.1 + 0.2], [1, 2, 3]) == nil)
        #expect(rankCorrelation([0.1 + 0.2, 0.3, 1], [1, 1, 2]) == 1)
    }
}
