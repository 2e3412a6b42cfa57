import ZooTensor

/// How to sample images.
public struct ImageSampler: Sendable, Equatable {
    public var steps: Int
    /// Level of the noise; 0 gives Euler's method on the ODE, whose steps are no actions.
    public var noiseLevel: Double
    public var noise: StepNoise
    /// The steps that have noise, of 0 ..< steps; the others are the ODE's. Nil means all. Li et al. 2025 (MixGRPO), section 3.2.
    public var window: Range<Int>?
    /// Whether the step to σ = 0 has noise too, which would stay in the image.
    public var noisyEnd: Bool
    /// Shift of the schedule; nil takes the model's own.
    public var shift: Double?
    /// Classifier-free guidance scale, or the guidance embedder's input; 1 is none.
    public var guidance: Double
    /// Whether all samples of a prompt start from the same noise.
    public var sharesNoise: Bool
    public var reduction: Reduction
    public var scoring: ImageSequences.Scoring

    public init(
        steps: Int, noiseLevel: Double = 0, noise: StepNoise = .flowGRPO, window: Range<Int>? = nil, noisyEnd: Bool = false,
        shift: Double? = nil, guidance: Double = 1, sharesNoise: Bool = false, reduction: Reduction = .mean,
        scoring: ImageSequences.Scoring = .init()
    ) {
        self.steps = steps
        self.noiseLevel = noiseLevel
        self.noise = noise
        self.window = window
        self.noisyEnd = noisyEnd
        self.shift = shift
        self.guidance = guidance
        self.sharesNoise = sharesNoise
        self.reduction = reduction
        self.scoring = scoring
    }

    /// The level of each step's noise.
    func levels() -> [Double] {
        (0..<steps).map { step in
            (window?.contains(step) ?? true) && (noisyEnd || step < steps - 1) ? noiseLevel : 0
        }
    }

    func validate() throws {
        func refuse(_ name: String, _ value: Any, _ expected: String) -> ModelError {
            ModelError("sampler: \(name) is \(value); expected \(expected)")
        }
        if steps < 1 { throw refuse("steps", steps, "a number from 1") }
        if !(noiseLevel >= 0 && noiseLevel.isFinite) { throw refuse("noiseLevel", noiseLevel, "a number from 0") }
        if !guidance.isFinite { throw refuse("guidance", guidance, "a finite number") }
        if let shift, !(shift > 0 && shift.isFinite) { throw refuse("shift", shift, "a positive number") }
        if let window, window.lowerBound < 0 || window.upperBound > steps || window.isEmpty {
            throw refuse("window", window, "steps within 0 ..< \(steps)")
        }
    }
}

/// One image to draw: its conditions and its reference.
public struct ImagePrompt: Sendable, Equatable {
    /// One id per kind; -1 for a dropped one.
    public var conditions: [Int32]
    /// Elements of the reference image; empty if there is none.
    public var reference: [Float]

    public init(conditions: [Int32], reference: [Float] = []) {
        self.conditions = conditions
        self.reference = reference
    }
}

/// A starting point of sampling other than noise.
public struct ImageStart: Sendable {
    /// `[prompts, D]`, x at the step.
    public var states: [Float]
    /// The first step to take, of 0 ..< steps.
    public var step: Int

    public init(states: [Float], step: Int) {
        self.states = states
        self.step = step
    }
}

/// Sampled images, prompt-major: sequence p·k + j is sample j of prompt p.
public struct ImageGeneration: Sendable {
    /// The mask is true on the steps that had noise.
    public var sequences: ImageSequences
    /// `[n_masked]`, as sampled.
    public var logp: [Float]
}

extension FlowImage {
    /// Draws `samplesPerPrompt` images of each prompt. The same generator state gives the same bits.
    ///
    /// Samples of one prompt share a `pairSeed`. `isCancelled` is asked once per step; a cancelled call throws `CancellationError`.
    /// With a `start`, a prompt's samples continue from its state, and the steps before it are not part of the result. `shared`: these
    /// are some of several samples, of whole prompts, and draw what they would among the others.
    public func generate(
        prompts: [ImagePrompt], shape: ImageShape, referenceShape: ImageShape? = nil, samplesPerPrompt: Int,
        settings: ImageSampler, start: ImageStart? = nil, shared: SharedDraws? = nil, generator: Generator,
        isCancelled: () -> Bool
    ) throws -> ImageGeneration {
        guard case .velocity = head else { throw ModelError("only a flow-image network without a value head samples") }
        try settings.validate()
        if let start, start.states.count != prompts.count * shape.count || !(0..<settings.steps).contains(start.step) {
            throw ModelError(
                "sampler: start has \(start.states.count) numbers at step \(start.step); expected \(prompts.count * shape.count) at a "
                    + "step below \(settings.steps)")
        }
        guard samplesPerPrompt >= 0 else {
            throw ModelError("sampler: samplesPerPrompt is \(samplesPerPrompt); expected a number from 0")
        }
        let owners = prompts.indices.flatMap { Array(repeating: $0, count: samplesPerPrompt) }
        let draws = ImageDraws(prompts.count, samplesPerPrompt, shared, generator)
        let seeds = draws.seeds()
        var batch = ImageSequences(
            shape: shape, referenceShape: referenceShape, kinds: conditioning.kinds,
            sample: Array(repeating: 0, count: owners.count * shape.count), conditions: owners.flatMap { prompts[$0].conditions },
            reference: owners.flatMap { prompts[$0].reference },
            guidance: Array(repeating: settings.guidance, count: owners.count),
            pairSeed: owners.map { seeds[$0] }, scoring: settings.scoring)
        batch.noise = settings.noise
        batch.reduction = settings.reduction
        try check(batch)
        return try withoutGrad { try sample(&batch, owners, settings, start, draws, isCancelled) }
    }

    private func sample(
        _ batch: inout ImageSequences, _ owners: [Int], _ settings: ImageSampler, _ start: ImageStart?, _ draws: ImageDraws,
        _ isCancelled: () -> Bool
    ) throws -> ImageGeneration {
        let (count, size) = (owners.count, batch.shape.count)
        let sigmas = (settings.shift.map { FlowSchedule(shift: $0) } ?? schedule)
            .sigmas(settings.steps, tokens: batch.shape.patches.reduce(1, *))
        let levels = settings.levels()
        let rows = ConditionRows(batch, Array(0..<count))
        let first = start?.step ?? 0
        var x: Tensor
        if let start {
            x = Tensor(owners.flatMap { start.states[$0 * size..<($0 + 1) * size] }, shape: [count, size], device: device)
        } else if settings.sharesNoise {
            x = draws.ofPrompts(size, device).select(Tensor(owners, device: device))
        } else {
            x = draws.ofSamples(size, device)
        }
        var (states, logps) = ([[Float]](), [[Float]?]())
        for step in first..<settings.steps where count > 0 {
            if isCancelled() { throw CancellationError() }
            states.append(x.floats)
            let gaussian = FlowStep(sigma: sigmas[step], next: sigmas[step + 1], level: levels[step], noise: settings.noise)
            let density = StepDensity(Array(repeating: gaussian, count: count), settings.reduction, device)
            let velocity = try guidedVelocity(x, Array(repeating: sigmas[step], count: count), rows: rows, batch)
            if gaussian.isRandom {
                let noise = draws.ofSamples(size, device)
                let next = density.next(x, velocity: velocity, noise: noise)
                logps.append(density.logp(of: next, from: x, velocity: velocity).floats)
                x = next
            } else {
                x = density.mean(x, velocity: velocity)
                logps.append(nil)
            }
        }
        batch.sample = x.floats
        if let place = batch.sample.firstIndex(where: { !$0.isFinite }) {
            throw ModelError(
                "sampling: sample \(place / size) is \(batch.sample[place]) at element \(place % size): the model's velocities are NaN or "
                    + "infinite; its weights are damaged or have diverged")
        }
        return record(&batch, states, logps, Array(sigmas[first...]), Array(levels[first...]))
    }

    /// Puts the steps, which were taken side by side, into the order of sequences.
    private func record(
        _ batch: inout ImageSequences, _ states: [[Float]], _ logps: [[Float]?], _ sigmas: [Double], _ levels: [Double]
    ) -> ImageGeneration {
        let size = batch.shape.count
        var logp: [Float] = []
        for sequence in 0..<batch.count {
            for step in states.indices {
                batch.state += states[step][sequence * size..<(sequence + 1) * size]
                if let row = logps[step] { logp.append(row[sequence]) }
            }
            batch.sigma += sigmas.dropLast()
            batch.sigmaNext += sigmas.dropFirst()
            batch.noiseLevel += levels
            batch.mask += logps.map { $0 != nil }
            batch.offsets[sequence + 1] = batch.sigma.count
        }
        return ImageGeneration(sequences: batch, logp: logp)
    }
}
