extension Batch {
    /// The sequences dealt at random into `count` parts whose sizes differ by at most one; fewer where there are fewer sequences.
    ///
    /// Draws nothing for a single part, which is the batch as it is.
    public func minibatches(_ count: Int, using generator: inout some RandomNumberGenerator) -> [Batch] {
        guard count > 1, sequenceCount > 1 else { return [self] }
        let order = (0..<sequenceCount).shuffled(using: &generator)
        let parts = min(count, sequenceCount)
        return (0..<parts).map { part in
            selecting(Array(order[(part * sequenceCount / parts)..<((part + 1) * sequenceCount / parts)]))
        }
    }

    /// The number of actions of each sequence, [n].
    public var actionCounts: [Int] {
        (0..<sequenceCount).map { steps(of: $0).reduce(0) { $0 + (mask[$1] ? 1 : 0) } }
    }

    /// A number per sequence repeated for each of its steps, [steps].
    public func perStep(_ values: [Double]) -> [Double] {
        values.indices.flatMap { Array(repeating: values[$0], count: steps(of: $0).count) }
    }

    /// The sum over the actions of each sequence, [n].
    public func sequenceSums(_ values: [Double]) -> [Double] {
        (0..<sequenceCount).map { steps(of: $0).reduce(0) { $0 + (mask[$1] ? values[$1] : 0) } }
    }
}
