/// What a network of tokens asks of a batch, wherever one is checked: before a forward pass, and by a host without networks.
public enum RaggedTokens {
    /// Why the arrays are not ragged sequences of tokens below `vocabulary`; nil if they are.
    ///
    /// - Parameters:
    ///   - offsets: [n_sequences + 1]
    ///   - tokens: [n_steps], as `mask`; true where a step is an action, which the first of a sequence never is.
    ///   - temperature: [n_sequences]; nil means 1.
    public static func objection(
        offsets: [Int], tokens: [Int32], mask: [Bool], temperature: [Float]?, vocabulary: Int
    ) -> String? {
        guard let last = offsets.last, offsets.first == 0, last == tokens.count, mask.count == tokens.count else {
            return "offsets must run from 0 to the number of steps; found \(offsets.first ?? -1) to \(offsets.last ?? -1) for "
                + "\(tokens.count) tokens and \(mask.count) mask entries"
        }
        let count = offsets.count - 1
        if let temperature, temperature.count != count {
            return "expected one temperature per sequence (\(count)), found \(temperature.count)"
        }
        for index in 0..<count {
            let (start, end) = (offsets[index], offsets[index + 1])
            guard start <= end else { return "sequence \(index) ends (\(end)) before it begins (\(start))" }
            if start < end, mask[start] {
                return "the first step of sequence \(index) is masked, but there is no context to predict it from"
            }
            if let temperature, !(temperature[index] > 0 && temperature[index].isFinite) {
                return "the temperature of sequence \(index) is \(temperature[index]); expected a positive number"
            }
        }
        guard let wrong = tokens.firstIndex(where: { $0 < 0 || Int($0) >= vocabulary }) else { return nil }
        return "step \(wrong) has token \(tokens[wrong]), outside the vocabulary of \(vocabulary)"
    }
}
