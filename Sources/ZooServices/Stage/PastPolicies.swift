import ZooKit
import ZooModels
import ZooPlugins
import ZooRecords

/// The policy as each of the last iterations found it, for rollouts that lag behind training.
///
/// A rollout of iteration i is drawn with the weights that iteration i − lag began with; before there is such a one, with the initial
/// ones. That is the order in which sampling and training work where they run at the same time, with a queue of so many rollouts
/// between them that is full of the initial policy's at the start.
package final class PastPolicies {
    /// The policy that an iteration began with, frozen.
    package struct Past {
        package let iteration: Int
        /// Updates before it.
        package let version: Int
        package let network: any Network
    }

    package let lag: Int
    /// Oldest first; the last is of the current iteration.
    package private(set) var kept: [Past] = []

    init(lag: Int) { self.lag = lag }

    /// Copies the policy as the iteration finds it. To be called before its first update; again in the same iteration it does nothing.
    func note(_ policy: RoleNetwork, iteration: Int) {
        guard kept.last?.iteration != iteration else { return }
        kept = needed(after: iteration)
        kept.append(Past(iteration: iteration, version: policy.version, network: policy.network.copy(trainable: false)))
    }

    /// Those that iterations from this one on sample from, without its own, which is the policy itself.
    package func needed(after iteration: Int) -> [Past] {
        kept.filter { $0.iteration >= iteration - lag && $0.iteration < iteration }
    }

    /// Takes up a checkpoint's: a copy of the policy for each, whose weights `read` sets.
    package func restore(
        _ saved: [(iteration: Int, version: Int)], copying policy: RoleNetwork,
        read: (_ iteration: Int, _ network: any Network) throws -> Void
    ) throws {
        kept = try saved.map { iteration, version in
            let network = policy.network.copy(trainable: false)
            try read(iteration, network)
            return Past(iteration: iteration, version: version, network: network)
        }
    }
}

extension Ledger {
    /// Enters the copies of a queue that is full.
    mutating func note(_ past: PastPolicies, of policy: RoleNetwork) {
        let numbers = policy.network.parameters.reduce(0) { $0 + $1.tensor.count }
        let bytes = policy.network.parameters.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.size }
        roles["past policies", default: Account()].parameters = (past.lag + 1) * numbers
        roles["past policies", default: Account()].weightBytes = (past.lag + 1) * bytes
    }
}
