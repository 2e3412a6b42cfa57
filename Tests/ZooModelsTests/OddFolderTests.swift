import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("a folder that is not what is wanted")
struct OddFolderTests {
    /// A copy of a recorded model.
    private func withModel<Result>(_ name: String = "tied", _ body: (URL) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            let model = folder.appendingPathComponent("model")
            try FileManager.default.copyItem(at: fixtures.appendingPathComponent(name), to: model)
            return try body(model)
        }
    }

    private func complaint(
        _ folder: URL, _ head: Head = .languageModel, status: CommandStatus = .data, location: SourceLocation = #_sourceLocation
    ) -> String {
        let error = #expect(throws: (any Error).self, sourceLocation: location) {
            try loadNetwork(from: folder, head: head, device: .cpu, trainable: false, generator: nil)
        }
        let text = error.map { "\($0)" } ?? ""
        #expect((error as? any PlainError)?.status == status && text.hasPrefix(folder.path), "\(text)", sourceLocation: location)
        return text
    }

    private func change(_ folder: URL, _ values: [String: Any]) throws {
        let file = folder.appendingPathComponent("config.json")
        var config = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        config.merge(values) { $1 }
        try JSONSerialization.data(withJSONObject: config).write(to: file)
    }

    // MARK: - Weights

    struct Format: Sendable, CustomTestStringConvertible {
        let name: String, says: String
        var isFolder = false
        var testDescription: String { name }
    }

    static let formats: [Format] = [
        Format(name: "pytorch_model.bin", says: "found pytorch_model.bin, a pickle of PyTorch"),
        Format(name: "pytorch_model-00001-of-00002.bin", says: "found pytorch_model-00001-of-00002.bin, a pickle"),
        Format(name: "model.fp16.safetensors", says: "found model.fp16.safetensors, a variant; name it model.safetensors"),
        Format(name: "model-q4_k_m.gguf", says: "found model-q4_k_m.gguf, llama.cpp's format"),
        Format(name: "consolidated.00.pth", says: "found consolidated.00.pth: the layout of Meta's and Mistral's own code"),
        Format(name: "consolidated.safetensors", says: "found consolidated.safetensors: the layout of Meta's"),
        Format(name: "params.json", says: "found params.json: the layout of Meta's"),
        Format(name: "original", says: "found original: the layout of Meta's", isFolder: true),
        Format(name: "model.onnx", says: "found model.onnx, an export for inference"),
        Format(name: "onnx", says: "found onnx, an export", isFolder: true),
        Format(name: "tf_model.h5", says: "found tf_model.h5, weights of another framework"),
        Format(name: "zero_to_fp32.py", says: "found zero_to_fp32.py: DeepSpeed's shards"),
        Format(name: "pytorch_model_fsdp_0", says: "found pytorch_model_fsdp_0: FSDP's shards", isFolder: true),
        Format(name: "adapter_model.safetensors", says: "an adapter's weights without their adapter_config.json"),
        Format(name: "diffusion_pytorch_model.safetensors", says: "one part of an image pipeline"),
        Format(name: "weights.safetensors", says: "found weights.safetensors; if that is the model, name it model.safetensors"),
    ]

    @Test("weights in another format are named with what to do, with a config.json and without", arguments: formats)
    func otherFormat(format: Format) throws {
        try withModel { model in
            try FileManager.default.removeItem(at: model.appendingPathComponent("model.safetensors"))
            try FileManager.default.removeItem(at: model.appendingPathComponent("expected.safetensors"))
            let file = model.appendingPathComponent(format.name)
            if format.isFolder {
                try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
            } else {
                try Data("{}".utf8).write(to: file)
            }
            let text = complaint(model)
            #expect(text.contains("expected model.safetensors") && text.contains(format.says), "\(text)")
            try FileManager.default.removeItem(at: model.appendingPathComponent("config.json"))
            let bare = complaint(model)
            #expect(bare.contains("config.json is missing") && bare.contains(format.says), "\(bare)")
        }
    }

    @Test("folders in it that are models are named: a run's, or a trainer's checkpoints, the last of them")
    func inner() throws {
        try withModel { model in
            let run = model.deletingLastPathComponent()
            #expect(complaint(run).contains("the folder model in it is a model: give that"))
            for step in [500, 1500, 1000] {
                try FileManager.default.copyItem(at: model, to: run.appendingPathComponent("checkpoint-\(step)"))
            }
            #expect(
                complaint(run).contains(
                    "checkpoint-1500, checkpoint-500, model in it are models: give one, such as checkpoint-1500"))
        }
    }

    @Test("a trainer's checkpoint loads: its optimizer, schedule and state lie beside the model and are not read")
    func checkpoint() throws {
        try withModel { model in
            for name in ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json"] {
                try Data("x".utf8).write(to: model.appendingPathComponent(name))
            }
            #expect(
                try loadNetwork(from: model, head: .languageModel, device: .cpu, trainable: false, generator: nil) is CausalLM)
        }
    }

    @Test("a number that is not finite is refused by file, tensor and count, in any shard", arguments: ["tied", "qwen2", "gpt2"])
    func notFinite(name: String) throws {
        try withModel(name) { model in
            let file = try #require(
                try FileManager.default.contentsOfDirectory(atPath: model.path).filter {
                    $0.hasPrefix("model") && $0.hasSuffix("safetensors")
                }
                .max())
            let weights = model.appendingPathComponent(file)
            let sound = try Safetensors.read(weights).sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }
            for (number, dtype) in [
                (Double.nan, DType.float32), (.infinity, .float16), (-.infinity, .bfloat16), (.nan, .float64),
            ] {
                var tensors = sound.map { NamedTensor($0.name, $0.tensor.to(dtype)) }
                let place = tensors.count / 2
                let shape = tensors[place].tensor.shape
                var values = tensors[place].tensor.to(.float64).doubles
                values[values.count - 1] = number
                tensors[place] = NamedTensor(tensors[place].name, Tensor(values, shape: shape).to(dtype))
                try Safetensors.write(tensors, to: weights)
                let text = complaint(model)
                #expect(
                    text.contains(
                        "/\(file): tensor \(tensors[place].name) has 1 of \(values.count) numbers that are NaN or infinite"))
                #expect(text.hasSuffix(": the file is damaged, or its training had diverged"), "\(text)")
                tensors[place + 1] = NamedTensor(
                    tensors[place + 1].name, .full(number, tensors[place + 1].tensor.shape, dtype: dtype))
                try Safetensors.write(tensors, to: weights)
                #expect(complaint(model).contains("infinite (and so have 1 more):"))
            }
        }
    }

    @Test("an image model's numbers are checked too")
    func notFiniteImages() throws {
        try withModel("flux") { model in
            let file = model.appendingPathComponent("transformer/diffusion_pytorch_model.safetensors")
            var tensors = try Safetensors.read(file).sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }
            tensors[0] = NamedTensor(tensors[0].name, .full(.infinity, tensors[0].tensor.shape))
            try Safetensors.write(tensors, to: file)
            #expect(complaint(model).contains("tensor \(tensors[0].name) has \(tensors[0].tensor.count) of"))
        }
    }

    @Test("sampling from logits that are not numbers says so, also where every weight is finite")
    func overflow() throws {
        let network = try smallModel()
        // The last norm's output times the head is beyond the largest number.
        for parameter in network.parameters where parameter.name == "model.norm.weight" {
            parameter.tensor.copy(from: .full(3e38, parameter.tensor.shape))
        }
        for temperature in [0.0, 1] {
            let error = #expect(throws: ModelError.self) {
                try network.generate(
                    prompts: [[3, 4]], samplesPerPrompt: 2, settings: SamplerSettings(maxNewTokens: 3, temperature: temperature),
                    generator: Generator(seed: 1), isCancelled: { false })
            }
            #expect(error?.description.contains("the model's logits are NaN or infinite") == true)
        }
    }

    @Test("a shard that is missing or cut short is named, with what is expected of it")
    func shards() throws {
        try withModel("qwen2") { model in
            let shard = model.appendingPathComponent("model-00002-of-00002.safetensors")
            let bytes = try Data(contentsOf: shard)
            try bytes.dropLast(100).write(to: shard)
            let text = complaint(model)
            #expect(text.contains("model-00002-of-00002.safetensors: ") && text.hasSuffix(": it was cut short"), "\(text)")
            #expect(text.contains("bytes of tensors, its header describes"))
            try FileManager.default.removeItem(at: shard)
            let missing = complaint(model, status: .noInput)
            #expect(missing.contains("there is no such file, though model.safetensors.index.json places"), "\(missing)")
        }
    }

    @Test(
        "a Git LFS pointer is named in the place of any file",
        arguments: ["model.safetensors", "config.json", "model.safetensors.index.json", "generation_config.json"])
    func pointers(name: String) throws {
        try withModel(name.contains("index") || name.contains("generation") ? "qwen2" : "tied") { model in
            let file = model.appendingPathComponent(name)
            try Data("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n".utf8).write(to: file)
            let text = complaint(model)
            #expect(
                text
                    == "\(file.path): is a Git LFS pointer of 70 bytes, not the file that it stands for; fetch that with: git lfs pull"
            )
        }
    }

    // MARK: - Other models

    struct Other: Sendable, CustomTestStringConvertible {
        let json: String, says: String
        var head = Head.languageModel
        var testDescription: String { json }
    }

    static let others: [Other] = [
        Other(
            json: #"{"_class_name": "FluxTransformer2DModel"}"#, says: "one part of an image pipeline (FluxTransformer2DModel)"),
        Other(
            json:
                #"{"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": {"model_type": "gemma3_text"}, "vision_config": {"model_type": "siglip_vision_model"}}"#,
            says: "model_type gemma3 (Gemma3ForConditionalGeneration), a model of several parts: "),
        Other(
            json: #"{"model_type": "qwen2_vl", "vision_config": {"depth": 32}}"#, says: "a model of several parts: vision_config"),
        Other(
            json: #"{"model_type": "mistral3", "text_config": {"model_type": "mistral"}}"#,
            says: "its text part is a mistral model: save that alone with transformers"),
        Other(
            json: #"{"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": true}"#,
            says: "an encoder-decoder"),
        Other(json: #"{"model_type": "bert", "architectures": ["BertModel"]}"#, says: "model_type bert (BertModel), an encoder"),
        Other(
            json: #"{"architectures": ["LlamaForSequenceClassification"]}"#, says: "a classifier or reward model: it has no head"),
        Other(json: #"{"architectures": ["LlamaForTokenClassification"]}"#, says: "a classifier or reward model"),
        Other(
            json: #"{"architectures": ["LlamaForQuestionAnswering"]}"#,
            says: "architectures is LlamaForQuestionAnswering: it has no head"),
        Other(
            json: #"{"architectures": ["LlamaForSequenceClassification"], "id2label": {"0": "a", "1": "b", "2": "c"}}"#,
            says: "LlamaForSequenceClassification has 3 labels (id2label); a reward model has one", head: .score),
        Other(
            json: #"{"tie_word_embeddings": false, "architectures": ["LlamaModel"]}"#,
            says: "without the head that predicts tokens"),
        Other(
            json: #"{"quantization_config": {"load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}}"#,
            says: "quantised by bitsandbytes to 4 bits"),
        Other(json: #"{"quantization_config": {"quant_method": "gptq", "bits": 8}}"#, says: "quantised by gptq to 8 bits"),
        Other(
            json: #"{"quantization_config": {"quant_method": "fp8"}}"#, says: "quantised by fp8; give the model in 16 or 32 bits"),
        Other(json: #"{}"#, says: "a model without a reward head, which cannot judge", head: .score),
    ]

    @Test("another kind of model is refused by what it is", arguments: others)
    func otherModels(other: Other) throws {
        try withModel { model in
            let values = try JSONSerialization.jsonObject(with: Data(other.json.utf8)) as? [String: Any]
            try change(model, try #require(values))
            let text = complaint(model, other.head)
            #expect(text.contains(other.says), "\(text)")
        }
    }

    @Test(
        "files beside the model say what it is: sentence-transformers, a quantiser",
        arguments: ["modules.json", "quantize_config.json"])
    func besides(name: String) throws {
        try withModel { model in
            try Data("[]".utf8).write(to: model.appendingPathComponent(name))
            let says =
                name == "modules.json"
                ? "a folder of sentence-transformers" : "quantize_config.json says that the weights are quantised"
            #expect(complaint(model).contains(says))
        }
    }

    // MARK: - Description

    @Test("a folder is described from its headers: kind, files, numbers, head and what is left out")
    func described() throws {
        let sharded = try ModelFolder(fixtures.appendingPathComponent("qwen2"))
        #expect(sharded.kind == .languageModel && sharded.type == "qwen2" && sharded.architecture == "Qwen2ForCausalLM")
        #expect(sharded.weights.map(\.name) == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
        let loaded = try loadNetwork(
            from: fixtures.appendingPathComponent("qwen2"), head: .languageModel, device: .cpu, trainable: false, generator: nil)
        #expect(sharded.weights.reduce(0) { $0 + $1.count } == loaded.parameters.reduce(0) { $0 + $1.tensor.count })
        #expect(sharded.head == .languageModel && sharded.ignored == [] && sharded.base == nil)
        #expect(try ModelFolder(fixtures.appendingPathComponent("score")).head == .score)
        #expect(try ModelFolder(fixtures.appendingPathComponent("value")).head == .value)

        let adapter = try ModelFolder(fixtures.appendingPathComponent("lora-ends"))
        #expect(adapter.kind == .languageAdapter && adapter.adapter?.r == 3 && adapter.baseName == "../tied")
        #expect(adapter.base?.path == fixtures.appendingPathComponent("tied").standardizedFileURL.path)
        let image = try ModelFolder(fixtures.appendingPathComponent("flux"))
        #expect(image.kind == .imagePipeline && image.type == "FluxKontextPipeline")
        #expect(image.weights.map(\.name).contains("transformer/diffusion_pytorch_model.safetensors"))
        #expect(try ModelFolder(fixtures.appendingPathComponent("flux-lora")).kind == .imageAdapter)

        try withModel { model in
            let file = model.appendingPathComponent("model.safetensors")
            var tensors = try Safetensors.read(file).mapValues { $0.to(.bfloat16) }
            tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
            tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = .ones([2])
            try Safetensors.write(tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }, to: file)
            let folder = try ModelFolder(model)
            #expect(folder.ignored.sorted() == ["lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"])
            let weights = try #require(folder.weights.first)
            #expect(weights.counts.map(\.type) == ["bfloat16", "float32"] && weights.counts.last?.count == 2)
            #expect(try weights.bytes == Data(contentsOf: file).count)
        }
    }

    @Test("a description is refused as the model would be", arguments: ["pytorch_model.bin", "model.gguf"])
    func undescribed(name: String) throws {
        try withModel { model in
            try FileManager.default.moveItem(
                at: model.appendingPathComponent("model.safetensors"), to: model.appendingPathComponent(name))
            let error = #expect(throws: FileError.self) { try ModelFolder(model) }
            #expect(error?.description.contains("found \(name)") == true)
        }
    }
}
