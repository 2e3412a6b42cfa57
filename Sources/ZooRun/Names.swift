import ZooBase
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

// ZooKit has names of its own for plugins; here these words mean the host's and the networks'.
public typealias JSONValue = ZooBase.JSONValue
typealias Output = ZooModels.Output
