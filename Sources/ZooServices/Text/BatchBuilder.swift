import ZooKit

/// Appends sequences one by one.
struct BatchBuilder {
    private var batch = Batch()

    mutating func append(_ sequence: TokenizedSequence) {
        batch.tokens += sequence.tokens
        batch.mask += sequence.mask
        batch.offsets.append(batch.tokens.count)
    }

    /// A sequence to be continued.
    mutating func append(context: [Int32]) { append(TokenizedSequence(tokens: context, contextSteps: context.count)) }

    func finish(_ columns: [Column]) -> Batch {
        Batch(offsets: batch.offsets, tokens: batch.tokens, mask: batch.mask, columns: columns)
    }
}
