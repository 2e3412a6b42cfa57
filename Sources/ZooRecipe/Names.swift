import ZooBase
import ZooPlugins

/// ZooKit has a JSON value of its own, for plugins; here the word means the host's.
public typealias JSONValue = ZooBase.JSONValue
