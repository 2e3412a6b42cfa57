import ZooRecipe

/// Texts, as a tokenizer writes them.
struct TextModality: TokenModality {
    let codec: any TextCodec
    let tokens: TokenizedRows
    let ends: [Int32]

    init(_ codec: any TextCodec, limits: DataSources) {
        self.codec = codec
        tokens = TokenizedRows(codec: codec, maxPromptLength: limits.maxPromptLength, maxLength: limits.maxLength)
        ends = codec.ends
    }
}
