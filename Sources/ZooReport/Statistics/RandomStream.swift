/// A fixed stream of random numbers, so that equal values give equal intervals: Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators" (2014).
struct RandomStream: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64 = 0) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    /// How often each of `count` things is drawn in `count` draws with replacement.
    mutating func resample(_ count: Int) -> [Double] {
        var times = [Double](repeating: 0, count: count)
        for _ in 0..<count { times[Int.random(in: 0..<count, using: &self)] += 1 }
        return times
    }
}
