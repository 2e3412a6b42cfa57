import Foundation
import ZooBase
import ZooTensor

/// Reading and writing one component of a folder in diffusers' layout.
enum DiffusersFolder {
    static let weights = "diffusion_pytorch_model"

    /// An object of a JSON file; throws where the file is missing or holds something else.
    static func object(_ file: URL, hint: String) throws -> ConfigKeys {
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw FileError(.noInput, file.path, "is missing; \(hint)")
        }
        return try ConfigKeys.read(file: file).keys
    }

    /// The component's tensors, from one file or from those that its index lists.
    static func tensors(in folder: URL) throws -> [String: Tensor] {
        try WeightFiles.require(in: folder, name: weights)
        return try Safetensors.readModel(in: folder, name: weights)
    }

    /// Writes `config.json` and the weights.
    static func write(_ folder: URL, config: JSONObject, parameters: [NamedTensor]) throws {
        try writeFolder(folder, json: config, as: "config.json", parameters: parameters, as: weights + ".safetensors")
    }
}
