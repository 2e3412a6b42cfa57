import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Merges an adapter into its base.
public enum ModelMerge {
    /// Writes the weights W + s B A of every projection, in single precision, to a folder of Hugging Face's layout: all of it or
    /// nothing.
    ///
    /// - Parameter base: in place of the base that the adapter names.
    /// - Throws: if `adapter` contains none, it does not fit the base, or `output` already exists.
    public static func merge(_ adapter: URL, base: URL? = nil, into output: URL) throws {
        let files = FileManager.default
        guard AdapterFolder.isOne(adapter) else {
            throw ZooError(
                .invalidArgument,
                "\(adapter.path) is not an adapter: expected adapter_config.json and no config.json, or pytorch_lora_weights.safetensors "
                    + "and no model_index.json; a full model needs no merging")
        }
        guard !files.fileExists(atPath: output.path) else {
            throw ZooError(.alreadyExists, "\(output.path) already exists; choose another --output")
        }
        let network: any Network
        let place: URL
        do {
            let folder = try AdapterFolder(adapter)
            place = try folder.base(base)
            network = try mergedNetwork(folder, base: place)
        } catch {
            throw ZooError(plain: error)
        }
        try OutputFolder.write(output, existing: .refuse) { part in
            try network.save(to: part)
            try ModelTexts.copy(from: [adapter, place], to: part)
        }
    }
}
