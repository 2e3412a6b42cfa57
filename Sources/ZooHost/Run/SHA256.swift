import Foundation

#if canImport(CryptoKit)
    import CryptoKit
#endif

/// The SHA-256 of some bytes, in hexadecimal (FIPS 180-4).
///
/// The system's where there is one. Elsewhere our own: the package that offers it builds 400 files of other cryptography first,
/// minutes of everybody's first build for this one function.
func sha256(_ data: Data) -> String {
    #if canImport(CryptoKit)
        SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
    #else
        SHA256Digest.of(data).map { String(format: "%08x", $0) }.joined()
    #endif
}

#if !canImport(CryptoKit)
    private enum SHA256Digest {
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
        static func fraction(of root: Double) -> UInt32 {
            UInt32((root - root.rounded(.down)) * 0x1p32)
        }

        static func of(_ data: Data) -> [UInt32] {
            var message = [UInt8](data)
            message.append(0x80)
            message += [UInt8](repeating: 0, count: (120 - message.count % 64) % 64)
            message += withUnsafeBytes(of: (UInt64(data.count) * 8).bigEndian, Array.init)
            var hash = initial
            var schedule = [UInt32](repeating: 0, count: 64)
            message.withUnsafeBytes { bytes in
                for block in stride(from: 0, to: bytes.count, by: 64) {
                    for t in 0..<16 {
                        schedule[t] = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: block + 4 * t, as: UInt32.self))
                    }
                    for t in 16..<64 {
                        let (a, b) = (schedule[t - 15], schedule[t - 2])
                        let small = rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)
                        let large = rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10)
                        schedule[t] = schedule[t - 16] &+ small &+ schedule[t - 7] &+ large
                    }
                    compress(&hash, schedule)
                }
            }
            return hash
        }

        private static func compress(_ hash: inout [UInt32], _ schedule: [UInt32]) {
            var (a, b, c, d) = (hash[0], hash[1], hash[2], hash[3])
            var (e, f, g, h) = (hash[4], hash[5], hash[6], hash[7])
            for t in 0..<64 {
                let choice = (e & f) ^ (~e & g)
                let first = h &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ constants[t] &+ schedule[t]
                let majority = (a & b) ^ (a & c) ^ (b & c)
                let second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
                (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
            }
            for (index, value) in [a, b, c, d, e, f, g, h].enumerated() { hash[index] &+= value }
        }

        private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }
    }
#endif
