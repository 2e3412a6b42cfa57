extension Collection<Double> {
    /// The mean; nil if empty, which each caller interprets: 0, or not a number.
    package var mean: Double? { isEmpty ? nil : reduce(0, +) / Double(count) }
}
