import Foundation

/// A small random generator whose numbers are the same on every platform and in every version of Swift.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014); constants of Vigna's `splitmix64.c`.
public struct SplitMix64: RandomNumberGenerator, Codable, Hashable, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A generator for one of many `streams` of a seed, unrelated to its neighbours.
    public init(seed: UInt64, stream: UInt64) { state = Self.mix(Self.mix(seed) &+ stream) }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A whole number from 0 to `bound - 1`, all equally likely.
    ///
    /// Source: Lemire, "Fast random integer generation in an interval" (2019), algorithm 5.
    public mutating func next(below bound: Int) -> Int {
        precondition(bound > 0, "a random number below \(bound) does not exist")
        let bound = UInt64(bound)
        let threshold = (0 &- bound) % bound
        while true {
            let product = next().multipliedFullWidth(by: bound)
            if product.low >= threshold { return Int(product.high) }
        }
    }

    /// The numbers from 0 to `count - 1` in random order (Fisher and Yates, Knuth's algorithm P).
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, next(below: last + 1)) }
        return order
    }

    /// A number from the standard normal distribution (Box and Muller, 1958).
    public mutating func normal() -> Double {
        let radius = (-2 * log((Double(next() >> 11) + 1) / 0x1p53)).squareRoot()
        return radius * cos(2 * .pi * Double(next() >> 11) / 0x1p53)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
