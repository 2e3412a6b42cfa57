/// The largest numbers that recipes and options take.
public enum RecipeLimits {
    public static let threads = 1024
    /// Runs at a time, a process each.
    public static let jobs = 256
    /// Of one prompt.
    public static let samples = 100_000
    /// Tokens of a completion.
    public static let tokens = 1 << 20
    /// Iterations that sampling is behind training: copies of the policy in memory.
    public static let lag = 256
    /// Denoising steps of an image.
    public static let denoisingSteps = 1000
    /// Rows, prompts, examples.
    static let rows = 100_000_000
    /// Iterations, and intervals between recurring things.
    static let iterations = 1_000_000_000
    /// Tokens, or an image's patches, in one pass.
    static let microbatch = 1_000_000_000
}
