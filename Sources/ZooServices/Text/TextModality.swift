import ZooRecipe

/// Texts, as a tokenizer writes them.
package struct TextModality: TokenModality {
    package let codec: any TextCodec
    package let tokens: TokenizedRows
    package let ends: [Int32]

    package init(_ codec: any TextCodec, limits: DataSources) {
        self.codec = codec
        tokens = TokenizedRows(codec: codec, maxPromptLength: limits.maxPromptLength, maxLength: limits.maxLength)
        ends = codec.ends
    }
}
