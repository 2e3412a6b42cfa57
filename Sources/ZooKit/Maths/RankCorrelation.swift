/// Spearman's rank correlation: Pearson's of the ranks, ties sharing their mean rank. Values that differ by rounding alone are ties.
///
/// - Returns: −1…1; nil where the lists differ in length, are shorter than 2, hold something not finite, or one is constant.
public func rankCorrelation(_ x: [Double], _ y: [Double]) -> Double? {
    guard x.count == y.count, x.count > 1, (x + y).allSatisfy(\.isFinite) else { return nil }
    let (a, b) = (ranks(x), ranks(y))
    let mean = Double(x.count + 1) / 2
    func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) } }
    let scale = (product(a, a) * product(b, b)).squareRoot()
    return scale > 0 ? product(a, b) / scale : nil
}

/// From 1.
private func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    let noise = roundingNoise(of: values)
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
        var end = start
        while end + 1 < order.count, values[order[end + 1]] - values[order[start]] <= noise { end += 1 }
        for index in start...end { ranks[order[index]] = Double(start + end) / 2 + 1 }
        start = end + 1
    }
    return ranks
}
