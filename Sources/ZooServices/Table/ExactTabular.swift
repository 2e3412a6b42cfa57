import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// What is known in closed form of a tabular policy.
///
/// The optimum of E[r] − β KL(π‖π_ref) is π* ∝ π_ref exp(r/β) (Rafailov et al. 2023, eq. 4). β is the one that gives the policy's own
/// KL its best possible reward, so the gap to the frontier needs no β from the algorithm.
struct ExactTabular {
    /// `exact/kl`, `exact/reward`, and `exact/frontier_gap`: the expected reward of the best policy at the same KL minus this
    /// one's.
    let metrics: [String: Double]

    init(_ policy: Tabular, reference: Tabular, _ task: TabularTask) {
        let kl = policy.exactKL(from: reference)
        let reward = policy.expectedReward(task.rewards)
        let best = Self.bestReward(reference: reference, rewards: task.rewards, kl: kl)
        metrics = ["exact/kl": kl, "exact/reward": reward, "exact/frontier_gap": best - reward]
    }

    /// The highest reward of any policy at that KL to the reference: bisection over log β, since KL falls as β rises.
    private static func bestReward(reference: Tabular, rewards: [[Double]], kl: Double) -> Double {
        func point(_ beta: Double) -> (kl: Double, reward: Double) {
            let best = Tabular.optimum(reference: reference, reward: rewards, beta: beta).probabilities
            let base = reference.sequenceProbabilities()
            var result = (kl: 0.0, reward: 0.0)
            for prompt in best.indices {
                for completion in best[prompt].indices where best[prompt][completion] > 0 {
                    let p = best[prompt][completion]
                    result.kl += p * log(p / base[prompt][completion]) / Double(best.count)
                    result.reward += p * rewards[prompt][completion] / Double(best.count)
                }
            }
            return result
        }
        var (low, high) = (log(1e-3), log(1e3))
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if point(exp(middle)).kl > kl { low = middle } else { high = middle }
        }
        return point(exp(high)).reward
    }
}
