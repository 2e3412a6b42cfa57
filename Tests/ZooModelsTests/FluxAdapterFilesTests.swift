import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("adapter folders of image models")
struct FluxAdapterFilesTests {
    private static let weights = "pytorch_lora_weights.safetensors"

    /// A base's folder, and beside it that of an adapter over it.
    private func withAdapter(
        _ head: Head = .languageModel, filled: Bool = true, _ body: (_ adapter: URL, _ network: FlowImage) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            let place = folder.appendingPathComponent("base")
            let base = try FluxAdapterTests.base()
            try base.save(to: place)
            let network = try FluxAdapterTests.fresh(base, head: head, named: "../base", filled: filled)
            let adapter = folder.appendingPathComponent("adapter")
            try network.save(to: adapter)
            try body(adapter, network)
        }
    }

    private static let batch = ImageSequences(
        shape: ImageShape(channels: 1, height: 4, width: 4), kinds: 2, sample: (0..<32).map { sin(Float($0)) },
        conditions: [0, 0, 1, 0], pairSeed: [1, 2])

    @Test("a saved adapter is read back exactly over its base, and merged into it")
    func roundTrip() throws {
        try withAdapter { adapter, network in
            #expect(AdapterFolder.isOne(adapter))
            let folder = try AdapterFolder(adapter)
            #expect(!AdapterFolder.isOne(try folder.base()))
            let base = try FlowImage.load(from: folder.base(), trainable: false)
            let again = try FlowImage(adapting: base, with: folder, head: .languageModel, trainable: true)
            #expect(again.hasLayout(of: network))
            #expect(again.parameters.map(\.tensor.bytes) == network.parameters.map(\.tensor.bytes))
            let error = try network.denoisingError(Self.batch).floats
            #expect(try again.denoisingError(Self.batch).floats == error)
            let merged = try FlowImage.load(merging: folder)
            #expect(distance(try merged.denoisingError(Self.batch).floats, error) < 1e-4)
            #expect(distance(try base.denoisingError(Self.batch).floats, error) > 1e-2)
            #expect(merged.parameters.map(\.name) == base.parameters.map(\.name))
            let loaded = try loadNetwork(from: adapter, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            #expect(loaded.parameters.map(\.tensor.bytes) == merged.parameters.map(\.tensor.bytes))
        }
    }

    @Test("a critic's head lies beside its adapter, and a new one is zero")
    func critic() throws {
        try withAdapter(.value) { adapter, network in
            let folder = try AdapterFolder(adapter)
            let base = try FlowImage.load(from: folder.base(), trainable: false)
            let again = try FlowImage(adapting: base, with: folder, head: .value, trainable: true)
            #expect(again.parameters.map(\.tensor.bytes) == network.parameters.map(\.tensor.bytes))
            #expect(again.parameters.suffix(2).map(\.name) == ["value_head.weight", "value_head.bias"])
            let merged = try FlowImage.load(merging: folder, head: .value)
            #expect(merged.parameters.suffix(2).map(\.tensor.bytes) == network.parameters.suffix(2).map(\.tensor.bytes))
            try FileManager.default.removeItem(at: adapter.appendingPathComponent("value_head"))
            let fresh = try FlowImage(adapting: base, with: folder, head: .value, trainable: true)
            #expect(fresh.parameters.suffix(2).allSatisfy { $0.tensor.floats.allSatisfy { $0 == 0 } })
        }
    }

    @Test("a file without metadata is taken as diffusers takes it: alpha is the rank, and someone else names the base")
    func withoutMetadata() throws {
        try withAdapter { adapter, network in
            let file = adapter.appendingPathComponent(Self.weights)
            try Safetensors.write(network.parameters, to: file)
            let folder = try AdapterFolder(adapter)
            #expect((folder.config.r, folder.config.alpha, folder.baseName) == (3, 3, nil))
            let error = #expect(throws: ModelError.self) { try FlowImage.load(merging: folder) }
            #expect(error?.description.contains("does not name its base") == true, "\(error?.description ?? "")")
            let place = adapter.deletingLastPathComponent().appendingPathComponent("base")
            let base = try FlowImage.load(from: place, trainable: false)
            let again = try FlowImage(adapting: base, from: place, with: folder, head: .languageModel, trainable: true)
            #expect(again.parameters.map(\.tensor.bytes) == network.parameters.map(\.tensor.bytes))
            let merged = try FlowImage.load(merging: folder, base: place)
            #expect(
                distance(try merged.denoisingError(Self.batch).floats, try again.denoisingError(Self.batch).floats) < 1e-4)
        }
    }

    @Test(
        "what is not plain LoRA of the transformer is refused by key",
        arguments: [
            ("transformer.peft_type", "\"IA3\"", "peft_type is IA3"), ("transformer.use_dora", "true", "use_dora is"),
            ("transformer.task_type", "\"CAUSAL_LM\"", "task_type is CAUSAL_LM; expected null"),
            ("transformer.rank_pattern", "{\"to_q\": 2}", "to_q.lora_A.weight has shape [3, 12]; expected [2, 12]"),
            ("transformer.r", "4", "lora_A.weight has shape [3, 4]; expected [4, 4] for the base ../base"),
            ("transformer.target_modules", "[\"to_q\"]", "does not belong to an adapter with these targets"),
            ("transformer.target_modules", "[\"q_proj\"]", "no projection 'q_proj'"),
            ("transformer.base_model_name_or_path", "\"../elsewhere\"", "its base '../elsewhere' is not a model folder here"),
            ("transformer.base_model_name_or_path", "\".\"", "is an adapter itself"),
            ("transformer.base_model_name_or_path", "null", "does not name its base"),
            ("text_encoder.r", "4", "lora_adapter_metadata has text_encoder.r"),
        ])
    func refused(key: String, value: String, says: String) throws {
        try withAdapter { adapter, network in
            let file = adapter.appendingPathComponent(Self.weights)
            var config = try loraMetadata(file)
            config[key] = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
            let text = String(decoding: try JSONSerialization.data(withJSONObject: config), as: UTF8.self)
            try Safetensors.write(network.parameters, to: file, metadata: ["format": "pt", "lora_adapter_metadata": text])
            let error = #expect(throws: ModelError.self) { try FlowImage.load(merging: AdapterFolder(adapter)) }
            let found = error?.description ?? ""
            #expect(found.contains(says) && found.contains(adapter.path), "\(found)")
        }
    }

    @Test("a file that is cut short, and metadata that is no JSON, are refused by file")
    func broken() throws {
        try withAdapter { adapter, network in
            let file = adapter.appendingPathComponent(Self.weights)
            func refused(_ says: String) {
                let error = #expect(throws: ModelError.self) { try AdapterFolder(adapter) }
                let found = error?.description ?? ""
                #expect(found.contains(says) && found.contains(file.path), "\(found)")
            }
            try Safetensors.write(network.parameters, to: file, metadata: ["lora_adapter_metadata": "r = 3"])
            refused("lora_adapter_metadata: expected a JSON object")
            for bytes in [Data(), Data([9, 0, 0, 0, 0, 0, 0, 0]), Data(repeating: 255, count: 64)] {
                try bytes.write(to: file)
                refused("expected a safetensors file")
            }
        }
    }

    @Test("an adapter of a language model is none of an image model, nor the other way round")
    func otherKind() throws {
        let text = try AdapterFolder(fixtures.appendingPathComponent("lora-standard"))
        #expect(throws: ModelError.self) { try FlowImage.load(merging: text) }
        try withAdapter { adapter, _ in
            let error = #expect(throws: ModelError.self) {
                try CausalLM.load(merging: AdapterFolder(adapter), head: .languageModel, device: .cpu, trainable: false)
            }
            #expect(error?.description.contains("an adapter for another kind of network") == true)
        }
    }
}
