import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Continues prompts with a model in a folder.
public struct ModelSampler {
    private let network: any GenerativeNetwork
    private let codec: any TextCodec

    /// Reads the model.
    ///
    /// - Throws: if the folder is not a complete model, or one that cannot generate.
    public init(_ folder: URL, device: String = "cpu", threads: Int) throws {
        Engine.configure(threads: threads)
        let network = try loadNetwork(
            from: folder, head: .languageModel, device: Device(device), trainable: false, generator: nil)
        guard let network = network as? any GenerativeNetwork else {
            throw ZooError(.invalidArgument, "\(folder.path): a model of family '\(network.family)' does not generate")
        }
        self.network = network
        codec =
            network.family == "tabular"
            ? NumberCodec() : try TokenizerCodec(ofModel: folder)
    }

    /// `samples` continuations of each prompt, `[prompt][sample]`. Equal seeds give equal texts; temperature 0 takes the most
    /// likely token.
    public func sample(
        _ prompts: [String], samples: Int, maxNewTokens: Int, temperature: Double, seed: UInt64
    ) throws -> [[String]] {
        let rows = TokenizedRows(codec: codec, maxPromptLength: .max, maxLength: .max)
        let contexts = try prompts.map { try rows.prompt(Row(prompt: $0)).tokens }
        let settings = SamplerSettings(
            maxNewTokens: maxNewTokens, temperature: temperature, endTokens: network.endTokens(with: codec.ends))
        let drawn = try network.generate(
            prompts: contexts, samplesPerPrompt: samples, settings: settings, generator: Generator(seed: seed),
            isCancelled: { false })
        let texts = (0..<drawn.sequences.count).map { index in
            let steps = drawn.sequences.steps(index)
            func tokens(areActions: Bool) -> [Int32] {
                steps.filter { drawn.sequences.mask[$0] == areActions }.map { drawn.sequences.tokens[$0] }
            }
            return codec.decode(tokens(areActions: true), after: tokens(areActions: false))
        }
        return prompts.indices.map { Array(texts[$0 * samples..<($0 + 1) * samples]) }
    }
}
