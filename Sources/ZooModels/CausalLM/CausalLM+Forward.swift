import ZooTensor

extension CausalLM {
    public func forward(_ batch: Sequences, _ outputs: [NetworkOutput]) throws -> [Tensor] {
        try batch.validate(vocabulary: config.vocabularySize)
        if let output = outputs.first(where: { !supports($0) }) {
            throw ModelError("a causal-lm network with a \(head.rawValue) head has no output \(output.rawValue)")
        }
        if head == .score {
            let scores = try rewardScores(batch)
            return outputs.map { _ in scores }
        }
        let states = try ActionStates(batch)
        if states.count == 0 {
            return outputs.map { .zeros([$0 == .score ? batch.count : 0], device: device) }
        }
        let hidden = try finalStates(states.layout, rows: states.rows)
        if head == .value {
            let values = hidden.linear(headWeight, bias: headBias).reshape([-1])
            return outputs.map { _ in values }
        }
        let (x, weight) = ends.outputAdapter?.beside(outputStates(hidden), headWeight) ?? (outputStates(hidden), headWeight)
        let (logp, entropy) = x.tokenLogp(
            weight: weight, targets: Tensor(states.targets, device: device),
            inverseTemperature: states.inverseTemperature.map { Tensor($0, device: device) }, cap: config.scales.logitCap,
            wantEntropy: outputs.contains(.entropy))
        return outputs.compactMap { output in
            switch output {
            case .entropy: entropy
            case .score: logp.segmentSum(Tensor(states.sequence, device: device), count: batch.count)
            default: logp
            }
        }
    }

    /// The trunk's output after its last norm for packed rows `rows` (nil: all), `[rows, hidden]`.
    ///
    /// The last layer's output projection and feed-forward run on those rows only.
    func finalStates(_ layout: SequenceLayout, rows: [Int]?) throws -> Tensor {
        try checkLength(layout.longest)
        let plan = AttentionPlan(layout, device: device)
        let chosen = rows.map { Tensor($0, device: device) }
        var x = embed(Tensor(layout.tokens, device: device), positions: Tensor(layout.positions, device: device))
        for (index, block) in blocks.enumerated() {
            let rows = index == blocks.count - 1 ? chosen : nil
            let config = config
            let run = { (x: Tensor) in block(x, plan, rows: rows, config) }
            x = recomputes ? recomputed([x]) { [run($0[0])] }[0] : run(x)
        }
        return norm(x)
    }

    /// A reward model's scalar for each sequence, `[n_sequences]`. Pooled at the last step it is the head's at the last token that is not
    /// `pad_token_id`, as in `transformers`' sequence classification; at the first where all of them are.
    private func rewardScores(_ batch: Sequences) throws -> Tensor {
        if let empty = (0..<batch.count).first(where: { batch.steps($0).isEmpty }) {
            throw ModelError("batch: sequence \(empty) has no steps to score")
        }
        if batch.count == 0 { return .zeros([0], device: device) }
        let plan = scoredSteps(batch)
        let layout = SequenceLayout(batch, plan)
        let lengths = plan.lengths(of: batch.count)
        switch config.pooling {
        case .last:
            let rows = (0..<batch.count).map { layout.firstRow[$0] + lengths[$0] - 1 }
            return try finalStates(layout, rows: rows).linear(headWeight).reshape([-1])
        case .mean:
            // The head is linear, so the mean of its outputs is its output for the mean state.
            let owner = layout.order.flatMap { Array(repeating: $0, count: lengths[$0]) }
            let scores = try finalStates(layout, rows: nil).linear(headWeight).reshape([-1])
            let sums = scores.segmentSum(Tensor(owner, device: device), count: batch.count)
            return sums * Tensor(lengths.map { 1 / Float($0) }, device: device)
        }
    }

    /// The steps of each sequence that a reward model reads.
    func scoredSteps(_ batch: Sequences) -> PackingPlan {
        let lengths = (0..<batch.count).map { sequence in
            let tokens = batch.tokens[batch.steps(sequence)]
            guard config.pooling == .last else { return tokens.count }
            return (tokens.lastIndex { $0 != config.padToken } ?? tokens.startIndex) - tokens.startIndex + 1
        }
        // A mean is over all of a sequence's own rows.
        return PackingPlan(batch, lengths: lengths, shares: config.pooling == .last)
    }

    func checkLength(_ length: Int) throws {
        let longest = config.ropeScaling.longest(positions: config.maxPositions)
        guard length <= longest else {
            throw ModelError(
                "a sequence of \(length) steps is longer than the model's \(longest) "
                    + (longest < config.maxPositions
                        ? "(original_max_position_embeddings); longrope's long_factor, which is for more, is not supported"
                        : "(\(config.family.traits.keys.positions))"))
        }
        for block in blocks { block.rotary.reserve(length) }
    }
}

/// The states that actions were taken in: for each masked step the packed row of the step before it.
struct ActionStates {
    let layout: SequenceLayout
    let rows: [Int]
    let targets: [Int]
    let sequence: [Int]
    let inverseTemperature: [Float]?

    var count: Int { rows.count }

    init(_ batch: Sequences) throws {
        layout = SequenceLayout(batch, Self.plan(batch))
        var rows: [Int] = []
        var targets: [Int] = []
        var owners: [Int] = []
        for index in 0..<batch.count {
            let steps = batch.steps(index)
            for step in steps where batch.mask[step] {
                rows.append(layout.firstRow[index] + step - steps.lowerBound - 1)
                targets.append(Int(batch.tokens[step]))
                owners.append(index)
            }
        }
        inverseTemperature = batch.temperature.map { all in owners.map { 1 / all[$0] } }
        self.rows = rows
        self.targets = targets
        sequence = owners
    }

    static func plan(_ batch: Sequences) -> PackingPlan {
        PackingPlan(batch, lengths: (0..<batch.count).map { needed(batch.mask[batch.steps($0)]) })
    }

    /// Leading steps of a sequence that its masked steps depend on: those before the last masked one.
    private static func needed(_ mask: ArraySlice<Bool>) -> Int {
        mask.lastIndex(of: true).map { $0 - mask.startIndex } ?? 0
    }
}

/// Index tensors of a layout's buckets, made once and used by every layer.
struct AttentionPlan {
    let layout: SequenceLayout
    private let places: [Tensor?]
    private let packed: [Tensor?]

    init(_ layout: SequenceLayout, device: Device) {
        self.layout = layout
        places = layout.buckets.map { $0.places.map { Tensor($0, device: device) } }
        packed = layout.buckets.map { $0.packed.map { Tensor($0, device: device) } }
    }

    /// Causal attention over packed projections `[n, (heads + 2 kvHeads) · width]`; gives `[n, heads · width]`.
    ///
    /// - Parameter observe: sees the rotated keys and the values of each bucket, `[batch, heads, length, width]`.
    func attend(
        _ qkv: Tensor, _ block: CausalLM.Block, _ config: CausalLMConfig,
        observe: (SequenceLayout.Bucket, Tensor, Tensor) -> Void = { _, _, _ in }
    ) -> Tensor {
        let parts = layout.buckets.count == 1 ? [qkv] : qkv.splitRows(layout.buckets.map(\.rows.count))
        let outputs = layout.buckets.indices.map { index in
            let bucket = layout.buckets[index]
            let (q, k, v) = parts[index].rotaryHeads(
                rows: places[index], cosine: block.rotary.cosine, sine: block.rotary.sine, batch: bucket.batch,
                length: bucket.length, heads: config.heads, kvHeads: config.kvHeads)
            observe(bucket, k, v)
            // Scores with a bound are composed of operators that round each on its own: those stay in float32.
            let type = block.qkv.half.isUsed && config.scales.attentionCap == nil ? DType.bfloat16 : q.dtype
            let attended = q.to(type).causalAttention(
                k.to(type), v.to(type), window: block.window, scale: config.attentionScale, cap: config.scales.attentionCap
            ).to(q.dtype).transpose(1, 2).reshape([bucket.batch * bucket.length, config.heads * config.headWidth])
            // Padded keys come after every real query, so the causal mask already hides them.
            return packed[index].map { attended.distinctRows($0) } ?? attended
        }
        return .concatenate(outputs)
    }
}
