import ZooKit

private let plugin = PluginTable(GRPO.self)

@c(zoo_plugin_entry_v1) @implementation
public func zoo_plugin_entry_v1() -> UnsafePointer<zoo_plugin_v1>? { plugin.pointer }
