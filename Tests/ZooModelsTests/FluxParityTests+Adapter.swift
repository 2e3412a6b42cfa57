import Foundation
import Testing
import ZooModels
import ZooTensor

extension FluxParityTests {
    static let adapters = ["flux-lora", "flux-lora-all"]
    /// The second one's velocities reach 15, and PyTorch's own are 2e-5 off those of double precision.
    private static let tolerance: Float = 1e-4

    /// A recorded adapter over its base.
    private static func adapted(_ recorded: RecordedFlux, trainable: Bool = true) throws -> FlowImage {
        let folder = try AdapterFolder(recorded.folder)
        let base = try FlowImage.load(from: folder.base(), trainable: false)
        return try FlowImage(adapting: base, with: folder, head: .languageModel, trainable: trainable)
    }

    @Test("velocities of an adapter that diffusers saved, and every gradient, are PyTorch's", arguments: adapters)
    func adapter(name: String) throws {
        let recorded = try RecordedFlux(name)
        let network = try Self.adapted(recorded)
        let (input, leaves) = try recorded.input(reference: [2, 1])
        let velocity = network.transformer(input)
        #expect(distance(velocity.floats, try recorded["velocity"].floats) < Self.tolerance)
        backward([velocity], gradients: [try recorded["weight"].reshape([-1, 4])])
        #expect(try recorded.wrongGradients(network.parameters + leaves) == [])
        #expect(network.parameters.count == recorded.numbers.keys.count { $0.hasPrefix("grad.transformer.") })
        #expect(network.frozen.allSatisfy { $0.tensor.gradient == nil })
        // The fixture itself is no test if the base does as well.
        let base = try FlowImage.load(from: AdapterFolder(recorded.folder).base(), trainable: false)
        #expect(distance(base.transformer(input).floats, try recorded["velocity"].floats) > 1e-2)
    }

    @Test("a base with an adapter of diffusers added to its weights gives PyTorch's velocities", arguments: adapters)
    func mergedAdapter(name: String) throws {
        let recorded = try RecordedFlux(name)
        let network = try FlowImage.load(merging: AdapterFolder(recorded.folder), trainable: false)
        #expect(network.frozen.isEmpty)
        let (input, _) = try recorded.input(reference: [2, 1])
        #expect(distance(network.transformer(input).floats, try recorded["velocity"].floats) < Self.tolerance)
    }

    @Test("what diffusers wrote is written back tensor for tensor, and its config key for key", arguments: adapters)
    func writesWhatDiffusersWrites(name: String) throws {
        try withTemporaryFolder { folder in
            let recorded = try RecordedFlux(name)
            try Self.adapted(recorded).save(to: folder)
            let file = "pytorch_lora_weights.safetensors"
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [file])
            let (theirs, ours) = (recorded.folder.appendingPathComponent(file), folder.appendingPathComponent(file))
            let (expected, found) = (try Safetensors.read(theirs), try Safetensors.read(ours))
            #expect(found.mapValues(\.shape) == expected.mapValues(\.shape))
            #expect(found.mapValues(\.bytes) == expected.mapValues(\.bytes))
            let (theirConfig, ourConfig) = (try loraMetadata(theirs), try loraMetadata(ours))
            let differing = [
                "transformer.base_model_name_or_path", "transformer.init_lora_weights", "transformer.inference_mode",
            ]
            for (key, value) in ourConfig where !differing.contains(key) {
                #expect((value as? NSObject) == (theirConfig[key] as? NSObject), "\(key)")
            }
            let base = try AdapterFolder(recorded.folder).base()
            #expect(ourConfig["transformer.base_model_name_or_path"] as? String == base.path)
        }
    }

    @Test(
        "writes adapters for diffusers to read", .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil),
        arguments: [false, true])
    func writesFluxForParityAsAdapter(all: Bool) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let place = root.appendingPathComponent(all ? "flux-lora-all" : "flux-lora")
        let generator = Generator(seed: 12)
        let whole = try FlowImage.initialize(
            config: .tiny, kinds: [.init("class", 3)], trainable: false, generator: generator)
        for parameter in whole.parameters {
            parameter.tensor.copy(from: parameter.tensor + .normal(parameter.tensor.shape, generator: generator) * 0.1)
        }
        let folder = place.appendingPathComponent("base")
        try whole.save(to: folder)
        var config = LoRAConfig()
        (config.r, config.alpha, config.usesRSLoRA) = (3, 7, all)
        config.targets = all ? .allLinear : .standard
        let network = try FlowImage(
            adapting: whole, named: folder.path, config: config, head: .languageModel, generator: generator)
        for parameter in network.parameters where parameter.name.contains("lora_B") {
            parameter.tensor.copy(from: Tensor.normal(parameter.tensor.shape, generator: generator) * 0.1)
        }
        let adapter = place.appendingPathComponent("ours")
        try network.save(to: adapter)
        try FlowImage.load(merging: AdapterFolder(adapter), trainable: false).save(to: place.appendingPathComponent("merged"))
        let (image, prompt) = (Tensor.normal([2, 52, 4], generator: generator), Tensor.normal([2, 3, 32], generator: generator))
        let pooled = Tensor.normal([2, 32], generator: generator)
        let velocity = network.transformer(
            FluxInput(
                image: image.reshape([-1, 4]), prompt: prompt.reshape([-1, 32]), pooled: pooled, timestep: [0.2, 0.9],
                layout: TokenLayout(text: 3, canvas: [6, 6], reference: [4, 4])))
        try Safetensors.write(
            [
                NamedTensor("image", image), NamedTensor("prompt", prompt), NamedTensor("pooled", pooled),
                NamedTensor("time", Tensor([0.2, 0.9] as [Float])), NamedTensor("velocity", velocity.reshape([2, 36, 4])),
            ], to: place.appendingPathComponent("ours.safetensors"))
    }
}

/// What a file's `lora_adapter_metadata` says.
func loraMetadata(_ file: URL) throws -> [String: Any] {
    let data = try Data(contentsOf: file)
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any]
    let metadata = try #require(header?["__metadata__"] as? [String: String])
    #expect(metadata["format"] == "pt")
    let text = try #require(metadata["lora_adapter_metadata"])
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
}
