import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("a model exported in Hugging Face's layout")
struct ExportTests {
    @Test("every number is rounded to the type that config.json names", arguments: [ExportType.float32, .bfloat16, .float16])
    func types(type: ExportType) throws {
        let network = try smallModel()
        try withTemporaryFolder { folder in
            try network.export(to: folder, as: type)
            let config = try String(contentsOf: folder.appendingPathComponent("config.json"), encoding: .utf8)
            #expect(config.contains("\"torch_dtype\" : \"\(type.rawValue)\""), "\(config)")
            let read = try Safetensors.readModel(in: folder)
            for parameter in network.parameters {
                let tensor = try #require(read[parameter.name])
                #expect("\(tensor.dtype)" == type.rawValue && tensor.shape == parameter.tensor.shape)
                // The relative distance to the nearest number of a type with that many bits: half a unit in the last place.
                let most: Float = type == .float32 ? 0 : type == .bfloat16 ? 1 / 256 : 1 / 2048
                for (found, exact) in zip(tensor.floats, parameter.tensor.floats) {
                    #expect(abs(found - exact) <= max(abs(exact) * most, type == .float16 ? 3e-8 : 0))
                }
            }
            let again = try CausalLM.load(from: folder, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            #expect(again.config == network.config)
        }
    }

    @Test("the tokens that end a sample are kept, and llama.cpp's blocks are refused")
    func generation() throws {
        try withTemporaryFolder { folder in
            let (first, second) = (folder.appendingPathComponent("first"), folder.appendingPathComponent("second"))
            try smallModel().save(to: first)
            let text = #"{"eos_token_id": [2, 3], "temperature": 0.6}"#
            try Data(text.utf8).write(to: first.appendingPathComponent("generation_config.json"))
            let network = try CausalLM.load(from: first, head: .languageModel, device: .cpu, trainable: false, generator: nil)
            try network.export(to: second, as: .bfloat16)
            #expect(try String(contentsOf: second.appendingPathComponent("generation_config.json"), encoding: .utf8) == text)
            #expect { try network.export(to: second, as: .q8) } throws: { "\($0)".contains("expected float32, bfloat16") }
        }
    }
}
