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

    /// What comes before what the user says.
    public struct Chat: Sendable {
        /// nil: nothing, or what the template says by itself.
        public var system: String?

        public init(system: String?) { self.system = system }
    }

    private static func row(_ prompt: String, _ chat: Chat) -> Row {
        var row = Row()
        var conversation = ChatRow()
        conversation.prompt = (chat.system.map { [ChatMessage(role: "system", content: $0)] } ?? [])
        conversation.prompt.append(ChatMessage(role: "user", content: prompt))
        row.chat = conversation
        return row
    }

    /// `samples` continuations of each prompt, `[prompt][sample]`. Equal seeds give equal texts; temperature 0 takes the most
    /// likely token.
    ///
    /// - Parameter chat: each prompt is what a user says, in the model's chat template.
    public func sample(
        _ prompts: [String], chat: Chat? = nil, samples: Int, maxNewTokens: Int, temperature: Double, seed: UInt64
    ) throws -> [[String]] {
        let rows = TokenizedRows(codec: codec, maxPromptLength: .max, maxLength: .max)
        if chat != nil, try (codec as? TokenizerCodec)?.chatTemplate() == nil {
            throw ZooError(
                .invalidArgument,
                "the model has no chat template (chat_template.jinja, or 'chat_template' in tokenizer_config.json); leave out --chat"
            )
        }
        let contexts = try prompts.map { prompt in
            try rows.prompt(chat.map { Self.row(prompt, $0) } ?? Row(prompt: prompt)).tokens
        }
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
