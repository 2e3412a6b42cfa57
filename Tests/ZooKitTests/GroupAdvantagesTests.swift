import Testing
import ZooKit

@Suite("group advantages")
struct GroupAdvantagesTests {
    /// The others of 4 are 0 and 2: mean 1, variance 2. Of 0 they are 4 and 2, of 2 they are 4 and 0.
    @Test("leave-one-out takes mean and deviation of the others")
    func leaveOneOut() {
        let (near, far) = (2.0.squareRoot() + 0.5, 8.0.squareRoot() + 0.5)
        expectClose(
            groupAdvantages([4, 0, 2], groups: [0, 0, 0], baseline: .leaveOneOut, scale: .group, epsilon: 0.5),
            [3 / near, -3 / near, 0 / far])
    }

    @Test("where the others agree, or there is but one, leave-one-out does not divide")
    func unscaled() {
        expectClose(
            groupAdvantages([5, 1, 1, 4, 2], groups: [0, 0, 0, 1, 1], baseline: .leaveOneOut, scale: .group, epsilon: 0)[0..<1]
                .map { $0 },
            [4])
        expectClose(
            groupAdvantages([4, 2], groups: [1, 1], baseline: .leaveOneOut, scale: .group, epsilon: 1e-6), [2, -2])
    }

    /// The others of 1.1 are 0.1 each, whose mean and deviation are off by rounding.
    @Test("others that agree but for rounding have no deviation either")
    func roundedOthers() {
        let found = groupAdvantages(
            [1.1] + Array(repeating: 0.1, count: 7), groups: Array(repeating: 0, count: 8), baseline: .leaveOneOut, scale: .group,
            epsilon: 1e-6)
        expectClose(Array(found.prefix(1)), [1])
    }

    @Test("without a baseline equal rewards are left as they are")
    func uncentred() {
        expectClose(groupAdvantages([0.1, 0.1, 0.1], groups: [0, 0, 0], baseline: .none, scale: .group), [0.1, 0.1, 0.1])
    }

    @Test("one scored completion of a group has no advantage over others", arguments: [GroupBaseline.groupMean, .leaveOneOut])
    func single(baseline: GroupBaseline) {
        #expect(groupAdvantages([5, .nan, .nan], groups: [0, 0, 0], baseline: baseline, scale: .none) == [0, 0, 0])
    }

    /// (1·3 + 3·1 + 2·6) / 6 = 3.
    @Test("a mean weighed by length counts each action once")
    func lengthWeighted() {
        expectClose(
            groupAdvantages([3, 1, 6], groups: [0, 0, 0], baseline: .lengthWeighted, scale: .none, lengths: [1, 3, 2]),
            [0, -2, 3])
    }

    @Test(
        "a reward that cannot be given counts in no mean and no deviation, and is no advantage",
        arguments: AdvantageScale.allCases)
    func unscorable(scale: AdvantageScale) {
        let whole = groupAdvantages([3, 1, 6, 2], groups: [0, 0, 1, 1], scale: scale)
        let holed = groupAdvantages([3, .nan, 1, 6, .nan, 2], groups: [0, 0, 0, 1, 1, 1], scale: scale)
        expectClose(holed, [whole[0], 0, whole[1], whole[2], 0, whole[3]])
        #expect(groupAdvantages([.nan, .nan, 7], groups: [0, 0, 1], scale: scale) == [0, 0, 0])
    }

    /// Each component within its group of two is ±½ over √½ + ε. With ε = √½ that is ±½ / √2 of either, so sums ±(2 − 1)/(2√2), whose
    /// deviation is ½: over ½ + √½.
    @Test("several rewards are scaled each by itself, weighed, added and scaled over the batch")
    func normalizedSum() {
        let half = 0.5.squareRoot()
        let expected = 0.5 * half / (0.5 + half)
        expectClose(
            normalizedSumAdvantages([([1, 0], 2), ([3, 4], 1)], groups: [0, 0], epsilon: half), [expected, -expected])
    }

    @Test("a component that scores only some adds to those alone; what none scores has no advantage")
    func partial() {
        let some = normalizedSumAdvantages([([1, 0, 5, .nan], 1), ([.nan, .nan, .nan, .nan], 3)], groups: [0, 0, 0, 0])
        let three = normalizedSumAdvantages([([1, 0, 5], 1)], groups: [0, 0, 0])
        expectClose(some, three + [0])
    }
}

@Suite("estimates of the KL with limits and other gradients")
struct KLFormsTests {
    @Test("the distance has the sign as its slope")
    func absolute() {
        #expect(KLEstimator.abs.value(-2, reference: -0.5) == 1.5)
        #expect(KLEstimator.abs.gradient(-2, reference: -0.5) == -1)
        #expect(KLEstimator.abs.gradient(-0.5, reference: -2) == 1)
    }

    @Test("a plus keeps the value and takes k2's slope", arguments: [("k1+", "k1"), ("k3+", "k3"), ("abs+", "abs")])
    func straightThrough(form: String, base: String) throws {
        let (form, base) = (try #require(KLEstimator(rawValue: form)), try #require(KLEstimator(rawValue: base)))
        #expect(form.value(-1, reference: -1.75) == base.value(-1, reference: -1.75))
        #expect(form.gradient(-1, reference: -1.75) == 0.75)
        #expect(form.isStraightThrough && !base.isStraightThrough)
    }

    /// e³ − 3 − 1 is 16.09.
    @Test("a limit cuts the estimate and stops its slope, but for a plus")
    func limited() {
        #expect(KLEstimator.k3.value(-4, reference: -1, limit: 10) == 10)
        #expect(KLEstimator.k3.gradient(-4, reference: -1, limit: 10) == 0)
        #expect(KLEstimator.k3Plus.gradient(-4, reference: -1, limit: 10) == -3)
        #expect(KLEstimator.k1.value(-4, reference: -1, limit: 2) == -2)
        #expect(KLEstimator.k1.gradient(-4, reference: -1, limit: 4) == 1)
    }
}
