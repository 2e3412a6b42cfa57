import CZoo
import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe

/// The environment of a run: `environment.json`.
package struct RunEnvironment: Codable {
    var command: [String]
    var started: Date
    var seed: UInt64
    var plugin: PluginDescription
    var abi: String
    var libtorch: String
    var compiler: String
    var system: String
    var processors: Int
    var memoryBytes: UInt64
    var device: String
    var threads: Int
    /// The processes that trained it together, as it was started; nil: one.
    var ranks: RankNote?
    /// The files that commands of rewards and environments name.
    var programs: [MadeInput]

    /// Several processes under a launcher.
    package struct RankNote: Codable {
        var launcher: String
        var ranks: Int
        /// The machine of each rank.
        var hosts: [String]

        package init(launcher: String, hosts: [String]) {
            (self.launcher, ranks, self.hosts) = (launcher, hosts.count, hosts)
        }
    }

    package init(_ spec: RunSpec, _ plugin: PluginDescription, libtorch: String, ranks: RankNote? = nil) {
        self.ranks = ranks
        command = spec.command
        started = Date()
        seed = spec.seed
        self.plugin = plugin
        abi = "\(ZOO_ABI_MAJOR).\(ZOO_ABI_MINOR)"
        self.libtorch = libtorch
        compiler = toolchain
        let info = ProcessInfo.processInfo
        system = info.operatingSystemVersionString
        processors = info.processorCount
        memoryBytes = info.physicalMemory
        device = spec.recipe.device
        threads = spec.threads
        programs = spec.madeFrom?.inputs.filter { $0.name.contains(".command[") } ?? []
    }
}
