import ZooModels
import ZooRecipe
import ZooTensor

/// Texts, as a tokenizer writes them; in turns with an environment, where there is one.
package struct TextModality: TokenModality {
    package let codec: any TextCodec
    package let tokens: TokenizedRows
    package let ends: [Int32]
    private let environment: EnvironmentProgram?

    package init(_ codec: any TextCodec, limits: DataSources, environment: EnvironmentProgram? = nil) {
        self.environment = environment
        self.codec = codec
        tokens = TokenizedRows(codec: codec, maxPromptLength: limits.maxPromptLength, maxLength: limits.maxLength)
        ends = codec.ends
    }

    package func generate(
        _ request: SamplingRequest, with network: any Network, generator: Generator, iteration: Int, isCancelled: () -> Bool
    ) throws -> Drawn? {
        guard let environment else {
            return try sample(request, with: network, generator: generator, isCancelled: isCancelled)
        }
        guard let network = network as? any GenerativeNetwork else { return nil }
        let sampler = EpisodeSampler(
            codec: codec, ends: network.endTokens(with: ends), environment: environment, settings: request.settings)
        return try sampler.sample(request, with: network, generator: generator, isCancelled: isCancelled)
    }
}
