import Foundation
import ZooBase
import ZooTensor

/// Weights in a folder, whatever their format: what is there where nothing is that can be read.
enum WeightFiles {
    /// Weights of a whole model in the formats of transformers.
    static func present(in folder: URL) -> [String] {
        names(in: folder).filter {
            ["model.safetensors", "model.safetensors.index.json"].contains($0) || $0.hasPrefix("pytorch_model") && isPickle($0)
        }
    }

    /// Throws, by name and with a way to convert it, if a folder's weights are in another format.
    static func require(in folder: URL, name: String = "model") throws {
        guard !FileManager.default.fileExists(atPath: Safetensors.modelFile(in: folder, name: name).path) else { return }
        let expected = "expected \(name).safetensors or \(name).safetensors.index.json"
        guard let found = convertible(in: folder, name: name) else {
            throw FileError(.noInput, folder.path, "\(expected), found neither")
        }
        throw FileError(.data, folder.path, "\(expected); \(found)")
    }

    /// What a folder holds in place of what is read, in a few words with the way on; nil if there is nothing known.
    ///
    /// - Parameters:
    ///   - name: of the weights, as `require` takes it.
    ///   - adapter: whether an adapter's weights are wanted.
    static func convertible(in folder: URL, name: String = "model", adapter: Bool = false) -> String? {
        let names = names(in: folder)
        func first(_ isOne: (String) -> Bool) -> String? { names.first(where: isOne) }
        let pickle = "a pickle of PyTorch, which is not read because it can run any code"
        if adapter {
            return first { $0 == "adapter_model.bin" }.map {
                "found \($0), \(pickle); convert it with peft: PeftModel.from_pretrained(base, …).save_pretrained(…)"
            }
        }
        // Nothing is amiss with the weights.
        guard !names.contains("\(name).safetensors"), !names.contains("\(name).safetensors.index.json") else { return nil }
        if let found = first({ $0.hasPrefix("zero_to_fp32") || $0.hasPrefix("global_step") }) {
            return "found \(found): DeepSpeed's shards of a training run; put them together with: python zero_to_fp32.py . OUT "
                + "--safe_serialization"
        }
        if let found = first({ $0.hasPrefix("pytorch_model_fsdp") || $0.hasSuffix(".distcp") }) {
            return "found \(found): FSDP's shards of a training run; put them together with: accelerate merge-weights"
        }
        if let found = first({ ["pytorch_model", "diffusion_pytorch_model"].contains(where: $0.hasPrefix) && isPickle($0) }) {
            return "found \(found), \(pickle); convert it with transformers or diffusers: from_pretrained(…).save_pretrained(…, "
                + "safe_serialization=True)"
        }
        if let found = first({ $0.hasPrefix(name + ".") && $0.hasSuffix(".safetensors") && $0 != name + ".safetensors" }) {
            return "found \(found), a variant; name it \(name).safetensors"
        }
        if let found = first({ $0.hasSuffix(".gguf") }) {
            return "found \(found), llama.cpp's format; give the folder in safetensors that it was made from"
        }
        let original = (first { $0.hasPrefix("consolidated") } ?? first { $0 == "params.json" }) ?? first { $0 == "original" }
        if let original {
            return
                "found \(original): the layout of Meta's and Mistral's own code; give the model's folder for transformers, or convert "
                + "it with transformers' convert_llama_weights_to_hf.py"
        }
        if let found = first({ $0.hasSuffix(".onnx") || $0 == "onnx" || $0.hasPrefix("openvino_") }) {
            return "found \(found), an export for inference; give the folder in safetensors that it was made from"
        }
        if let found = first({ ["tf_model", "flax_model", "rust_model", "model.ckpt"].contains(where: $0.hasPrefix) }) {
            return "found \(found), weights of another framework; convert them with transformers: from_pretrained(…, from_tf or "
                + "from_flax=True).save_pretrained(…)"
        }
        if first({ $0 == "adapter_model.safetensors" }) != nil, first({ $0 == "adapter_config.json" }) == nil {
            return "found adapter_model.safetensors, an adapter's weights without their adapter_config.json"
        }
        if let inner = innerModels(in: folder, names) { return inner }
        if name == "model", let found = first({ $0.hasPrefix("diffusion_pytorch_model") }) {
            return "found \(found): one part of an image pipeline; give the pipeline's folder, which has model_index.json"
        }
        return first { $0.hasSuffix(".safetensors") }.map { "found \($0); if that is the model, name it \(name).safetensors" }
    }

    /// Folders in a folder that are models: those of a run, or a trainer's checkpoints.
    private static func innerModels(in folder: URL, _ names: [String]) -> String? {
        let inner = names.filter { name in
            ["config.json", "adapter_config.json", "model_index.json"].contains {
                FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).appendingPathComponent($0).path)
            }
        }
        func step(_ name: String) -> Int { name.split(separator: "-").last.flatMap { Int($0) } ?? -1 }
        guard let last = inner.max(by: { step($0) < step($1) }) else { return nil }
        return inner.count == 1
            ? "the folder \(last) in it is a model: give that"
            : "the folders \(inner.joined(separator: ", ")) in it are models: give one, such as \(last)"
    }

    private static func isPickle(_ name: String) -> Bool {
        [".bin", ".bin.index.json", ".pt", ".pth"].contains(where: name.hasSuffix)
    }

    private static func names(in folder: URL) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    }
}
