import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Sequences of tokens: what texts and tables have in common.
package protocol TokenModality: Modality where Pairs == TokenPairs {
    var codec: any TextCodec { get }
    var tokens: TokenizedRows { get }
    /// Any of them ends a sample.
    var ends: [Int32] { get }
}

// MARK: - Rows

extension TokenModality {
    package func prompts(_ rows: [Row]) throws -> Batch {
        var batch = BatchBuilder()
        for row in rows { batch.append(try tokens.prompt(row)) }
        return batch.finish([Column("row", perStep: false, .i64(rows.map { Int64($0.id) }))])
    }

    package func examples(_ rows: [Row], position: Int) throws -> Batch {
        var batch = BatchBuilder()
        for row in rows { batch.append(try tokens.example(row)) }
        var columns = [Column("row", perStep: false, .i64(rows.map { Int64($0.id) }))]
        let ratings = rows.map { $0.extras["rating"]?.number }
        if ratings.allSatisfy({ $0 != nil }) {
            columns.append(Column("rating", perStep: false, .f64(ratings.compactMap(\.self))))
        }
        let labels = rows.map(\.label)
        if labels.allSatisfy({ $0 != nil }) {
            columns.append(Column("label", perStep: false, .u8(labels.compactMap(\.self).map { $0 ? 1 : 0 })))
        }
        return batch.finish(columns)
    }

    package func pairs(_ rows: [Row], position: Int) throws -> Batch {
        var batch = BatchBuilder()
        for row in rows {
            batch.append(try tokens.chosen(row))
            batch.append(try tokens.rejected(row))
        }
        return batch.finish([
            Column("row", perStep: false, .i64(rows.flatMap { [Int64($0.id), Int64($0.id)] })),
            Column("pair", perStep: false, .i64(rows.indices.flatMap { [Int64($0), Int64($0)] })),
            Column("chosen", perStep: false, .u8(rows.flatMap { _ in [1, 0] })),
        ])
    }

    package func check(_ dataset: Dataset, _ kind: DataKind) -> RowCounts? { RowCheck(tokens: tokens, kind: kind)(dataset) }
    package func heldOut(seed: UInt64) -> Self { self }
}

// MARK: - Networks

extension TokenModality {
    package func sequences(_ batch: Batch) throws -> Sequences {
        try RoleRules.requireTokens(batch)
        return Sequences(batch)
    }

    package func costs(_ batch: Batch) -> [Int]? { nil }
    package var outputs: Set<NetworkOutput> { [.logp, .entropy, .score] }
    package func info(_ output: NetworkOutput) -> OutputInfo { OutputInfo(perStep: output != .score) }
    package var repeatsScores: Bool { true }

    package func forward(_ policy: any Network, klTo reference: any Network, _ sequences: Sequences, _ wanted: [NetworkOutput])
        throws
        -> (tensors: [Tensor], referenceFLOPs: Double)?
    { nil }
}

// MARK: - Sampling

extension TokenModality {
    package func generate(
        _ request: SamplingRequest, with network: any Network, generator: Generator, iteration: Int, isCancelled: () -> Bool
    ) throws -> Drawn? {
        try sample(request, with: network, generator: generator, isCancelled: isCancelled)
    }

    /// Completions of one turn.
    func sample(
        _ request: SamplingRequest, with network: any Network, generator: Generator, isCancelled: () -> Bool
    ) throws -> Drawn? {
        guard let network = network as? any GenerativeNetwork else { return nil }
        let (prompts, settings) = (request.prompts, request.settings)
        var sampler = SamplerSettings(
            maxNewTokens: settings.maxNewTokens, temperature: settings.temperature, endTokens: network.endTokens(with: ends))
        sampler.shared = request.shared
        let drawn = try network.generate(
            prompts: (0..<prompts.sequenceCount).map { Array(prompts.tokens[prompts.steps(of: $0)]) },
            samplesPerPrompt: request.samples, settings: sampler,
            generator: generator, isCancelled: isCancelled)
        return self.drawn(drawn, settings, with: network)
    }

    /// What was generated, with the columns of this modality.
    func drawn(_ drawn: Generation, _ settings: RolloutSettings, with network: any GenerativeNetwork) -> Drawn {
        let sequences = drawn.sequences
        let temperature = Column(
            "temperature", perStep: false,
            .f64(Array(repeating: settings.temperature == 0 ? 1 : settings.temperature, count: sequences.count)))
        return Drawn(
            batch: Batch(offsets: sequences.offsets, tokens: sequences.tokens, mask: sequences.mask), logp: drawn.logp,
            finished: drawn.finished, columns: [temperature], flops: network.generationFLOPs(sequences),
            steps: sequences.tokens.count, prefill: (drawn.prefillSeconds, network.prefillFLOPs(sequences)))
    }

    package func prompts(of batch: Batch) throws -> Batch {
        let rows = try batch.integers("row")
        var builder = BatchBuilder()
        for sequence in 0..<batch.sequenceCount {
            builder.append(context: Array(batch.tokens[batch.context(of: sequence)]))
        }
        return builder.finish([Column("row", perStep: false, .i64(rows.map(Int64.init)))])
    }

    package func pairs(of batch: Batch) throws -> Batch {
        Batch(
            offsets: batch.offsets, tokens: batch.tokens, mask: batch.mask,
            columns: [Column("row", perStep: false, .i64(try batch.integers("row").map(Int64.init)))])
    }

    package func place(of step: Int, in steps: Range<Int>, of batch: Batch) -> Int {
        steps.prefix { $0 < step }.count { batch.mask[$0] }
    }

    package func continuing(
        _ batch: Batch, at states: [(step: Int, sequence: Int)], place: Int, samples: Int, settings: RolloutSettings
    )
        throws -> (request: SamplingRequest, actionsBefore: Int)
    {
        let rows = try batch.integers("row")
        var builder = BatchBuilder()
        for (step, sequence) in states { builder.append(context: Array(batch.tokens[batch.offsets[sequence]..<step])) }
        let prompts = builder.finish([Column("row", perStep: false, .i64(states.map { Int64(rows[$0.sequence]) }))])
        var settings = settings
        settings.maxNewTokens -= place
        return (SamplingRequest(prompts: prompts, samples: samples, settings: settings), place)
    }
}

// MARK: - Rewards

extension TokenModality {
    package func items(_ batch: Batch, _ row: (Int) -> Row?) throws -> [RewardItem] {
        let rows = try batch.column("row") == nil ? nil : batch.integers("row")
        let finished = try batch.column("finished") == nil ? nil : batch.integers("finished")
        return (0..<batch.sequenceCount).map { sequence in
            let steps = batch.steps(of: sequence)
            let context = Array(batch.tokens[batch.context(of: sequence)])
            let actions = steps.filter { batch.mask[$0] }.map { batch.tokens[$0] }
            let row = rows.flatMap { row($0[sequence]) }
            var item = RewardItem(
                prompt: codec.decode(context, after: []),
                completion: codec.decode(Array(batch.tokens[steps.dropFirst(context.count)]), after: context),
                extras: row?.extras ?? [:], finished: finished.map { $0[sequence] != 0 } ?? true, steps: actions.count)
            item.messages = row?.chat?.prompt
            item.tokens = actions
            return item
        }
    }

    /// A conversation goes by the other model's own chat template, any other text with its marks as they are spelled. A sample that
    /// was cut gets no end that it does not have.
    package func reread(_ batch: Batch, _ items: [RewardItem], _ row: (Int) -> Row?, by reader: any Reader) throws -> Batch {
        guard let other = reader as? any TextCodec else { throw ZooError(.invalidArgument, Self.notText) }
        let rows = TokenizedRows(codec: other, maxPromptLength: .max, maxLength: .max)
        let ids = try batch.column("row") == nil ? nil : batch.integers("row")
        let ends = other.ends
        var encoded = BatchBuilder()
        for (index, item) in items.enumerated() {
            var sequence: TokenizedSequence
            if let source = ids.flatMap({ row($0[index]) }), source.chat != nil {
                sequence = try rows.completion(source, nil, [ChatMessage(role: "assistant", content: item.completion)])
            } else {
                var context = Array(batch.tokens[batch.context(of: index)])
                var rest = Array(batch.tokens[batch.steps(of: index).dropFirst(context.count)])
                if context.first == codec.begin { context.removeFirst() }
                if let last = rest.last, self.ends.contains(last) { rest.removeLast() }
                sequence = try rows.completion(
                    Row(prompt: codec.spelled(context, after: [])), codec.spelled(rest, after: context))
            }
            if !item.finished, let last = sequence.tokens.last, ends.contains(last) {
                sequence = TokenizedSequence(tokens: sequence.tokens.dropLast(), mask: sequence.mask.dropLast())
            }
            encoded.append(sequence)
        }
        return encoded.finish([])
    }

    private static var notText: String { "the reward model reads no text, and the policy writes text" }
}

extension Batch {
    /// The steps before the first action of a sequence: its prompt.
    func context(of sequence: Int) -> Range<Int> {
        let steps = steps(of: sequence)
        return steps.lowerBound..<(steps.first { mask[$0] } ?? steps.upperBound)
    }
}

extension Sequences {
    /// A batch of tokens as the networks read it.
    package init(_ batch: Batch) {
        self.init(
            offsets: batch.offsets, tokens: batch.tokens, mask: batch.mask,
            temperature: batch.column("temperature").map { $0.doubles.map(Float.init) })
    }
}
