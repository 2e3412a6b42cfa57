/// a − b, and 0 where no more is left than the rounding of numbers of their size: scores that are equal must not differ by the order in
/// which they were added up.
func difference(_ a: Double, _ b: Double) -> Double {
    let difference = a - b
    return difference.isFinite && abs(difference) <= 4096 * .ulpOfOne * max(abs(a), abs(b)) ? 0 : difference
}
