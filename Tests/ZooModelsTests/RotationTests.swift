import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("rotary positions")
struct RotationTests {
    private func config(_ more: String, family: String = "llama") throws -> CausalLMConfig {
        let shape = """
            {"model_type": "\(family)", "vocab_size": 29, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
             "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 4096, \(more)}
            """
        let json = try JSONDecoder().decode(JSONValue.self, from: Data(shape.utf8))
        return try CausalLMConfig(json: try #require(json.object), file: "config.json")
    }

    @Test("scaled frequencies and amplitudes are those of transformers, and the options are written back")
    func recorded() throws {
        let file = fixtures.appendingPathComponent("rotations.json")
        let cases = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file)).array ?? []
        #expect(cases.count == 9)
        for item in cases {
            let scaling = try #require(item["rope_scaling"])
            let text = try scaling.text()
            let read = try config("\"rope_scaling\": \(text)")
            let expected = (item["frequencies"]?.array ?? []).compactMap { $0.number.map(Float.init) }
            let found = read.ropeScaling.frequencies(width: 16, theta: read.ropeTheta, positions: read.maxPositions)
            #expect(expected.count == 8 && found.count == 8)
            for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 2e-7 * b, "\(text)") }
            let amplitude = try #require(item["amplitude"]?.number)
            #expect(abs(read.ropeScaling.amplitude(positions: read.maxPositions) - amplitude) < 1e-12)
            #expect(read.json(head: .languageModel)["rope_scaling"] == scaling)
        }
    }

    @Test("both spellings of the kind, a whole factor and the newer key's place for the base mean the same")
    func spellings() throws {
        let expected = try config(#""rope_theta": 500, "rope_scaling": {"rope_type": "linear", "factor": 4.0}"#)
        for same in [
            #""rope_theta": 500, "rope_scaling": {"type": "linear", "factor": 4}"#,
            #""rope_theta": 500, "rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 4}"#,
            #""rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0, "partial_rotary_factor": 1.0}"#,
        ] { #expect(try config(same) == expected) }
    }

    @Test("Gemma 3's rotations by kind of layer are read from the newer key as from the older ones")
    func byKind() throws {
        let older = try config(
            #""rope_theta": 5000, "rope_local_base_freq": 100, "rope_scaling": {"rope_type": "linear", "factor": 8}"#,
            family: "gemma3_text")
        let newer = try config(
            """
            "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5000},
             "sliding_attention": {"rope_type": "default", "rope_theta": 100}}
            """, family: "gemma3_text")
        #expect(newer == older)
        #expect(older.localRopeTheta == 100 && older.ropeTheta == 5000)
        #expect(try config(#""head_dim": 16"#, family: "gemma3_text").localRopeTheta == 10_000)
        let error = #expect(throws: ModelError.self) {
            try config(
                #""rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2}}"#, family: "gemma3_text")
        }
        #expect(error?.description.contains("no scaling in sliding_attention") == true)
    }

    @Test("dynamic scaling changes nothing up to the model's positions, and longer sequences are refused by number")
    func dynamic() throws {
        func logp(_ scaling: RopeScaling, length: Int) throws -> [Float] {
            let plain = try smallModel()
            var config = plain.config
            config.ropeScaling = scaling
            let tensors = Dictionary(uniqueKeysWithValues: plain.parameters.map { ($0.name, $0.tensor) })
            let network = try CausalLM(config: config, head: .languageModel, tensors: tensors, device: .cpu, trainable: false)
            return try network.forward(randomBatch([length, 5], vocabulary: 29), [.logp])[0].floats
        }
        #expect(try logp(.dynamic(factor: 4), length: 96) == logp(.none, length: 96))
        let error = #expect(throws: ModelError.self) { try logp(.dynamic(factor: 4), length: 99) }
        #expect(error?.description == "a sequence of 98 steps is longer than the model's 96 (max_position_embeddings)")
    }

    @Test("longrope serves as many steps as its short factors do, prompt and continuation together")
    func longRoPE() throws {
        let network = try smallModel(.phi3)
        _ = try network.forward(randomBatch([65], vocabulary: 29), [.logp])
        let forward = #expect(throws: ModelError.self) { try network.forward(randomBatch([66], vocabulary: 29), [.logp]) }
        let says = "a sequence of 65 steps is longer than the model's 64 (original_max_position_embeddings); longrope's"
        #expect(forward?.description.hasPrefix(says) == true)
        #expect(throws: ModelError.self) {
            try network.generate(
                prompts: [[1, 2, 3]], samplesPerPrompt: 1, settings: SamplerSettings(maxNewTokens: 62),
                generator: Generator(seed: 1), isCancelled: { false })
        }
    }
}
