import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

// ZooKit has names of its own for plugins; in the host these words mean the data's and the networks'.
public typealias JSONValue = ZooData.JSONValue
typealias Output = ZooModels.Output
