/// The metrics of an evaluation: their titles and order.
package enum Metric {
    private static let known: [(name: String, title: String)] = [
        ("gold", "gold reward"), ("reward", "proxy reward"), ("pass@1", "pass@1"), ("win_rate", "win rate against the base"),
        ("kl", "KL to the base, nats"), ("entropy", "entropy, nats per step"), ("length", "length, steps"),
        ("distinct_2", "distinct word pairs"), ("logp_reference", "log-likelihood under the base"),
        ("drift", "drift of the velocities"), ("denoising_error", "denoising error"),
        ("diversity", "diversity of a prompt's samples"), ("grid_energy", "grid energy"), ("total_variation", "total variation"),
        ("brightness", "brightness"), ("exact/reward", "reward, exact"), ("exact/kl", "KL to the base, exact"),
        ("exact/frontier_gap", "reward below the frontier"),
    ]

    package static func title(_ name: String) -> String {
        known.first { $0.name == name }?.title ?? name.replacing("/", with: ": ")
    }

    /// Known metrics first, the others by name. If a reward has only one component, that is left out.
    package static func sorted(_ names: [String]) -> [String] {
        let first = known.map(\.name).filter(names.contains)
        let rest = names.filter { !first.contains($0) }.sorted()
        return first
            + rest.filter { name in
                ["gold/", "reward/"].allSatisfy { prefix in
                    !name.hasPrefix(prefix) || rest.count { $0.hasPrefix(prefix) } > 1
                }
            }
    }
}
