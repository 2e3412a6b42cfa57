import Testing
import ZooKit

@Suite("advantages")
struct AdvantagesTests {
    /// Two sequences: a context step and three actions around a masked one; one action.
    let batch = Batch(offsets: [0, 5, 6], mask: [false, true, true, false, true, true])

    @Test("GAE follows the recursion, passes over masked steps and ends in value 0")
    func generalised() {
        let (advantages, returns) = generalizedAdvantages(
            rewards: [7, 0, 0.5, 7, 1, 2], values: [7, 0.5, 0.25, 7, 0.75, 1.5], batch: batch, gamma: 0.5, lambda: 0.5)
        // Sequence 0, backwards: δ = 1 − 0.75 = 0.25; δ = 0.5 + 0.5·0.75 − 0.25 = 0.625, A = 0.625 + 0.25·0.25 = 0.6875;
        // δ = 0 + 0.5·0.25 − 0.5 = −0.375, A = −0.375 + 0.25·0.6875 = −0.203125. Sequence 1: 2 − 1.5.
        expectClose(advantages, [0, -0.203125, 0.6875, 0, 0.25, 0.5])
        expectClose(returns, [0, 0.296875, 0.9375, 0, 1, 2])
    }

    @Test("a step between actions that is none passes the value on, or counts as a step of value 0")
    func uncarried() {
        let (advantages, returns) = generalizedAdvantages(
            rewards: [7, 0, 0.5, 7, 1, 2], values: [7, 0.5, 0.25, 7, 0.75, 1.5], batch: batch, gamma: 0.5, lambda: 0.5,
            carriesValues: false)
        // Sequence 0, backwards: A = 0.25; the masked step has δ = 0.5·0.75 and A = 0.375 + 0.25·0.25 = 0.4375; then δ = 0.5 − 0.25,
        // A = 0.25 + 0.25·0.4375 = 0.359375; δ = 0.5·0.25 − 0.5, A = −0.375 + 0.25·0.359375.
        expectClose(advantages, [0, -0.28515625, 0.359375, 0, 0.25, 0.5])
        expectClose(returns, [0, 0.21484375, 0.609375, 0, 1, 2])
    }

    @Test("with λ = 1 and no values the advantage is the discounted return-to-go")
    func returnToGo() {
        let zeros = [Double](repeating: 0, count: 6)
        let toGo = generalizedAdvantages(rewards: [7, 1, 2, 7, 4, 3], values: zeros, batch: batch, gamma: 0.5, lambda: 1)
        expectClose(toGo.advantages, [0, 3, 4, 0, 4, 3])
    }

    @Test("group advantages are centred within the group, whatever the order of its members")
    func centred() {
        let advantages = groupAdvantages([2.5, 1, -1, 0, 0.5, 0.25], groups: [3, 9, 3, 9, 3, 3], scale: .none)
        expectClose(advantages, [1.9375, 0.5, -1.5625, -0.5, -0.0625, -0.3125])
    }

    @Test("the group's deviation has denominator G − 1 and 10⁻⁴ beside it")
    func scaledByGroup() {
        // Mean 0.5625; squares 3.75390625 + 2.44140625 + 0.00390625 + 0.09765625 = 6.296875, over 3, and its root.
        let deviation = (6.296875 / 3).squareRoot()
        expectClose(
            groupAdvantages([2.5, -1, 0.5, 0.25], groups: [0, 0, 0, 0], scale: .group),
            [1.9375, -1.5625, -0.0625, -0.3125].map { $0 / (deviation + 1e-4) })
    }

    @Test("the batch's deviation is taken over all rewards, not over the centred ones")
    func scaledByBatch() {
        // Rewards 0, 2, 4, 6: mean 3, squares 9 + 1 + 1 + 9 = 20, over 3.
        let scale = 1 / ((20.0 / 3).squareRoot() + 1e-4)
        expectClose(groupAdvantages([0, 2, 4, 6], groups: [0, 0, 1, 1], scale: .batch), [-scale, scale, -scale, scale])
    }

    @Test("equal rewards, and a group of one, give exactly no advantage", arguments: AdvantageScale.allCases)
    func dead(scale: AdvantageScale) {
        #expect(groupAdvantages([3, 3, 3, 5], groups: [0, 0, 0, 1], scale: scale) == [0, 0, 0, 0])
    }

    @Test("leave-one-out is the mean of the others")
    func leaveOneOut() {
        expectClose(leaveOneOutBaselines([1, 0, 5, 8, 3], groups: [0, 1, 0, 0, 2]), [6.5, 0, 4.5, 3, 0])
        expectClose(groupMeans([1, 0, 5, 9], groups: [0, 1, 0, 0]), [5, 0, 5, 5])
    }

    @Test("minibatches deal every sequence once, in sizes that differ by at most one")
    func minibatches() throws {
        var batch = Batch(offsets: Array(0...7), mask: Array(repeating: true, count: 7))
        batch.set("number", perSequence: (0..<7).map(Double.init))
        var generator = SystemRandomNumberGenerator()
        let parts = batch.minibatches(3, using: &generator)
        #expect(parts.map(\.sequenceCount).sorted() == [2, 2, 3])
        #expect(try parts.flatMap { try $0.sequences("number") }.sorted() == (0..<7).map(Double.init))
        #expect(batch.minibatches(20, using: &generator).count == 7)
        #expect(batch.minibatches(1, using: &generator) == [batch])
    }

    @Test("sums and repeats follow the offsets")
    func perSequence() {
        #expect(batch.actionCounts == [3, 1])
        #expect(batch.perStep([2, 5]) == [2, 2, 2, 2, 2, 5])
        #expect(batch.sequenceSums([7, 1, 2, 7, 4, 3]) == [7, 3])
    }
}

@Suite("KL estimators")
struct KLTests {
    @Test("values and slopes at d = ln 2 are those of the definitions")
    func values() {
        let d = 0.6931471805599453
        // e^−d = 1/2, so k3 = 1/2 + d − 1 and its slope is 1 − 1/2.
        #expect(abs(KLEstimator.k1.value(d, reference: 0) - d) < 1e-15)
        #expect(abs(KLEstimator.k2.value(d, reference: 0) - d * d / 2) < 1e-15)
        #expect(abs(KLEstimator.k3.value(d, reference: 0) - (d - 0.5)) < 1e-15)
        #expect(KLEstimator.k1.gradient(d, reference: 0) == 1)
        #expect(abs(KLEstimator.k2.gradient(d, reference: 0) - d) < 1e-15)
        #expect(abs(KLEstimator.k3.gradient(d, reference: 0) - 0.5) < 1e-15)
    }

    @Test("where policy and reference agree all are 0, and k1 alone still has a slope")
    func zero() {
        for estimator in KLEstimator.allCases { #expect(estimator.value(-3, reference: -3) == 0) }
        #expect(KLEstimator.allCases.map { $0.gradient(-3, reference: -3) } == [1, 0, 0, 0, 0, 0, 0])
    }

    @Test("over samples of π the mean slope of k2 is the gradient of KL(π‖π_ref), of k3 that of KL(π_ref‖π), of k1 zero")
    func expectedGradients() {
        let logits = [0.3, -0.8, 1.1]
        let reference = [0.2, 0.5, 0.3]
        func softmax(_ logits: [Double]) -> [Double] {
            let weights = logits.map { exp($0) }
            return weights.map { $0 / weights.reduce(0, +) }
        }
        func divergence(_ p: [Double], _ q: [Double]) -> Double { zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) } }
        func gradient(_ objective: ([Double]) -> Double) -> [Double] {
            logits.indices.map { index in
                var (above, below) = (logits, logits)
                above[index] += 1e-6
                below[index] -= 1e-6
                return (objective(softmax(above)) - objective(softmax(below))) / 2e-6
            }
        }
        // Σ_a π(a) · slope(a) · ∂log π(a)/∂logit_i, where ∂log π(a)/∂logit_i = [a = i] − π(i).
        func expected(_ estimator: KLEstimator) -> [Double] {
            let policy = softmax(logits)
            return policy.indices.map { i in
                policy.indices.reduce(0) { sum, a in
                    let slope = estimator.gradient(log(policy[a]), reference: log(reference[a]))
                    return sum + policy[a] * slope * ((a == i ? 1 : 0) - policy[i])
                }
            }
        }
        expectClose(expected(.k1), [0, 0, 0], 1e-12)
        expectClose(expected(.k2), gradient { divergence($0, reference) }, 1e-8)
        expectClose(expected(.k3), gradient { divergence(reference, $0) }, 1e-8)
    }

    @Test("the adaptive coefficient moves by at most a fifth of episodes over horizon")
    func adaptive() {
        var kl = AdaptiveKL(coefficient: 0.2)
        kl.update(kl: 12, target: 6, horizon: 10_000, episodes: 512)  // error clipped at 0.2
        #expect(abs(kl.coefficient - 0.2 * (1 + 0.2 * 0.0512)) < 1e-15)
        kl = AdaptiveKL(coefficient: 1)
        kl.update(kl: 5.4, target: 6, horizon: 100, episodes: 10)
        #expect(abs(kl.coefficient - 0.99) < 1e-15)
    }
}
