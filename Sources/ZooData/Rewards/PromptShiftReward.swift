import ZooBase

/// f(prompt): a number from the standard normal distribution that the prompt's text and a seed fix, whatever the completion is.
///
/// With a weight w beside another reward r it makes the reward-shift experiment: r' = r + w·f(prompt) ranks the completions of a
/// prompt as r does, so what depends only on the prompt must not change what is learned; only how noisy learning is. Over
/// prompts f has mean 0 and standard deviation 1 in expectation.
public struct PromptShiftReward: RewardFunction {
    public let name = "prompt-shift"
    let seed: UInt64

    public init(seed: UInt64 = 0) { self.seed = seed }

    public func score(_ item: RewardItem) -> Double {
        var random = SplitMix64(seed: seed, stream: Self.hash(item.prompt))
        return random.normal()
    }

    /// FNV-1a of the UTF-8 bytes, the same on every machine.
    ///
    /// Source: Fowler, Noll, Vo and Eastlake, "The FNV non-cryptographic hash algorithm", with the constants for 64 bits.
    static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
