import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("flow-image folders and training")
struct FlowImageFilesTests {
    private static let canvas = ImageShape(channels: 1, height: 4, width: 4)

    /// Two images, each of one value everywhere.
    private static func images() -> ImageSequences {
        ImageSequences(
            shape: canvas, kinds: 2, sample: Array(repeating: 1, count: 16) + Array(repeating: -0.5, count: 16),
            conditions: [0, 0, 1, 0], pairSeed: [1, 2])
    }

    @Test("a saved network is read back exactly", arguments: [Head.languageModel, .value], [false, true])
    func roundTrip(head: Head, guidanceEmbeds: Bool) throws {
        try withTemporaryFolder { folder in
            let network = try smallFlow(head, guidanceEmbeds: guidanceEmbeds)
            if head == .value { network.parameters[network.parameters.count - 1].tensor.fill(0.5) }
            try network.save(to: folder)
            let again = try FlowImage.load(from: folder, head: head)
            #expect(again.parameters.map(\.name) == network.parameters.map(\.name))
            for (a, b) in zip(again.parameters, network.parameters) { #expect(a.tensor.floats == b.tensor.floats) }
            #expect(again.config == network.config && again.schedule == network.schedule)
            let copy = network.copied(trainable: false)
            for (a, b) in zip(copy.parameters, network.parameters) { #expect(a.tensor.floats == b.tensor.floats) }
            network.parameters[0].tensor.fill(0)
            #expect(copy.parameters[0].tensor.floats != network.parameters[0].tensor.floats)
            #expect(!copy.parameters[0].tensor.requiresGrad)
        }
    }

    @Test("a critic starts at zero on a policy's weights, and learns a value of state and time")
    func critic() throws {
        try withTemporaryFolder { folder in
            let policy = try smallFlow()
            try policy.save(to: folder)
            let critic = try FlowImage.load(from: folder, head: .value)
            let batch = try policy.generate(
                prompts: [ImagePrompt(conditions: [1, 1])], shape: Self.canvas, samplesPerPrompt: 4,
                settings: ImageSampler(steps: 4, noiseLevel: 0.7), generator: Generator(seed: 2), isCancelled: { false }
            ).sequences
            #expect(try critic.forward(batch, [.value])[0].floats == Array(repeating: 0, count: 12))
            #expect(critic.supports(.value) && !critic.supports(.logp) && !policy.supports(.value))
            let targets = Tensor(zip(batch.sigma, batch.mask).filter(\.1).map { Float($0.0) })
            let optimizer = AdamW(parameters: critic.parameters)
            var losses: [Double] = []
            for _ in 0..<40 {
                let loss = (try critic.forward(batch, [.value])[0] - targets).square().mean()
                losses.append(loss.item)
                backward([loss], gradients: [.ones([])])
                optimizer.step(learningRate: 0.02)
                optimizer.zeroGradients()
            }
            #expect(losses[39] < 0.1 * losses[0])
            try critic.save(to: folder)
            let again = try FlowImage.load(from: folder, head: .value)
            #expect(try again.forward(batch, [.value])[0].floats == critic.forward(batch, [.value])[0].floats)
        }
    }

    @Test("trained on two images by minus the score, it draws them")
    func learns() throws {
        let generator = Generator(seed: 4)
        let network = try FlowImage.initialize(
            config: smallFlow().config, kinds: [.init("class", 2), .init("place", 1)], generator: generator)
        var batch = Self.images()
        batch.scoring = .init(draws: 16, times: .uniform)
        let optimizer = AdamW(parameters: network.parameters)
        for step in 0..<150 {
            batch.pairSeed = [UInt64(2 * step), UInt64(2 * step + 1)]
            let loss = -(try network.forward(batch, [.score])[0].mean())
            backward([loss], gradients: [.ones([])])
            optimizer.step(learningRate: 0.01)
            optimizer.zeroGradients()
        }
        let found = try network.generate(
            prompts: [[0, 0], [1, 0]].map { ImagePrompt(conditions: $0) }, shape: Self.canvas, samplesPerPrompt: 2,
            settings: ImageSampler(steps: 20), generator: generator, isCancelled: { false }
        ).sequences.sample
        let means = (0..<4).map { found[$0 * 16..<($0 + 1) * 16].reduce(0, +) / 16 }
        #expect(distance(means, [1, 1, -0.5, -0.5]) < 0.2, "\(means)")
    }

    @Test("prompt embeddings are read where text encoders would stand")
    func stored() throws {
        try withTemporaryFolder { folder in
            let network = try smallFlow()
            try network.save(to: folder)
            let prompts = Tensor.normal([3, 2, 8], generator: Generator(seed: 1))
            let file = folder.appendingPathComponent("prompts.safetensors")
            let table = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.tensor) })
            let (a, b) = (
                try #require(table["condition_table.class.prompt"]), try #require(table["condition_table.place.prompt"])
            )
            let (c, d) = (
                try #require(table["condition_table.class.pooled"]), try #require(table["condition_table.place.pooled"])
            )
            // Row 1 is what the table gives for class 2 at place 1.
            let row = withoutGrad { Tensor.concatenate([a.narrow(0, 2..<3), b.narrow(0, 1..<2)]).reshape([1, 2, 8]) }
            let sum = withoutGrad { c.narrow(0, 2..<3) + d.narrow(0, 1..<2) }
            try Safetensors.write(
                [
                    NamedTensor("prompt_embeds", .concatenate([prompts.narrow(0, 0..<1), row, prompts.narrow(0, 2..<3)])),
                    NamedTensor("pooled_prompt_embeds", .concatenate([sum * 2, sum, sum * 3])),
                ], to: file)
            let stored = try StoredPrompts([file])
            #expect(stored.count == 3 && stored.tokens == 2 && stored.widths == (8, stored.widths.pooled))
            let given = try FlowImage.load(from: folder, prompts: stored)
            var batch = Self.images()
            batch.conditions = [2, 1, 2, 1]
            let expected = try network.denoisingError(batch).floats
            batch.kinds = 1
            batch.conditions = [1, 1]
            #expect(distance(try given.denoisingError(batch).floats, expected) < 1e-6)
            batch.conditions = [3, 1]
            #expect(throws: ModelError.self) { try given.denoisingError(batch) }
            batch.conditions = [-1, 1]
            #expect(throws: ModelError.self) { try given.denoisingError(batch) }
        }
    }

    @Test(
        "what does not load is refused by name",
        arguments: [
            ("model_index.json", "_class_name", "StableDiffusion3Pipeline", "FluxPipeline, FluxKontextPipeline"),
            ("transformer/config.json", "_class_name", "SD3Transformer2DModel", "FluxTransformer2DModel"),
            ("transformer/config.json", "pos_embed_max_size", "96", "pos_embed_max_size is not supported"),
            ("transformer/config.json", "axes_dims_rope", "[2, 2, 4]", "attention_head_dim (6)"),
            ("transformer/config.json", "num_layers", "2000000000", "num_layers is 2000000000; expected at most 4096"),
            ("transformer/config.json", "num_attention_heads", "4611686018427387904", "expected at most 16384"),
            ("scheduler/scheduler_config.json", "use_karras_sigmas", "true", "static shift"),
            ("condition_table/config.json", "kinds", "[]", "at least one id"),
        ])
    func refused(file: String, key: String, value: String, text: String) throws {
        try withTemporaryFolder { folder in
            try smallFlow().save(to: folder)
            let place = folder.appendingPathComponent(file)
            var json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: place)) as? [String: Any])
            json[key] = (try? JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)) ?? value
            try JSONSerialization.data(withJSONObject: json).write(to: place)
            let error = #expect(throws: ModelError.self) { try FlowImage.load(from: folder) }
            #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
        }
    }

    /// FLUX.1-dev's schedule, as diffusers 0.35.2 gives its σ for 5 steps of an image of 1024 × 1024 pixels and of 512 × 512.
    @Test(
        "a shift that grows with the image is read, saved and computed as diffusers does",
        arguments: [
            (4096, [1, 0.92664737, 0.82570165, 0.67798674, 0.44119975, 0]),
            (1024, [1, 0.88249725, 0.73797405, 0.55589902, 0.31945133, 0]),
        ])
    func dynamicShift(tokens: Int, sigmas: [Float]) throws {
        try withTemporaryFolder { folder in
            try smallFlow().save(to: folder)
            let place = folder.appendingPathComponent("scheduler/scheduler_config.json")
            let json = """
                {"_class_name": "FlowMatchEulerDiscreteScheduler", "base_image_seq_len": 256, "base_shift": 0.5, "max_image_seq_len": 4096,
                "max_shift": 1.15, "num_train_timesteps": 1000, "shift": 3.0, "use_dynamic_shifting": true}
                """
            try Data(json.utf8).write(to: place)
            let network = try FlowImage.load(from: folder)
            #expect(distance(network.schedule.sigmas(5, tokens: tokens).map(Float.init), sigmas) < 1e-6)
            try network.save(to: folder)
            #expect(try FlowImage.load(from: folder).schedule == network.schedule)
        }
    }

    @Test("the class of a pipeline stays, and weights alone are read without prompts")
    func pipeline() throws {
        try withTemporaryFolder { folder in
            try smallFlow().save(to: folder)
            let index = folder.appendingPathComponent("model_index.json")
            let text = try String(contentsOf: index, encoding: .utf8)
            try Data(text.replacing("FluxKontextPipeline", with: "FluxPipeline").utf8).write(to: index)
            try FileManager.default.removeItem(at: folder.appendingPathComponent("condition_table"))
            let error = #expect(throws: FileError.self) { try FlowImage.load(from: folder) }
            #expect(error?.description.contains("images.prompt_embeds") == true)
            let network = try FlowImage.load(from: folder, isRun: false)
            try network.save(to: folder)
            #expect(try String(contentsOf: index, encoding: .utf8).contains("FluxPipeline"))
            #expect(throws: ModelError.self) { try network.denoisingError(Self.images()) }
        }
    }

    @Test("a missing, a misshapen and a further tensor are named")
    func tensors() throws {
        try withTemporaryFolder { folder in
            let network = try smallFlow()
            try network.save(to: folder)
            let file = folder.appendingPathComponent("transformer/diffusion_pytorch_model.safetensors")
            let all = network.transformer.parameters
            func refused(_ tensors: [NamedTensor], _ text: String) throws {
                try Safetensors.write(tensors, to: file)
                let error = #expect(throws: ModelError.self) { try FlowImage.load(from: folder) }
                #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
            }
            try refused(all.filter { $0.name != "x_embedder.bias" }, "x_embedder.bias is missing")
            try refused(all + [NamedTensor("pos_embed.proj.weight", .zeros([1]))], "pos_embed.proj.weight does not belong")
            try refused(
                all.map { $0.name == "proj_out.bias" ? NamedTensor($0.name, .zeros([3])) : $0 }, "proj_out.bias has shape [3]")
        }
    }
}
