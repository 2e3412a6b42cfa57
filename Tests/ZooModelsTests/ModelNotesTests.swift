import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

@Suite("notes on a model's folder")
struct ModelNotesTests {
    private func notes(
        _ name: String, _ more: [String: JSONValue] = [:], renamed: (String) -> String = { $0 },
        extra: [String: Tensor] = [:], dtype: DType = .float32
    ) throws -> [String] {
        try withTemporaryFolder { folder in
            let source = fixtures.appendingPathComponent(name)
            let data = try Data(contentsOf: source.appendingPathComponent("config.json"))
            var json = try #require(try JSONDecoder().decode(JSONValue.self, from: data).object).dictionary
            json.merge(more) { $1 }
            try Data(JSONValue.object(json).text().utf8).write(to: folder.appendingPathComponent("config.json"))
            let tensors = try Safetensors.readModel(in: source).map { NamedTensor(renamed($0.key), $0.value.to(dtype)) }
            try Safetensors.write(
                tensors + extra.map { NamedTensor($0.key, $0.value) }, to: folder.appendingPathComponent("model.safetensors"))
            return try ModelNotes.read(folder)
        }
    }

    @Test("what transformers writes needs none, whatever the family", arguments: languageModels.filter { $0 != "phi3" })
    func none(name: String) throws { #expect(try notes(name) == []) }

    @Test("what generation_config.json asks of the sampler is said, its end tokens and neutral values are not")
    func generation() throws {
        func notes(_ json: String) throws -> [String] {
            try withTemporaryFolder { folder in
                let source = fixtures.appendingPathComponent("tied")
                for name in ["config.json", "model.safetensors"] {
                    try FileManager.default.copyItem(
                        at: source.appendingPathComponent(name), to: folder.appendingPathComponent(name))
                }
                try Data(json.utf8).write(to: folder.appendingPathComponent("generation_config.json"))
                return try ModelNotes.read(folder)
            }
        }
        #expect(try notes(#"{"eos_token_id": [2, 5], "temperature": 1.0, "top_p": 1.0, "do_sample": true}"#) == [])
        #expect(
            try notes(#"{"eos_token_id": 2, "temperature": 0.6, "top_p": 0.95, "repetition_penalty": 1.1}"#) == [
                "generation_config.json asks for temperature 0.6, top_p 0.95, repetition_penalty 1.1: not used, a recipe's 'rollout' says "
                    + "how samples are drawn"
            ])
    }

    @Test("dropout, an old name of an activation, limits of lengths and unknown keys are said")
    func configuration() throws {
        #expect(
            try notes("tied", ["attention_dropout": 0.1]) == [
                "attention_dropout is 0.1: dropout is never applied, and is written as 0"
            ])
        #expect(
            try notes("gemma", ["hidden_act": "gelu", "hidden_activation": .null]) == [
                "hidden_act is gelu: read as gelu_pytorch_tanh, which these weights were trained with"
            ])
        #expect(
            try notes("tied", ["rope_scaling": ["rope_type": "dynamic", "factor": 2]]) == [
                "dynamic scaling of positions: sequences of more than 64 steps are refused"
            ])
        #expect(
            try notes("phi3") == ["longrope without its long_factor: sequences of more than 32 steps are refused"])
        #expect(
            try notes("tied", ["my_scale": 2, "attention_temperature": 3]) == [
                "config.json has keys that are not known here and were passed over: attention_temperature, my_scale"
            ])
    }

    @Test("names of wrappers, constants and other element types are said")
    func tensors() throws {
        #expect(
            try notes("tied", renamed: { "_orig_mod." + $0 }) == [
                "names of wrappers are read without them: _orig_mod.model.embed_tokens.weight as model.embed_tokens.weight "
                    + "and 19 more"
            ])
        #expect(
            try notes("tied", extra: ["model.layers.0.self_attn.rotary_emb.inv_freq": .ones([2])], dtype: .bfloat16) == [
                "constants are left out: model.layers.0.self_attn.rotary_emb.inv_freq",
                "weights in bfloat16 are converted to float32, in which they are also written",
            ])
    }
}
