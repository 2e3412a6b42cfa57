import ZooTensor

extension CausalLM {
    public func generate(
        prompts: [[Int32]], samplesPerPrompt: Int, settings: SamplerSettings, generator: Generator, isCancelled: () -> Bool
    ) throws -> Generation {
        guard head == .languageModel else { throw ModelError("only a network with a languageModel head samples") }
        var record = try SampleRecord(prompts: prompts, samplesPerPrompt: samplesPerPrompt, settings: settings)
        let rowCount = prompts.count * samplesPerPrompt
        if rowCount == 0 || settings.maxNewTokens == 0 { return record.generation() }
        return try withoutGrad {
            let uniform = settings.uniform(rowCount, generator: generator, device: device)
            let start = ContinuousClock.now
            var (decoder, logits) = try prefill(prompts, samplesPerPrompt: samplesPerPrompt, settings: settings)
            device.synchronize()
            let prefillSeconds = start.duration(to: .now) / .seconds(1)
            var unread: [(tokens: Tensor, logp: Tensor)] = []
            for step in 0..<settings.maxNewTokens {
                if isCancelled() { throw CancellationError() }
                let draw = uniform.narrow(0, step..<step + 1).reshape([-1])
                let drawn = logits.sampled(draw.select(decoder.owners), settings, step: step)
                unread.append(drawn)
                let isLast = step == settings.maxNewTokens - 1
                var going: Set<Int>?
                if isLast || unread.count >= tokensPerRead {
                    going = try record.append(unread, rows: decoder.rows)
                    unread = []
                }
                if isLast || going?.isEmpty == true { break }
                logits = decoding { decoder.step(drawn.tokens, going: going, self) }
            }
            var drawn = record.generation()
            drawn.prefillSeconds = prefillSeconds
            return drawn
        }
    }

    /// Runs every distinct prompt once and spreads its keys and values over its samples.
    private func prefill(
        _ prompts: [[Int32]], samplesPerPrompt: Int, settings: SamplerSettings
    ) throws -> (DecodingRows, logits: Tensor) {
        var distinct: [[Int32]] = []
        var seen: [[Int32]: Int] = [:]
        let slots = prompts.map { prompt in
            if let slot = seen[prompt] { return slot }
            seen[prompt] = distinct.count
            distinct.append(prompt)
            return distinct.count - 1
        }
        let batch = Sequences(prompts: distinct)
        try batch.validate(vocabulary: config.vocabularySize)
        let lengths = distinct.map(\.count)
        let longest = lengths.max() ?? 0
        try checkLength(longest + settings.maxNewTokens)
        // Without padding, each bucket's keys and values go to the cache as they are.
        let layout = SequenceLayout(batch, PackingPlan(batch, lengths: lengths, slack: 1))
        let plan = AttentionPlan(layout, device: device)
        let columns = longest + settings.maxNewTokens - 1
        let order = layout.order
        let place = order.enumerated().reduce(into: [Int](repeating: 0, count: order.count)) {
            $0[$1.element] = $1.offset
        }
        let owners = slots.flatMap { slot in Array(repeating: place[slot], count: samplesPerPrompt) }
        let ownerIndex = Tensor(owners, device: device)
        let last = Tensor(order.map { layout.firstRow[$0] + lengths[$0] - 1 }, device: device)

        var caches: [DecodingRows.Cache] = []
        var x = embed(Tensor(layout.tokens, device: device), positions: Tensor(layout.positions, device: device))
        for (index, block) in blocks.enumerated() {
            let prompt = DecodingRows.Cache(rows: order.count, columns: longest, self)
            var row = 0
            var attended = plan.attend(block.attentionInput(x, config), block, config) {
                prompt.fill(rows: row..<row + $0.batch, keys: $1, values: $2, self)
                row += $0.batch
            }
            caches.append(DecodingRows.Cache(spreading: prompt, over: ownerIndex, columns: columns, self))
            if index == blocks.count - 1 {
                attended = attended.distinctRows(last)
                x = x.distinctRows(last)
            }
            x = block.finish(x, attended: attended)
        }
        let logits = logits(x).select(ownerIndex)
        let decoder = DecodingRows(
            caches: caches, promptLengths: owners.map { lengths[order[$0]] }, longest: longest, device: device)
        return (decoder, logits)
    }
}

/// The rows that are still being continued, with their keys and values.
///
/// Prompts lie flush right in the first `longest` columns, so that every row writes its next key to the same column.
struct DecodingRows {
    /// Keys and values of one layer, `[rows, kvHeads, columns, width]`.
    struct Cache {
        var keys: Tensor
        var values: Tensor
    }

    private var caches: [Cache]
    /// NetworkOutput index of each row.
    private(set) var rows: [Int]
    private(set) var owners: Tensor
    /// Position of the next token of each row.
    private var positions: Tensor
    /// First column of each row that holds a key, here and on the device.
    private var firstColumns: [Int]
    private var starts: Tensor
    private let one: Tensor
    private var column: Int

    init(caches: [Cache], promptLengths: [Int], longest: Int, device: Device) {
        self.caches = caches
        rows = Array(promptLengths.indices)
        owners = Tensor(rows, device: device)
        positions = Tensor(promptLengths, device: device)
        firstColumns = promptLengths.map { longest - $0 }
        starts = Tensor(firstColumns, device: device)
        column = longest
        one = Tensor([1], device: device)
    }

    /// Feeds the tokens just sampled and gives the next logits, `[rows, vocabulary]`.
    ///
    /// - Parameter going: the rows (by output index) that continue, the others are dropped once they are a quarter; nil if that was not read.
    mutating func step(_ tokens: Tensor, going: Set<Int>?, _ network: CausalLM) -> Tensor {
        var tokens = tokens
        if let going, going.count * 4 <= rows.count * 3 {
            let kept = rows.indices.filter { going.contains(rows[$0]) }
            let index = Tensor(kept, device: tokens.device)
            tokens = tokens.select(index)
            compact(kept, index)
        }
        var x = network.embed(tokens, positions: positions)
        // Keys that have left the window stay in the cache, in columns that are not looked at.
        let config = network.config
        let left = config.slidingWindow.map { column + 1 - $0 } ?? 0
        func seen(from first: [Int], _ starts: Tensor) -> SeenColumns {
            SeenColumns(first: first, starts: starts, end: column + 1, caches: caches[0].keys)
        }
        let whole = seen(from: firstColumns, starts)
        let late = left > 0 ? firstColumns.map { max($0, left) } : nil
        let windowed = late.map { seen(from: $0, Tensor($0, device: x.device)) } ?? whole
        for (block, cache) in zip(network.blocks, caches) {
            let q = block.attentionInput(x, config).rotaryAppend(
                positions: positions, cosine: block.rotary.cosine, sine: block.rotary.sine, keys: cache.keys,
                values: cache.values, column: column)
            let attended = q.cachedAttention(
                keys: cache.keys, values: cache.values, seen: block.window == nil ? whole : windowed,
                scale: config.attentionScale, cap: config.scales.attentionCap)
            x = block.finish(x, attended: attended)
        }
        positions = positions + one
        column += 1
        return network.logits(x)
    }

    private mutating func compact(_ kept: [Int], _ index: Tensor) {
        rows = kept.map { rows[$0] }
        owners = owners.select(index)
        positions = positions.select(index)
        firstColumns = kept.map { firstColumns[$0] }
        starts = starts.select(index)
        caches = caches.map { $0.kept(index, columns: column) }
    }
}

extension DecodingRows.Cache {
    init(rows: Int, columns: Int, _ network: CausalLM) {
        let shape = [rows, network.config.kvHeads, columns, network.config.headWidth]
        // Columns that a short prompt leaves free are never looked at, but a device's masked product may read them: 0 · NaN is NaN.
        keys = .zeros(shape, device: network.device)
        values = .zeros(shape, device: network.device)
    }

    /// Copies the prompt's columns of row `owners[i]` to row i.
    init(spreading prompt: DecodingRows.Cache, over owners: Tensor, columns: Int, _ network: CausalLM) {
        let shape = [owners.count, network.config.kvHeads, columns, network.config.headWidth]
        keys = .empty(shape, device: network.device)
        values = .empty(shape, device: network.device)
        let filled = 0..<prompt.keys.size(2)
        keys.narrow(2, filled).copy(from: prompt.keys.select(owners))
        values.narrow(2, filled).copy(from: prompt.values.select(owners))
    }

    /// Places a bucket's keys and values `[batch, heads, length, width]` flush right.
    func fill(rows: Range<Int>, keys k: Tensor, values v: Tensor, _ network: CausalLM) {
        let columns = keys.size(2)
        let length = k.size(2)
        let group = network.config.heads / network.config.kvHeads
        let place = columns - length..<columns
        let heads = Tensor((0..<network.config.kvHeads).map { $0 * group }, device: k.device)
        keys.narrow(0, rows).narrow(2, place).copy(from: group == 1 ? k : k.select(heads, dim: 1))
        values.narrow(0, rows).narrow(2, place).copy(from: group == 1 ? v : v.select(heads, dim: 1))
    }

    /// The rows of `index`, with the columns written so far.
    func kept(_ index: Tensor, columns: Int) -> DecodingRows.Cache {
        func moved(_ cache: Tensor) -> Tensor {
            let room = Tensor.empty([index.count] + cache.shape.dropFirst(), device: cache.device)
            room.narrow(2, 0..<columns).copy(from: cache.narrow(2, 0..<columns).select(index))
            return room
        }
        return .init(keys: moved(keys), values: moved(values))
    }
}

extension CausalLM {
    /// `generation_config.json` speaks before `config.json`, as in `transformers`.
    public var endTokens: [Int32] {
        generation.map(\.endTokens).flatMap { $0.isEmpty ? nil : $0 } ?? config.eosTokens
    }
}
