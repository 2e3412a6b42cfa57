/// `zoo_reward`, the Python module that turns functions and classes of Python into rewards and environments.
package enum RewardHelper {
    /// What `python3 -m` calls it.
    package static let module = "zoo_reward"

    /// The module's source.
    package static var source: String { String(decoding: PackageResources.zoo_reward_py, as: UTF8.self) }
}
