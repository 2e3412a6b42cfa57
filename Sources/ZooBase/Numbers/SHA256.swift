import Foundation

#if canImport(CryptoKit)
    import CryptoKit
#endif

/// The SHA-256 of some bytes, in hexadecimal (FIPS 180-4).
public func sha256(_ data: Data) -> String {
    var hash = SHA256Stream()
    data.withUnsafeBytes { hash.update($0) }
    return hash.finish()
}

/// An incremental SHA-256.
///
/// The system's if there is one, else our own: the package that offers it builds 400 files of other cryptography first,
/// minutes of every first build for this one function.
public struct SHA256Stream {
    public init() {}

    #if canImport(CryptoKit)
        private var hash = SHA256()

        public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

        /// The hash of all bytes so far, in hexadecimal.
        public func finish() -> String { hash.finalize().map { String(format: "%02x", $0) }.joined() }
    #else
        private var state = SHA256Rounds.initial
        /// Bytes that do not fill a block yet.
        private var rest: [UInt8] = []
        private var count: UInt64 = 0

        public mutating func update(_ bytes: UnsafeRawBufferPointer) {
            count += UInt64(bytes.count)
            var bytes = bytes[...]
            if !rest.isEmpty {
                let missing = min(SHA256Rounds.block - rest.count, bytes.count)
                rest += bytes.prefix(missing)
                bytes = bytes.dropFirst(missing)
                guard rest.count == SHA256Rounds.block else { return }
                rest.withUnsafeBytes { SHA256Rounds.compress($0, into: &state) }
                rest.removeAll(keepingCapacity: true)
            }
            let whole = bytes.count / SHA256Rounds.block * SHA256Rounds.block
            SHA256Rounds.compress(UnsafeRawBufferPointer(rebasing: bytes.prefix(whole)), into: &state)
            rest += bytes.dropFirst(whole)
        }

        /// The hash of all bytes so far, in hexadecimal.
        public func finish() -> String {
            var last = self
            var padding = [UInt8](repeating: 0, count: 1 + (119 - Int(count % 64)) % 64)
            padding[0] = 0x80
            padding += withUnsafeBytes(of: (count * 8).bigEndian, Array.init)
            padding.withUnsafeBytes { last.update($0) }
            return last.state.map { word in
                let digits = String(word, radix: 16)
                return String(repeating: "0", count: 8 - digits.count) + digits
            }.joined()
        }
    #endif
}

#if !canImport(CryptoKit)
    private enum SHA256Rounds {
        /// Bytes of a block.
        static let block = 64
        /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
        static let constants: [UInt32] = primes(64).map { fraction(of: cbrt(Double($0))) }
        /// The same of the square roots of the first 8.
        static let initial: [UInt32] = primes(8).map { fraction(of: Double($0).squareRoot()) }

        static func primes(_ count: Int) -> [UInt64] {
            var found: [UInt64] = []
            var candidate: UInt64 = 2
            while found.count < count {
                if found.allSatisfy({ candidate % $0 != 0 }) { found.append(candidate) }
                candidate += 1
            }
            return found
        }

        /// 32 bits of the fraction of a root; a double's 53 bits hold them and the whole part.
        static func fraction(of root: Double) -> UInt32 { UInt32((root - root.rounded(.down)) * 0x1p32) }

        /// Consumes whole blocks. Plain pointers and no helper functions, each of which would be a call in a debug build.
        static func compress(_ bytes: UnsafeRawBufferPointer, into state: inout [UInt32]) {
            guard let start = bytes.baseAddress else { return }
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
                guard let w = words.baseAddress else { return }
                constants.withUnsafeBufferPointer { constants in
                    guard let k = constants.baseAddress else { return }
                    state.withUnsafeMutableBufferPointer { state in
                        guard let hash = state.baseAddress else { return }
                        var place = start
                        let end = start + bytes.count
                        while place < end {
                            compress(place, hash, w, k)
                            place += block
                        }
                    }
                }
            }
        }

        private static func compress(
            _ bytes: UnsafeRawPointer, _ hash: UnsafeMutablePointer<UInt32>, _ w: UnsafeMutablePointer<UInt32>,
            _ k: UnsafePointer<UInt32>
        ) {
            var t = 0
            while t < 16 {
                w[t] = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 &* t, as: UInt32.self))
                t &+= 1
            }
            while t < 64 {
                let (x, y) = (w[t &- 15], w[t &- 2])
                let small = (x &>> 7 | x &<< 25) ^ (x &>> 18 | x &<< 14) ^ (x &>> 3)
                let large = (y &>> 17 | y &<< 15) ^ (y &>> 19 | y &<< 13) ^ (y &>> 10)
                w[t] = w[t &- 16] &+ small &+ w[t &- 7] &+ large
                t &+= 1
            }
            var (a, b, c, d) = (hash[0], hash[1], hash[2], hash[3])
            var (e, f, g, h) = (hash[4], hash[5], hash[6], hash[7])
            t = 0
            while t < 64 {
                let sum1 = (e &>> 6 | e &<< 26) ^ (e &>> 11 | e &<< 21) ^ (e &>> 25 | e &<< 7)
                let first = h &+ sum1 &+ ((e & f) ^ (~e & g)) &+ k[t] &+ w[t]
                let sum0 = (a &>> 2 | a &<< 30) ^ (a &>> 13 | a &<< 19) ^ (a &>> 22 | a &<< 10)
                let second = sum0 &+ ((a & b) ^ (a & c) ^ (b & c))
                h = g
                g = f
                f = e
                e = d &+ first
                d = c
                c = b
                b = a
                a = first &+ second
                t &+= 1
            }
            hash[0] &+= a
            hash[1] &+= b
            hash[2] &+= c
            hash[3] &+= d
            hash[4] &+= e
            hash[5] &+= f
            hash[6] &+= g
            hash[7] &+= h
        }
    }
#endif
