import Foundation
import Synchronization
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

/// Shows the events of runs as progress lines.
final class RunWatcher: RunObserver {
    private struct State {
        var fractions: [String: Double] = [:]
        /// Of its time, as far as it knows; else of its budget.
        var shares: [String: Double] = [:]
        var started: [String: Double] = [:]
    }

    private let state = Mutex(State())
    private let progress: ProgressLines?
    /// The runs of a comparison, whose joint progress has a separate line.
    private let runs: Set<String>
    private static let total = "all runs"

    /// - Parameter quiet: show nothing.
    init(quiet: Bool, runs: [String] = []) {
        progress = quiet ? nil : ProgressLines()
        self.runs = Set(runs)
    }

    func observe(_ run: String, _ event: RunEvent) {
        switch event {
        case .phase(let phase): update(run, fraction: nil, detail: phase)
        case .step(let iteration, let fraction, let metrics, let left):
            update(run, fraction: fraction, detail: "iteration \(iteration)" + Self.highlights(metrics), left: left)
        case .message(let line): progress?.message("\(run): \(line)")
        case .stopped, .log, .ended: break
        case .failure(_, let message): finish(run, "failed: \(message)")
        case .done:
            finish(
                run, "done in \(Quantity.seconds(monotonicSeconds() - state.withLock { $0.started[run] ?? monotonicSeconds() }))")
        }
    }

    private func update(_ run: String, fraction: Double?, detail: String, left: Double? = nil) {
        let (own, all) = state.withLock { state -> (Double, Double?) in
            let start = state.started[run] ?? monotonicSeconds()
            state.started[run] = start
            let own = fraction ?? state.fractions[run] ?? 0
            state.fractions[run] = own
            let spent = monotonicSeconds() - start
            if let left, spent + left > 0 {
                state.shares[run] = spent / (spent + left)
            } else if fraction != nil {
                state.shares[run] = own
            }
            return (own, self.share(state))
        }
        progress?.update(run, fraction: own, detail: detail, left: left)
        if let all { progress?.update(Self.total, fraction: all) }
    }

    private func finish(_ run: String, _ message: String) {
        let all = state.withLock { state -> Double? in
            (state.fractions[run], state.shares[run]) = (1, 1)
            return self.share(state)
        }
        progress?.finish(run, message)
        guard let all else { return }
        if all < 1 { progress?.update(Self.total, fraction: all) } else { progress?.finish(Self.total, "done") }
    }

    private func share(_ state: State) -> Double? {
        guard runs.count > 1, runs.contains(where: { state.fractions[$0] != nil }) else { return nil }
        return runs.reduce(0) { $0 + min(state.shares[$1] ?? 0, 1) } / Double(runs.count)
    }

    /// The first of the common metrics that the run has: the same for every algorithm.
    private static func highlights(_ metrics: [String: Double]) -> String {
        let shown = CommonMetric.allCases.compactMap { metric in metrics[metric.name].map { (metric.rawValue, $0) } }
        return shown.prefix(3).map { "  \($0) \(Quantity.number($1))" }.joined()
    }
}
