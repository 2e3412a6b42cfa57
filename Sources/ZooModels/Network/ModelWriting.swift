import Foundation
import ZooBase
import ZooTensor

/// Writes `config.json`, `generation_config.json` where there is one, and `model.safetensors`.
func writeModel(
    to folder: URL, config: JSONObject, parameters: [NamedTensor], generation: GenerationConfig? = nil
) throws {
    try writeFolder(
        folder, json: config, as: "config.json", generation: generation, parameters: parameters, as: "model.safetensors")
}

/// Writes a JSON file and a safetensors file; the weights come last, so that a folder with weights is complete.
func writeFolder(
    _ folder: URL, json: JSONObject, as jsonName: String, generation: GenerationConfig? = nil, parameters: [NamedTensor],
    as weightsName: String
) throws {
    try writeJSON(json, to: folder.appendingPathComponent(jsonName))
    try generation?.write(to: folder)
    try Safetensors.write(parameters, to: folder.appendingPathComponent(weightsName))
}

/// Writes an object to a file, whose folder is made where it is missing.
func writeJSON(_ json: JSONObject, to file: URL) throws {
    try OutputFile.createFolder(file.deletingLastPathComponent())
    try OutputFile.write(JSONValue.object(json).prettyData(escapesSlashes: true), to: file)
}
