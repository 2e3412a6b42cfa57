import ZooData
import ZooPlugins
import ZooRecipe

/// ZooKit has a JSON value of its own, for plugins; here the word means the data's.
public typealias JSONValue = ZooData.JSONValue
