import ZooKit

private let plugin = PluginTable(ReinforcePlusPlus.self)

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { plugin.pointer }
