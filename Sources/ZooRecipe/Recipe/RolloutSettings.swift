/// The sampler, the same for every algorithm.
public struct RolloutSettings: Sendable, Equatable {
    public var maxNewTokens = 64
    public var temperature = 1.0
    /// Of a policy that makes images; nil for any other.
    public var denoising: DenoisingSettings?
    /// What samples the policy for the algorithm; nil: the host's own engine.
    public var server: ServerSettings?

    package init(maxNewTokens: Int = 64, temperature: Double = 1) {
        (self.maxNewTokens, self.temperature) = (maxNewTokens, temperature)
    }
}

extension RolloutSettings {
    static let schema = Schema("the sampler's settings", blank: RolloutSettings()) {
        Key(
            "max_new_tokens", \.maxNewTokens, .whole(from: 1, to: RecipeLimits.tokens),
            "Largest number of tokens of a completion."
        ).written { $0.denoising == nil }
        Key("temperature", \.temperature, .positive(from: 0.001, to: 1000), "Divides the logits before sampling.")
            .written { $0.denoising == nil }
        Key(
            "denoising", optional: \.denoising, DenoisingSettings.schema.codec, "The sampler of a policy that makes images.")
        Key(
            "server", optional: \.server, ServerSettings.schema.codec,
            "An inference server that samples for the algorithm in place of the host's engine.")
    }
}
