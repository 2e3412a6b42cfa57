extension Collection<Double> {
    /// The mean; nil of nothing, which each caller calls what it is there: 0, or not a number.
    package var mean: Double? { isEmpty ? nil : reduce(0, +) / Double(count) }
}
