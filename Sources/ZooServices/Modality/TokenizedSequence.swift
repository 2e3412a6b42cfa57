/// One sequence: its tokens, and which of them are actions.
package struct TokenizedSequence {
    package var tokens: [Int32]
    /// [tokens]; true: an action.
    package var mask: [Bool]
    /// Tokens of the row that the recipe's limits cut at the start of the prompt and at the end.
    package var cut = (front: 0, end: 0)

    init(tokens: [Int32], mask: [Bool]) {
        self.tokens = tokens
        self.mask = mask
    }

    /// The first `contextSteps` are context, the others actions.
    init(tokens: [Int32], contextSteps: Int) {
        self.init(tokens: tokens, mask: tokens.indices.map { $0 >= contextSteps })
    }

    var hasActions: Bool { mask.contains(true) }
    var isCut: Bool { cut.front > 0 || cut.end > 0 }

    /// The first `most` tokens; possibly without any action.
    func prefix(_ most: Int) -> TokenizedSequence {
        var result = TokenizedSequence(tokens: Array(tokens.prefix(most)), mask: Array(mask.prefix(most)))
        result.cut = (cut.front, tokens.count - result.tokens.count)
        return result
    }

    /// Makes the first token context: there is nothing before it to predict it from.
    func withoutFirstAction() -> TokenizedSequence {
        guard mask.first == true else { return self }
        var result = self
        result.mask[0] = false
        return result
    }
}
