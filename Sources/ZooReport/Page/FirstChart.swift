import ZooPlugins

/// Which metrics the first chart of a report shows.
package enum FirstChart {
    /// Before the names of metrics that mean the same for every algorithm that logs them.
    package static let common = CommonMetric.prefix

    private static let order: [CommonMetric] = [
        .reward, .kl, .entropy, .length, .finished, .tokens, .seconds, .margin, .accuracy,
    ]
    /// For runs without common metrics.
    private static let fallback = ["eval/gold", "eval/reward", "objective/scores", "reward", "loss"]

    /// The curves to choose from, most wanted first: those that all variants log, so that they are in one chart, then those of some.
    /// Of either, common metrics come before the rewards on held-out prompts and each algorithm's own, which are all that runs of
    /// earlier versions have.
    ///
    /// - Parameter logged: the names that each variant logs.
    package static func curves(_ logged: [Set<String>]) -> [String] {
        let wanted = order.map(\.name) + fallback
        let found = wanted.filter { name in logged.contains { $0.contains(name) } }
        let all = found.filter { name in logged.allSatisfy { $0.contains(name) } }
        return all + found.filter { !all.contains($0) }
    }
}
