// What counts as 0. A sum of n numbers may be off by n/2 units in the last place, so that what is left of equal numbers is hardly ever
// exactly 0, and how much of it is rounding can be told only from the size of the numbers that it is left of.

/// How far numbers may lie apart and be equal but for rounding: n units in the last place, at least 4096, of the largest of them.
///
/// Single precision, in which networks answer, is 60 000 times coarser than that at n = 4096.
///
/// - Parameter scale: The size of what the values were made from, where it was larger.
public func roundingNoise(of values: [Double], scale: Double = 0) -> Double {
    noiseShare(values.count) * max(largest(values), scale)
}

/// a − b, and 0 where that is rounding alone.
///
/// - Parameters:
///   - count: How many numbers were added up on the way to a or b.
///   - scale: The size of what they were made from, where it was larger.
public func difference(_ a: Double, _ b: Double, count: Int = 1, scale: Double = 0) -> Double {
    let difference = a - b
    let noise = noiseShare(count) * max(abs(a), abs(b), scale)
    return difference.isFinite && abs(difference) <= noise ? 0 : difference
}

/// The largest magnitude; 0 of nothing.
public func largest(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }

private func noiseShare(_ count: Int) -> Double { Double(max(count, 4096)) * .ulpOfOne }
