/// How likely a run of one variant is to be better than a run of another, by however little: P(X > Y) + P(X = Y) / 2, the Mann–Whitney
/// statistic over all pairs of runs (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, section 4.3).
///
/// The interval is not the paper's bootstrap, which has no width where all runs of one are better, even with three runs each; it is
/// Newcombe's score interval (method 5 of "Confidence intervals for an effect size measure based on the Mann–Whitney statistic, part 2",
/// Statistics in Medicine 25, 2006), which covers 95% there too: three runs above three others give [0.50, 1].
public enum ProbabilityOfImprovement {
    /// nil if one has no run or a value is not finite.
    public static func of(_ x: [Double], over y: [Double]) -> Estimate? {
        guard !x.isEmpty, !y.isEmpty, (x + y).allSatisfy(\.isFinite) else { return nil }
        var wins = 0.0
        for a in x {
            for b in y {
                let lead = difference(a, b)
                wins += lead > 0 ? 1 : lead == 0 ? 0.5 : 0
            }
        }
        let share = wins / Double(x.count * y.count)
        return Estimate(mean: share, interval: interval(share, x.count, y.count), count: min(x.count, y.count))
    }

    private static func interval(_ share: Double, _ m: Int, _ n: Int) -> ClosedRange<Double>? {
        guard m > 1, n > 1 else { return nil }
        // |share − θ| = z·σ(θ) has a root on either side; σ(0) = σ(1) = 0.
        func isInside(_ theta: Double) -> Bool { abs(share - theta) <= 1.959964 * deviation(theta, m, n) }
        func root(inside: Double, outside: Double) -> Double {
            var (inside, outside) = (inside, outside)
            for _ in 0..<60 {
                let middle = (inside + outside) / 2
                if isInside(middle) { inside = middle } else { outside = middle }
            }
            return inside
        }
        return (share > 0 ? root(inside: share, outside: 0) : 0)...(share < 1 ? root(inside: share, outside: 1) : 1)
    }

    /// Hanley and McNeil (1982) with m and n in its terms made equal, so that X and Y may be exchanged.
    private static func deviation(_ theta: Double, _ m: Int, _ n: Int) -> Double {
        let more = Double(m + n) / 2 - 1
        let spread = 1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (theta * (1 - theta) * spread / Double(m * n)).squareRoot()
    }
}
