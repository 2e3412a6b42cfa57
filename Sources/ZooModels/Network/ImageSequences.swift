import ZooTensor

/// Channels, rows and columns of an image (or of its latent).
public struct ImageShape: Sendable, Hashable {
    public var channels: Int, height: Int, width: Int

    public init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    public var count: Int { channels * height * width }
    /// Rows and columns of 2 × 2 patches.
    var patches: [Int] { [height / 2, width / 2] }
}

/// Images with the sampling steps that led to them: sequence s owns steps `offsets[s] ..< offsets[s + 1]`.
///
/// An image without a trajectory, such as a real one, has no steps: it can be scored, but has no log-probabilities.
public struct ImageSequences: Sendable {
    public var shape: ImageShape
    /// Of the reference image; nil if sequences have none.
    public var referenceShape: ImageShape?
    /// Condition ids per sequence.
    public var kinds: Int

    /// `[n_sequences + 1]`, from 0 to the number of steps.
    public var offsets: [Int]
    /// `[n_steps, D]`, x at each step before it is taken; elements by channel, row, column.
    public var state: [Float]
    /// `[n_steps]`, in (0, 1].
    public var sigma: [Double]
    /// `[n_steps]`, in [0, sigma).
    public var sigmaNext: [Double]
    /// `[n_steps]`, the level of the step's noise; 0 for a step without.
    public var noiseLevel: [Double]
    /// `[n_steps]`; true where the step is an action of the policy. It must have a density.
    public var mask: [Bool]

    /// `[n_sequences, D]`, the final images.
    public var sample: [Float]
    /// `[n_sequences, kinds]`, the ids that the condition embedder reads; -1 for a dropped one.
    public var conditions: [Int32]
    /// `[n_sequences, D_reference]`, or empty. A dropped reference is all zeros.
    public var reference: [Float]
    /// `[n_sequences]`. Without a guidance embedder, 1 means no guidance, and other scales need a second pass.
    public var guidance: [Double]
    /// `[n_sequences]`; seeds times and noise of the score, so that two images with the same seed see the same ones.
    public var pairSeed: [UInt64]

    /// How noise entered the steps.
    public var noise: StepNoise
    /// How a step's log-probability and divergence are put together over D elements.
    public var reduction: Reduction
    /// How the score is estimated.
    public var scoring: Scoring

    /// At how many times, and which, an image's denoising error is taken.
    public struct Scoring: Sendable, Equatable {
        public var draws: Int
        public var times: TimeDistribution
        public var reduction: Reduction

        public init(draws: Int = 1, times: TimeDistribution = .logitNormal(mean: 0, width: 1), reduction: Reduction = .mean) {
            self.draws = draws
            self.times = times
            self.reduction = reduction
        }
    }

    /// Images without trajectories.
    public init(
        shape: ImageShape, referenceShape: ImageShape? = nil, kinds: Int, sample: [Float], conditions: [Int32],
        reference: [Float] = [], guidance: [Double]? = nil, pairSeed: [UInt64], scoring: Scoring = Scoring()
    ) {
        let count = pairSeed.count
        self.init(
            shape: shape, referenceShape: referenceShape, kinds: kinds, offsets: Array(repeating: 0, count: count + 1), state: [],
            sigma: [], sigmaNext: [], noiseLevel: [], mask: [], sample: sample, conditions: conditions, reference: reference,
            guidance: guidance ?? Array(repeating: 1, count: count), pairSeed: pairSeed, scoring: scoring)
    }

    public init(
        shape: ImageShape, referenceShape: ImageShape?, kinds: Int, offsets: [Int], state: [Float], sigma: [Double],
        sigmaNext: [Double], noiseLevel: [Double], mask: [Bool], sample: [Float], conditions: [Int32], reference: [Float],
        guidance: [Double], pairSeed: [UInt64], noise: StepNoise = .flowGRPO, reduction: Reduction = .mean,
        scoring: Scoring = Scoring()
    ) {
        self.shape = shape
        self.referenceShape = referenceShape
        self.kinds = kinds
        self.offsets = offsets
        self.state = state
        self.sigma = sigma
        self.sigmaNext = sigmaNext
        self.noiseLevel = noiseLevel
        self.mask = mask
        self.sample = sample
        self.conditions = conditions
        self.reference = reference
        self.guidance = guidance
        self.pairSeed = pairSeed
        self.noise = noise
        self.reduction = reduction
        self.scoring = scoring
    }

    public var count: Int { max(0, offsets.count - 1) }
    public var stepCount: Int { sigma.count }
    public var maskedCount: Int { mask.count(where: { $0 }) }

    /// The steps of sequence `index`.
    public func steps(_ index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }

    /// A step as a Gaussian.
    func step(_ index: Int) -> FlowStep {
        FlowStep(sigma: sigma[index], next: sigmaNext[index], level: noiseLevel[index], noise: noise)
    }
}

extension ImageSequences {
    /// Throws if the arrays do not describe images and steps.
    func validate() throws {
        func expect(_ name: String, _ found: Int, _ expected: Int) throws {
            guard found == expected else { throw ModelError("batch: \(name) has \(found) numbers; expected \(expected)") }
        }
        guard offsets.first == 0, offsets.last == stepCount, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw ModelError("batch: offsets must rise from 0 to the number of steps (\(stepCount)); found \(offsets)")
        }
        try expect("state", state.count, stepCount * shape.count)
        try expect("sigma_next", sigmaNext.count, stepCount)
        try expect("noise_level", noiseLevel.count, stepCount)
        try expect("mask", mask.count, stepCount)
        try expect("sample", sample.count, count * shape.count)
        try expect("conditions", conditions.count, count * kinds)
        try expect("reference", reference.count, count * (referenceShape?.count ?? 0))
        try expect("guidance", guidance.count, count)
        try expect("pair seeds", pairSeed.count, count)
        for image in [shape] + (referenceShape.map { [$0] } ?? []) where image.height % 2 != 0 || image.width % 2 != 0 {
            throw ModelError("batch: an image of \(image.height) × \(image.width) has no 2 × 2 patches; expected even sizes")
        }
        guard scoring.draws > 0 else { throw ModelError("batch: the score takes \(scoring.draws) draws; expected at least 1") }
        if let wrong = guidance.firstIndex(where: { !$0.isFinite }) {
            throw ModelError("batch: the guidance of sequence \(wrong) is \(guidance[wrong]); expected a finite number")
        }
        for index in 0..<stepCount {
            guard sigma[index] > 0, sigma[index] <= 1, sigmaNext[index] >= 0, sigmaNext[index] < sigma[index],
                noiseLevel[index] >= 0
            else {
                throw ModelError(
                    "batch: step \(index) goes from sigma \(sigma[index]) to \(sigmaNext[index]) at level \(noiseLevel[index]); expected "
                        + "1 >= sigma > sigma_next >= 0 and a level from 0")
            }
            if mask[index], !step(index).isRandom {
                throw ModelError(
                    "batch: step \(index) is masked, but it has no noise (level \(noiseLevel[index])) and so no density")
            }
        }
    }
}
