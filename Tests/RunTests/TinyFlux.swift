import Foundation
import Testing
import ZooModels
import ZooTensor

/// A folder of FLUX's shape at the size of a test, with embeddings and latents beside it, as diffusers and its text encoders would have
/// left them.
struct TinyFlux {
    let folder: URL
    var recipe: URL { folder.appending(path: "flux.yaml") }
    static let config = FluxConfig(
        inChannels: 8, layers: 1, singleLayers: 1, headWidth: 8, heads: 2, jointAttentionDim: 6, pooledProjectionDim: 4,
        guidanceEmbeds: true, axesDimsRope: [2, 2, 4])
    /// Rows of prompts and of latents.
    static let (prompts, latents) = (4, 6)

    /// A folder that is there already.
    init(folder: URL) { self.folder = folder }

    /// Writes `base`, `prompts.safetensors` with what an empty prompt gives, `latents.safetensors`, rows for each use, and a recipe.
    ///
    /// - Parameters:
    ///   - stage: YAML in the only stage, which is `policy: {folder: base, lora: ...}` unless `policy` says otherwise.
    ///   - images: YAML of `images`.
    ///   - more: YAML of the whole recipe.
    init(
        in folder: URL, policy: String = "{folder: base, lora: {r: 2, lora_alpha: 4}}",
        images: String = "{prompt_embeds: prompts.safetensors, latents: latents.safetensors}", stage: String = "",
        more: String = "evaluation: {prompts: held-out.jsonl, count: 2}"
    ) throws {
        self.folder = folder
        try Self.write(Self.embeddings(), to: folder, "prompts")
        try Self.write(["latents": .normal([Self.latents, 2, 4, 6], generator: Generator(seed: 2))], to: folder, "latents")
        try Self.write(["image_latents": .normal([2, 2, 4, 2], generator: Generator(seed: 3))], to: folder, "references")
        try base()
        try rows("train") { ["prompt_embeds": $0 % Self.prompts, "latents": $0] }
        try rows("pairs") { ["prompt_embeds": $0 % Self.prompts, "chosen": $0, "rejected": ($0 + 1) % Self.latents] }
        try rows("prompts") {
            ["prompt_embeds": $0 % Self.prompts, "degraded_prompt_embeds": ($0 + 1) % Self.prompts, "latents": $0]
        }
        try rows("held-out") { ["prompt_embeds": $0 % Self.prompts, "latents": $0] }
        let text = """
            name: flux
            images: \(images)
            stages:
              - name: only
                algorithm: sft
                policy: \(policy)
                data: {examples: train.jsonl, pairs: pairs.jsonl, prompts: prompts.jsonl}
                rollout: {denoising: {steps: 3, evaluation_steps: 2, guidance: 3.5}}
                score: {guidance: 3.5}
                parameters: {sft: {examples: 4}, dpo: {pairs: 4, beta: 50}, grpo: {prompts: 2, samples: 3}}
                optimizer: {learning_rate: 1e-2}
                budget: {iterations: 2}
            \(stage.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            \(more)

            """
        try Data(text.utf8).write(to: recipe)
    }

    /// Tensors of random embeddings.
    static func embeddings(tokens: Int = 3, width: Int = 6, pooled: Int = 4, hasNull: Bool = true) -> [String: Tensor] {
        let random = Generator(seed: 1)
        var tensors: [String: Tensor] = [
            "prompt_embeds": .normal([prompts, tokens, width], generator: random),
            "pooled_prompt_embeds": .normal([prompts, pooled], generator: random),
        ]
        guard hasNull else { return tensors }
        tensors["null_prompt_embeds"] = .normal([1, tokens, width], generator: random)
        tensors["null_pooled_prompt_embeds"] = .normal([1, pooled], generator: random)
        return tensors
    }

    static func write(_ tensors: [String: Tensor], to folder: URL, _ name: String) throws {
        try Safetensors.write(
            tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) },
            to: folder.appending(path: "\(name).safetensors"))
    }

    /// JSON lines with a prompt and the numbers of each row.
    func rows(_ name: String, count: Int = latents, _ columns: (Int) -> [String: Any]) throws {
        let lines = try (0..<count).map { row in
            let line = columns(row).merging(["prompt": "picture \(row)"]) { own, _ in own }
            return String(decoding: try JSONSerialization.data(withJSONObject: line, options: .sortedKeys), as: UTF8.self) + "\n"
        }
        try Data(lines.joined().utf8).write(to: folder.appending(path: "\(name).jsonl"))
    }

    /// A pipeline without text encoders and VAE, with weights that all matter.
    private func base() throws {
        let prompts = try StoredPrompts([folder.appending(path: "prompts.safetensors")])
        let network = try FlowImage.initialize(config: Self.config, prompts: prompts, generator: Generator(seed: 4))
        let place = folder.appending(path: "base", directoryHint: .isDirectory)
        try network.save(to: place)
        let random = Generator(seed: 5)
        let tensors = network.transformer.parameters.map { parameter in
            NamedTensor(
                parameter.name, withoutGrad { parameter.tensor + .normal(parameter.tensor.shape, generator: random) * 0.2 })
        }
        try Safetensors.write(
            tensors, to: place.appending(path: "transformer/diffusion_pytorch_model.safetensors"))
        let index =
            #"{"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"], "vae": [null, null]}"#
        try Data(index.utf8).write(to: place.appending(path: "model_index.json"))
        let scheduler = #"{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "use_dynamic_shifting": true}"#
        try Data(scheduler.utf8).write(to: place.appending(path: "scheduler/scheduler_config.json"))
    }
}
