import Foundation

/// When a run is measured along the way if its recipe leaves out `evaluation.every`: at about every tenth of the budget, for at most
/// 5% of its floating-point operations.
///
/// Counted operations decide and never the clock, so the same run is measured at the same iterations; only in a budget of seconds do
/// the tenths themselves depend on it. Where ten measurements of everything would cost too much, each takes the same first part of
/// the held-out rows; where even the smallest part does, a measurement waits until the run has paid for it. Part of the checkpoint.
package struct EvaluationSchedule: Codable, Equatable, Sendable {
    /// Measurements of a run.
    package static let points = 10
    /// The largest share of the run's operations.
    package static let share = 0.05
    /// The part of that share that is planned with; the rest is for costs that grow, as answers get longer.
    private static let planned = 0.8

    /// Operations of one measurement of everything, as far as a few rows tell.
    private let cost: Double
    /// The smallest part of the rows that says something, above 0 and up to 1.
    private let leastPart: Double
    /// Operations of the run before its first iteration.
    private let prepared: Double
    /// The part of the rows that each measurement takes, from the first; nil before the first iteration.
    package private(set) var part: Double?
    /// Operations of all measurements so far.
    package private(set) var spent = 0.0
    /// Operations of the next measurement, as far as known.
    private var expected = 0.0
    /// The next tenth of the budget to be measured at.
    private var next = 1

    /// - Parameters:
    ///   - cost: operations of one measurement of all rows.
    ///   - leastPart: the smallest part of the rows that says something.
    ///   - spent: operations of what found that out.
    ///   - prepared: operations of the run so far, before its first iteration.
    package init(cost: Double, leastPart: Double, spent: Double = 0, prepared: Double = 0) {
        (self.cost, self.leastPart, self.spent, self.prepared) = (cost, min(leastPart, 1), spent, prepared)
    }

    /// The part of the rows to measure now; nil: none.
    ///
    /// - Parameters:
    ///   - fraction: of the budget that is spent.
    ///   - flops: operations of the run so far, without measurements.
    package mutating func due(fraction: Double, flops: Double) -> Double? {
        guard fraction > 0 else { return nil }
        let part = self.part ?? plan(fraction: fraction, flops: flops)
        // A hair's breadth for fractions that are rounded, such as passes over a dataset.
        let tenth = Int(min(fraction, 1) * Double(Self.points) + 1e-9)
        next = min(next, tenth + 1)  // a larger budget moves a run back
        guard tenth >= next, spent + expected <= Self.share * flops else { return nil }
        next = tenth + 1
        return part
    }

    /// Tenths of the budget that are still to be measured at.
    package var left: Int { max(0, Self.points + 1 - next) }

    /// Notes what a measurement came to.
    package mutating func note(flops: Double) {
        spent += flops
        expected = flops
    }

    /// Chooses the part after the first iteration, whose cost foretells the whole run's.
    private mutating func plan(fraction: Double, flops: Double) -> Double {
        let whole = prepared + (flops - prepared) / min(fraction, 1)
        // One for the reference, which is measured on the same rows once.
        let measurements = Double(min(Self.points, Int((1 / fraction).rounded(.up))) + 1)
        let affordable = cost > 0 ? Self.planned * Self.share * whole / (measurements * cost) : 1
        let part = min(1, max(affordable, leastPart))
        self.part = part
        expected = part * cost
        spent += expected
        return part
    }
}
