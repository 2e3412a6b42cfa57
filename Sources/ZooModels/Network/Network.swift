import Foundation
import ZooBase
import ZooTensor

/// Ragged sequences of steps, as a network sees them: sequence s owns steps `offsets[s] ..< offsets[s + 1]`.
public struct Sequences: Sendable {
    /// `[n_sequences + 1]`, from 0 to the number of steps.
    public var offsets: [Int]
    /// `[n_steps]`.
    public var tokens: [Int32]
    /// `[n_steps]`; true where the step is an action of the policy. A sequence's first step never is.
    public var mask: [Bool]
    /// `[n_sequences]`; logits are divided by it, as they were while sampling. Nil means 1.
    public var temperature: [Float]?
    /// The steps if they are not tokens: denoising steps of images.
    public var images: ImageSequences?

    public init(offsets: [Int], tokens: [Int32], mask: [Bool], temperature: [Float]? = nil) {
        self.offsets = offsets
        self.tokens = tokens
        self.mask = mask
        self.temperature = temperature
    }

    public init(_ images: ImageSequences) {
        self.init(offsets: images.offsets, tokens: [], mask: images.mask)
        self.images = images
    }

    public var count: Int { max(0, offsets.count - 1) }
    public var stepCount: Int { mask.count }
    public var maskedCount: Int { mask.count(where: { $0 }) }

    /// The steps of sequence `index`.
    public func steps(_ index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }
}

/// What a forward pass can be asked for.
///
/// Per-step outputs are packed: one number for each masked (true) step, in order. `score` has one per sequence.
public enum NetworkOutput: String, Sendable, CaseIterable {
    /// log π(token | the steps before it), at the batch's temperature.
    case logp
    /// Entropy of the distribution that the token was drawn from, in nats.
    case entropy
    /// V(state before the action).
    case value
    /// A language model's Σ log π over masked steps; an image model's minus denoising error; a reward model's scalar.
    case score
    /// KL(π‖π_ref) of the whole distribution that the action was drawn from, if both are Gaussians.
    case klReference = "kl:reference"
}

/// What sits on top of a network's trunk.
public enum Head: String, Sendable, CaseIterable {
    case languageModel, value, score
}

/// A model with parameters and named outputs. Not `Sendable`: it belongs to one thread.
public protocol Network: AnyObject {
    /// `llama`, `flow-image`, `tabular`.
    var family: String { get }
    /// Trainable or frozen, in a fixed order, under their names on disk.
    var parameters: [NamedTensor] { get }
    func supports(_ output: NetworkOutput) -> Bool
    /// Differentiable unless inside `withoutGrad`. Returns tensors in the order asked: logp, entropy and value
    /// `[n_masked]`, score `[n_sequences]`, in float32. Throws on a batch that the network cannot take.
    func forward(_ batch: Sequences, _ outputs: [NetworkOutput]) throws -> [Tensor]
    /// Weights that it reads, frozen and shared with other networks.
    var frozen: [NamedTensor] { get }
    /// Floating-point operations of one forward pass, a multiply-add counting as two.
    func forwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double
    /// Of the backward pass that follows: twice the forward pass where every weight has a gradient.
    func backwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double
    /// Bytes that a token (of images, a patch) of a pass keeps for the backward pass, about; 0: so few that nobody counts them.
    var activationBytes: Int { get }
    /// The same of each pair of a token with one of its sequence, on top: of attention whose scores are kept.
    var pairBytes: Int { get }
    /// Bytes of copies of its parameters that passes read in their place.
    var copyBytes: Int { get }
    /// The same weights in memory of their own.
    func copy(trainable: Bool) -> any Network
    /// Writes `config.json` and `model.safetensors`, each under a temporary name first.
    func save(to folder: URL) throws
}

extension Network {
    /// Where its parameters are.
    public var device: Device { parameters.first?.tensor.device ?? .cpu }
    public var frozen: [NamedTensor] { [] }
    public var activationBytes: Int { 0 }
    public var pairBytes: Int { 0 }
    public var copyBytes: Int { 0 }
    public func backwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double { 2 * forwardFLOPs(batch, outputs) }
    /// Whether its parameters are an adapter's, over a base that is shared.
    public var isAdapted: Bool { !frozen.isEmpty }
}

/// A network of blocks that can keep only their inputs for the backward pass.
public protocol RecomputingNetwork: Network {
    /// Whether what a block computes is computed again in the backward pass instead of kept: a third more operations for a fraction of
    /// the memory, and the same bits.
    var recomputes: Bool { get set }
    /// Floating-point operations of computing the blocks once more.
    func recomputedFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double
}

extension RecomputingNetwork {
    public func recomputedFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double { forwardFLOPs(batch, outputs) }
}

/// How to sample.
public struct SamplerSettings: Sendable {
    public var maxNewTokens: Int
    /// 0 takes the most likely token.
    public var temperature: Double
    /// Sample from the smallest set of tokens whose probability reaches this; 1 keeps all.
    public var topP: Double
    /// Sample from this many most likely tokens; 0 keeps all.
    public var topK: Int
    public var endTokens: [Int32]
    /// End tokens are excluded before this many new tokens.
    public var minNewTokens: Int
    /// Whether the new tokens of a sample end it, as an end token does; nil: only end tokens do.
    public var ends: (@Sendable ([Int32]) -> Bool)?
    /// Where the samples are some of several: which, so that what one draws does not depend on how many others there are.
    public var shared: SharedDraws?

    public init(
        maxNewTokens: Int, temperature: Double = 1, topP: Double = 1, topK: Int = 0, endTokens: [Int32] = [],
        minNewTokens: Int = 0
    ) {
        self.maxNewTokens = maxNewTokens
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        self.endTokens = endTokens
        self.minNewTokens = minNewTokens
    }
}

/// The random numbers of all samples that belong together, of which some are continued.
public struct SharedDraws: Sendable {
    /// The samples, in the order of their prompts.
    public var rows: [Int]
    /// Of all samples.
    public var count: Int
    /// Tokens that any of them may get.
    public var steps: Int

    public init(rows: [Int], of count: Int, steps: Int) { (self.rows, self.count, self.steps) = (rows, count, steps) }
}

/// One sampled sequence per prompt and sample, prompt-major: sequence p·k + j is sample j of prompt p.
public struct Generation: Sendable {
    /// The mask is true on the generated steps, an end token included.
    public var sequences: Sequences
    /// `[n_masked]`, as sampled at the sampling temperature (at 1 if that is 0).
    public var logp: [Float]
    /// `[n_sequences]`; whether an end token, or `ends`, ended it.
    public var finished: [Bool]
    /// Of the pass over the prompts.
    public var prefillSeconds = 0.0

    package init(sequences: Sequences, logp: [Float], finished: [Bool]) {
        (self.sequences, self.logp, self.finished) = (sequences, logp, finished)
    }
}

/// A network that samples.
public protocol GenerativeNetwork: Network {
    /// The tokens that end a text, as the model's own files say.
    var endTokens: [Int32] { get }
    /// Floating-point operations of reading the prompts of these sequences, whose masked steps were generated; equal ones once.
    func prefillFLOPs(_ drawn: Sequences) -> Double
    /// The same of drawing the steps after them: each is read once, but for the last.
    func generationFLOPs(_ drawn: Sequences) -> Double
    /// Continues each prompt `samplesPerPrompt` times. The same generator state gives the same bits.
    ///
    /// `isCancelled` is asked once per token; a cancelled call throws `CancellationError`.
    func generate(
        prompts: [[Int32]], samplesPerPrompt: Int, settings: SamplerSettings, generator: Generator, isCancelled: () -> Bool
    ) throws -> Generation
}

/// A fault of a model folder or of a batch, in one sentence.
public struct ModelError: PlainError, Sendable {
    public let description: String
    public var status: CommandStatus { .data }

    public init(_ description: String) { self.description = description }
}

extension Sequences {
    /// Throws if the arrays do not describe ragged sequences of tokens below `vocabulary`.
    func validate(vocabulary: Int) throws {
        guard images == nil else { throw ModelError("batch: contains images; this network takes tokens") }
        let objection = RaggedTokens.objection(
            offsets: offsets, tokens: tokens, mask: mask, temperature: temperature, vocabulary: vocabulary)
        if let objection { throw ModelError("batch: \(objection)") }
    }
}
