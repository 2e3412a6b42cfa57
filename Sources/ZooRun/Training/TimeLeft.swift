import ZooRecipe

/// How long a run will still train: at the pace of its last iterations, with the checkpoints that are left.
package struct TimeLeft {
    private var iterations: [(seconds: Double, share: Double)] = []
    private var hasFirst = true
    /// Of the last one.
    private var checkpointSeconds = 0.0
    /// Iterations that tell the pace: samples get longer or shorter as the policy learns.
    private static let most = 20

    package init() {}

    /// - Parameter share: of the budget that the iteration spent.
    package mutating func note(seconds: Double, share: Double) {
        iterations.append((seconds, share))
        // The first one reads networks and warms caches.
        if iterations.count == 3, hasFirst {
            iterations.removeFirst()
            hasFirst = false
        }
        if iterations.count > Self.most { iterations.removeFirst() }
    }

    package mutating func noteCheckpoint(seconds: Double) { checkpointSeconds = seconds }

    /// Iterations after `fraction` of the budget; nil if none is known yet.
    package func iterations(after fraction: Double) -> Double? {
        let share = iterations.reduce(0) { $0 + $1.share }
        guard share > 0 else { return nil }
        return (max(0, 1 - fraction) / share * Double(iterations.count) - 1e-6).rounded(.up)
    }

    /// Seconds of training after `fraction` of the budget.
    package func seconds(after fraction: Double, checkpointEvery: Int) -> Double? {
        guard let left = iterations(after: fraction) else { return nil }
        let checkpoints = checkpointEvery > 0 ? (left / Double(checkpointEvery)).rounded(.down) : 0
        let mean = iterations.reduce(0) { $0 + $1.seconds } / Double(iterations.count)
        return left * mean + checkpoints * checkpointSeconds
    }
}
