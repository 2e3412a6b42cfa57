/// The sampler, the same for every algorithm.
public struct RolloutSettings: Sendable, Equatable {
    public var maxNewTokens = 64
    public var temperature = 1.0
    /// Iterations that the policy that samples is older than the one that is trained.
    public var lag = 0
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
            "lag", \.lag, .whole(from: 0, to: RecipeLimits.lag), standard: "0",
            "Iterations that the policy that samples is older than the one that is trained."
        ).written { $0.lag > 0 }
        Key(
            "denoising", optional: \.denoising, DenoisingSettings.schema.codec, "The sampler of a policy that makes images.")
        Key(
            "server", optional: \.server, ServerSettings.schema.codec,
            "An inference server that samples for the algorithm in place of the host's engine.")
    } check: { rollout, section in
        guard rollout.server != nil, rollout.lag > 0 else { return }
        throw section.field.error(
            "lag: found \(rollout.lag); expected 0 with a server, which always gets the current weights; remove lag or server")
    }
}
