import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("an adapter folder that is not as it should be")
struct AdapterBadInputTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        let key: String, json: String?, says: String
        var testDescription: String { "\(key): \(json ?? "left out")" }
    }

    /// A copy of a recorded adapter whose base is still found.
    private func withAdapter<Result>(_ body: (URL) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            let adapter = folder.appendingPathComponent("adapter")
            try FileManager.default.copyItem(at: fixtures.appendingPathComponent("lora-standard"), to: adapter)
            try FileManager.default.copyItem(
                at: fixtures.appendingPathComponent("tied"), to: folder.appendingPathComponent("tied"))
            return try body(adapter)
        }
    }

    private func complaint(_ adapter: URL) -> String {
        let error = #expect(throws: (any Error).self) {
            try loadNetwork(from: adapter, head: .languageModel, device: .cpu, trainable: false, generator: nil)
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(error is ModelError || error is TensorError || error is FileError, "\(text)")
        return text
    }

    @Test(
        "what is not plain LoRA is refused by key",
        arguments: [
            Broken(key: "peft_type", json: "\"IA3\"", says: "peft_type is IA3; expected \"LORA\""),
            Broken(key: "peft_type", json: nil, says: "peft_type is missing"),
            Broken(key: "task_type", json: "\"SEQ_CLS\"", says: "task_type is SEQ_CLS"),
            Broken(key: "use_dora", json: "true", says: "use_dora is"),
            Broken(key: "bias", json: "\"all\"", says: "bias is all; expected \"none\""),
            Broken(key: "lora_bias", json: "true", says: "lora_bias is"),
            Broken(key: "task_type", json: "\"TOKEN_CLS\"", says: "task_type is TOKEN_CLS; expected"),
            Broken(key: "trainable_token_indices", json: "[3]", says: "trainable_token_indices is"),
            Broken(key: "modules_to_save", json: "[\"lm_head\"]", says: "base_model.model.lm_head.weight is missing"),
            Broken(
                key: "modules_to_save", json: "[\"norm\"]",
                says: "modules_to_save: 'norm' is not supported; supported are embed_tokens, lm_head"),
            Broken(
                key: "rank_pattern", json: "{\"q_proj\": 2}", says: "q_proj.lora_A.weight has shape [3, 16]; expected [2, 16]"),
            Broken(key: "rank_pattern", json: "{\"q_proj\": 0}", says: "rank_pattern is"),
            Broken(key: "rank_pattern", json: "{\"(\": 2}", says: "rank_pattern: '(.*\\.)?(()$' is not a regular expression"),
            Broken(key: "alpha_pattern", json: "{\"q_proj\": \"2\"}", says: "alpha_pattern is"),
            Broken(key: "layers_to_transform", json: "[0]", says: "layers.1.self_attn.q_proj.lora_A.weight does not belong"),
            Broken(key: "layers_to_transform", json: "\"all\"", says: "layers_to_transform is all"),
            Broken(key: "layers_pattern", json: "\"layers\"", says: "layers_to_transform is null; expected numbers of layers"),
            Broken(key: "exclude_modules", json: "[\"v_proj\"]", says: "v_proj.lora_A.weight does not belong"),
            Broken(key: "init_lora_weights", json: "\"pissa\"", says: "init_lora_weights is pissa"),
            Broken(key: "a_feature_to_come", json: "{\"on\": true}", says: "a_feature_to_come is"),
            Broken(key: "r", json: "0", says: "r is 0; expected a whole number from 1"),
            Broken(key: "r", json: "\"3\"", says: "r is 3; expected a whole number"),
            Broken(key: "r", json: "4", says: "lora_A.weight has shape [3, 16]; expected [4, 16]"),
            Broken(key: "lora_alpha", json: "\"five\"", says: "lora_alpha is five; expected a number"),
            Broken(key: "target_modules", json: "\".*_proj\"", says: "layers.0.self_attn.k_proj.lora_A.weight is missing"),
            Broken(key: "target_modules", json: "\"q_proj\"", says: "target_modules: no layer of the model is meant"),
            Broken(key: "target_modules", json: "\"(\"", says: "target_modules: '(' is not a regular expression"),
            Broken(key: "target_modules", json: "[\"q_proj\", 3]", says: "target_modules is"),
            Broken(key: "target_modules", json: "[\"q_proj\", \"w_proj\"]", says: "v_proj.lora_A.weight does not belong"),
            Broken(key: "target_modules", json: "[\"w_proj\"]", says: "no projection 'w_proj'"),
            Broken(key: "target_modules", json: "[\"q_proj\"]", says: "v_proj.lora_A.weight does not belong"),
            Broken(key: "target_modules", json: "[\"q_proj\", \"v_proj\", \"o_proj\"]", says: "o_proj.lora_A.weight is missing"),
            Broken(key: "base_model_name_or_path", json: "\"meta/llama\"", says: "its base 'meta/llama' is not a model folder"),
            Broken(key: "base_model_name_or_path", json: "\"meta/llama\"", says: "hf download meta/llama --local-dir base"),
            Broken(key: "base_model_name_or_path", json: "\"../nowhere\"", says: "/nowhere"),
            Broken(key: "base_model_name_or_path", json: nil, says: "base_model_name_or_path is missing"),
            Broken(key: "base_model_name_or_path", json: "\".\"", says: "is an adapter itself"),
        ])
    func config(broken: Broken) throws {
        try withAdapter { adapter in
            let file = adapter.appendingPathComponent("adapter_config.json")
            var config = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            config[broken.key] = try broken.json.map {
                try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
            }
            try JSONSerialization.data(withJSONObject: config).write(to: file)
            let text = complaint(adapter)
            #expect(text.contains(broken.says) && text.contains(adapter.path), "\(text)")
        }
    }

    @Test("another base than the adapter's is refused by tensor and shape")
    func otherBase() throws {
        try withAdapter { adapter in
            let base = adapter.deletingLastPathComponent().appendingPathComponent("tied")
            try FileManager.default.removeItem(at: base)
            try FileManager.default.copyItem(at: fixtures.appendingPathComponent("untied"), to: base)
            let text = complaint(adapter)
            #expect(text.contains("self_attn.q_proj.lora_A.weight has shape [3, 16]; expected [3, 20]"), "\(text)")
        }
    }

    @Test("tensors that lie, lack or do not belong are refused by file and name")
    func weights() throws {
        func expect(_ says: String, _ change: (URL) throws -> Void) throws {
            try withAdapter { adapter in
                let file = adapter.appendingPathComponent("adapter_model.safetensors")
                try change(file)
                let text = complaint(adapter)
                #expect(text.contains(says) && text.contains(adapter.path), "\(text)")
            }
        }
        func rewrite(_ file: URL, _ change: (inout [String: Tensor]) -> Void) throws {
            var tensors = try Safetensors.read(file)
            change(&tensors)
            try Safetensors.write(tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }, to: file)
        }
        let first = "base_model.model.model.layers.0.self_attn.q_proj."
        try expect("adapter_model.safetensors is missing") { try FileManager.default.removeItem(at: $0) }
        try expect("claims bytes") { try Data(contentsOf: $0).dropLast(8).write(to: $0) }
        try expect("the header claims") {
            var bytes = try Data(contentsOf: $0)
            bytes[5] = 1
            try bytes.write(to: $0)
        }
        try expect("\(first)lora_B.weight is missing") { try rewrite($0) { $0[first + "lora_B.weight"] = nil } }
        try expect("\(first)lora_B.weight has shape [3, 16]; expected [16, 3]") {
            try rewrite($0) { $0[first + "lora_B.weight"] = .zeros([3, 16]) }
        }
        try expect("base_model.model.lm_head.lora_A.weight does not belong") {
            try rewrite($0) { $0["base_model.model.lm_head.lora_A.weight"] = .zeros([3, 16]) }
        }
        try expect("tensor \(first)lora_A.weight has 48 of 48 numbers that are NaN or infinite: the file is damaged") {
            try rewrite($0) { $0[first + "lora_A.weight"] = .full(.nan, [3, 16]) }
        }
        try expect("two tensors mean \(first)lora_A.weight: the file holds more than one adapter") {
            try rewrite($0) { $0[first + "lora_A.other.weight"] = .zeros([3, 16]) }
        }
        try expect("embed_tokens.weight differs from the base's own, and modules_to_save does not name it") {
            try rewrite($0) { $0["base_model.model.model.embed_tokens.weight"] = .zeros([37, 16]) }
        }
        try expect("the adapter was trained on a base whose vocabulary had been resized") {
            try rewrite($0) { $0["base_model.model.lm_head.weight"] = .zeros([40, 16]) }
        }
        try expect("found adapter_model.bin, a pickle of PyTorch") {
            try FileManager.default.moveItem(
                at: $0, to: $0.deletingLastPathComponent().appendingPathComponent("adapter_model.bin"))
        }
        try expect("\(first)lora_A.weight is int64; expected floating-point numbers") {
            try rewrite($0) { $0[first + "lora_A.weight"] = .zeros([3, 16], dtype: .int64) }
        }
    }

    @Test(
        "names that a wrapped model or a named adapter left are read as PEFT's",
        arguments: [
            ("base_model.model.", "base_model.model.base_model.model."), ("base_model.model.", ""),
            ("base_model.", "module.base_model."),
            (".weight", ".default.weight"), (".weight", ".my_adapter.weight"), ("model.layers", "model._orig_mod.layers"),
        ])
    func names(old: String, new: String) throws {
        try withAdapter { adapter in
            let file = adapter.appendingPathComponent("adapter_model.safetensors")
            let tensors = try Safetensors.read(file).map { name, tensor in
                let place = old == ".weight" ? name.range(of: old, options: .backwards) : name.range(of: old)
                return NamedTensor(name.replacingCharacters(in: try #require(place), with: new), tensor)
            }
            try Safetensors.write(tensors.sorted { $0.name < $1.name }, to: file)
            let recorded = try Recorded("lora-standard")
            let network = try loadNetwork(from: adapter, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            let logp = try network.forward(recorded.batch, [.logp])[0].floats
            #expect(distance(logp, try #require(recorded.numbers["logp"]).floats) < 2e-5)
        }
    }

    @Test("a base's config.json beside an adapter does not make it a model; a model's weights beside it are refused")
    func besideAModel() throws {
        try withAdapter { adapter in
            let tied = fixtures.appendingPathComponent("tied")
            func copy(_ name: String) throws {
                try FileManager.default.copyItem(at: tied.appendingPathComponent(name), to: adapter.appendingPathComponent(name))
            }
            try copy("config.json")
            #expect(AdapterFolder.isOne(adapter))
            try copy("model.safetensors")
            #expect(complaint(adapter).contains("holds a model and an adapter (model.safetensors and adapter_model.safetensors)"))
        }
    }

    @Test("half precision is read as what it stands for", arguments: [DType.float16, .bfloat16])
    func halfPrecision(dtype: DType) throws {
        try withAdapter { adapter in
            let file = adapter.appendingPathComponent("adapter_model.safetensors")
            let tensors = try Safetensors.read(file).mapValues { $0.to(dtype) }
            try Safetensors.write(tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }, to: file)
            let folder = try AdapterFolder(adapter)
            let base = try CausalLM.load(
                from: folder.base(), head: .languageModel, device: .cpu, trainable: false, generator: nil)
            let network = try CausalLM(adapting: base, with: folder, head: .languageModel, trainable: true)
            for parameter in network.parameters {
                #expect(parameter.tensor.dtype == .float32)
                #expect(parameter.tensor.floats == tensors[parameter.name]?.floats)
            }
        }
    }
}
