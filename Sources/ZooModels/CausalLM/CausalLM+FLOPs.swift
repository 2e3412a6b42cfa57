// Floating-point operations, counted from the shapes; a multiply-add is two. Norms, rotations and softmaxes are left out: together
// they are about a hundredth of the products.
extension CausalLM {
    /// Of one row in one layer: before attention (queries, keys, values), and after it (output projection, feed-forward).
    private var rowFLOPs: (before: Double, after: Double) {
        let queries = config.heads * config.headWidth
        let keys = config.kvHeads * config.headWidth
        let matrices = config.family.traits.activation.isGated ? 3 : 2
        return (
            Double(2 * config.hiddenSize * (queries + 2 * keys)),
            Double(2 * config.hiddenSize * (queries + matrices * config.intermediateSize))
        )
    }

    /// Of the attention of rows `rows` of one sequence in the layers from `first` on: row i sees i + 1 keys, or as many as the window holds.
    private func attentionFLOPs(rows: Range<Int>, from first: Int = 0) -> Double {
        let pairs = blocks.dropFirst(first).reduce(0) { total, block in
            let window = block.window ?? .max
            let open = rows.clamped(to: 0..<window)
            let bound = rows.count - open.count
            return total + open.count * (open.lowerBound + open.upperBound + 1) / 2 + (bound == 0 ? 0 : bound * window)
        }
        return Double(4 * pairs * config.heads * config.headWidth)
    }

    /// Of all layers over a sequence of `length` rows from its start; the last layer continues for `needed` rows only.
    ///
    /// - Parameter shared: the leading rows that are another sequence's; they are attended to and not computed again.
    private func trunkFLOPs(length: Int, shared: Int = 0, needed: Int) -> Double {
        let (before, after) = rowFLOPs
        let rows = Double(length - shared)
        let layers = Double(config.layers)
        return layers * before * rows + attentionFLOPs(rows: 0..<length) + after * ((layers - 1) * rows + Double(needed))
            + adapterFLOPs(rows: rows, needed: Double(needed))
    }

    /// Of the adapters of all layers, where there are any.
    private func adapterFLOPs(rows: Double, needed: Double) -> Double {
        blocks.enumerated().reduce(0) { total, layer in
            let after = layer.element.projections.dropFirst().reduce(0) { $0 + ($1.adapter?.rowFLOPs ?? 0) }
            return total + (layer.element.qkv.adapter?.rowFLOPs ?? 0) * rows
                + after * (layer.offset == blocks.count - 1 ? needed : rows)
        }
    }

    /// Of the head on one row.
    private var headFLOPs: Double {
        Double(2 * headWeight.size(0) * config.hiddenSize) + (ends.outputAdapter?.rowFLOPs ?? 0)
    }

    public func forwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        packed(batch).reduce(0) { total, member in
            let needed = rowsOfHead(member, batch)
            return total + trunkFLOPs(length: member.length, shared: member.shared, needed: needed) + headFLOPs * Double(needed)
        }
    }

    /// Of each layer what its operators read again: inputs of both norms and of all products, rotated queries, keys and values with a key
    /// for each query head, and attention's output in both layouts. Blocks that are computed again keep their inputs, one of them all.
    public var activationBytes: Int {
        let heads = config.heads * config.headWidth
        let (states, inner) = (2 * config.hiddenSize, (config.family.traits.activation.isGated ? 2 : 1) * config.intermediateSize)
        // What products and attention read is there in 16 bits where they are made in those.
        let read = (states + 5 * heads + config.intermediateSize) * (passesInHalf ? 2 : 4)
        let layer = (states + inner) * 4 + read
        return recomputes ? config.layers * config.hiddenSize * 4 + layer : config.layers * layer
    }

    /// Scores with a bound (Gemma 2's) are kept before and after their softmax.
    public var pairBytes: Int {
        guard config.scales.attentionCap != nil else { return 0 }
        return (recomputes ? 1 : config.layers) * config.heads * 2 * MemoryLayout<Float>.size
    }

    public func recomputedFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        packed(batch).reduce(0) { $0 + trunkFLOPs(length: $1.length, shared: $1.shared, needed: rowsOfHead($1, batch)) }
    }

    private func packed(_ batch: Sequences) -> [PackingPlan.Member] {
        (head == .score ? scoredSteps(batch) : ActionStates.plan(batch)).buckets.flatMap { $0 }
    }

    private func rowsOfHead(_ member: PackingPlan.Member, _ batch: Sequences) -> Int {
        switch (head, config.pooling) {
        case (.score, .last): 1
        case (.score, .mean): member.length
        default: batch.mask[batch.steps(member.sequence)].count { $0 }
        }
    }

    /// Beside frozen weights: one product for each of them, for the gradient by its input, from the first adapter on; two for each
    /// of an adapter's, and for attention's.
    public func backwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        guard let base = adaptation?.base else { return 2 * forwardFLOPs(batch, outputs) }
        let trainsEmbedding = ends.tableAdapter != nil || embedding !== base.embedding
        let trainsHead = head == .value || ends.outputAdapter != nil || headWeight !== base.headWeight
        let adapted = blocks.firstIndex { $0.projections.contains { $0.adapter != nil } }
        guard let first = trainsEmbedding ? -1 : adapted else {
            return headFLOPs * Double(batch.maskedCount) * 2
        }
        let (before, after) = rowFLOPs
        let above = Double(blocks.count - 1 - first)
        let whole = min(above, Double(blocks.count - 1))
        let attended = first >= 0 && blocks[first].qkv.adapter != nil ? first : first + 1
        return packed(batch).reduce(0) { total, member in
            let rows = Double(member.rows)
            let needed = Double(rowsOfHead(member, batch))
            let attention = attentionFLOPs(rows: 0..<member.length, from: attended)
            let frozen = above * before * rows + after * (whole * rows + needed)
            let output = headFLOPs * needed * (trainsHead ? 2 : 1)
            return total + frozen + 2 * attention + 2 * adapterFLOPs(rows: rows, needed: needed) + output
        }
    }

    public func prefillFLOPs(_ drawn: Sequences) -> Double {
        var seen: Set<ArraySlice<Int32>> = []
        return (0..<drawn.count).reduce(0) { total, sequence in
            let steps = drawn.steps(sequence)
            let context = drawn.tokens[steps].prefix(steps.count - drawn.mask[steps].count { $0 })
            return total + (seen.insert(context).inserted ? trunkFLOPs(length: context.count, needed: 1) + headFLOPs : 0)
        }
    }

    public func generationFLOPs(_ drawn: Sequences) -> Double {
        let (before, after) = rowFLOPs
        return (0..<drawn.count).reduce(0) { total, sequence in
            let steps = drawn.steps(sequence)
            let context = steps.count - drawn.mask[steps].count { $0 }
            // The last token is drawn and not read again.
            let read = context..<max(context, steps.count - 1)
            let row = Double(config.layers) * (before + after) + headFLOPs + adapterFLOPs(rows: 1, needed: 1)
            return total + Double(read.count) * row + attentionFLOPs(rows: read)
        }
    }
}
