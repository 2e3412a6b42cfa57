/// UTF-8 where it lies.
typealias Bytes = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
    func part(_ range: Range<Int>) -> Bytes { Bytes(rebasing: self[range]) }

    /// Whether `other` stands at `place`.
    func has(_ other: [UInt8], at place: Int) -> Bool {
        guard place + other.count <= count else { return false }
        for offset in 0..<other.count where self[place + offset] != other[offset] { return false }
        return true
    }

    /// A hash of the bytes; `seed` keeps it from being known beforehand.
    func hash(seed: UInt64) -> UInt64 {
        guard let base = baseAddress else { return seed }
        let raw = UnsafeRawPointer(base)
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        var place = 0
        while place + 8 <= count {
            hash = mixed(hash ^ raw.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place += 8
        }
        var rest: UInt64 = 0
        while place < count {
            rest = rest << 8 | UInt64(self[place])
            place += 1
        }
        return mixed(hash ^ rest)
    }
}

/// Spreads `key` over all bits: the two halves of a product, folded.
@inline(__always)
func mixed(_ key: UInt64) -> UInt64 {
    let product = (key ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
}

/// A map from byte strings to numbers: open addressing, for whole vocabularies that are built once and queried often.
struct ByteStringTable: Sendable {
    private var slots: [Int32]
    private var strings: [UInt8] = []
    private var starts: [Int] = [0]
    private var values: [Int32] = []
    private let seed = UInt64.random(in: .min ... .max)

    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity { size *= 2 }
        slots = Array(repeating: -1, count: size)
        values.reserveCapacity(capacity)
        starts.reserveCapacity(capacity + 1)
    }

    /// The value of `key`.
    subscript(key: Bytes) -> Int32? {
        let index = slots[slot(of: key)]
        return index < 0 ? nil : values[Int(index)]
    }

    subscript(key: String) -> Int32? {
        var key = key
        return key.withUTF8 { self[$0] }
    }

    /// The first of these strings, in the order in which they were added, that `other` does not map to the same number.
    func firstDifference(from other: ByteStringTable) -> (key: [UInt8], value: Int32)? {
        strings.withUnsafeBufferPointer { strings in
            for index in values.indices {
                let key = strings.part(starts[index]..<starts[index + 1])
                if other[key] != values[index] { return (Array(key), values[index]) }
            }
            return nil
        }
    }

    /// Adds `key`, unless it is there: then its value is given back and nothing changes.
    mutating func insert(_ key: Bytes, _ value: Int32) -> Int32? {
        precondition(2 * values.count < slots.count, "more strings than the table was made for")
        let slot = slot(of: key)
        guard slots[slot] < 0 else { return values[Int(slots[slot])] }
        slots[slot] = Int32(values.count)
        strings.append(contentsOf: key)
        starts.append(strings.count)
        values.append(value)
        return nil
    }

    private func slot(of key: Bytes) -> Int {
        var slot = Int(truncatingIfNeeded: key.hash(seed: seed)) & (slots.count - 1)
        while slots[slot] >= 0, !isEqual(Int(slots[slot]), key) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private func isEqual(_ index: Int, _ key: Bytes) -> Bool {
        let start = starts[index]
        guard starts[index + 1] - start == key.count else { return false }
        return strings.withUnsafeBufferPointer { $0.part(start..<start + key.count).elementsEqual(key) }
    }
}

/// A map between 64-bit numbers: open addressing, a look-up costs a few nanoseconds.
struct NumberTable: Sendable {
    /// Key and value in turn; `empty` is not a key.
    private var slots: [UInt64]
    private static let empty = UInt64.max
    private var mask: Int
    private var count = 0

    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity { size *= 2 }
        mask = size - 1
        slots = Array(repeating: Self.empty, count: 2 * size)
    }

    @inline(__always)
    subscript(key: UInt64) -> UInt64? {
        slots.withUnsafeBufferPointer { slots in
            var slot = Int(truncatingIfNeeded: mixed(key)) & mask
            while slots[2 * slot] != key {
                if slots[2 * slot] == Self.empty { return nil }
                slot = (slot + 1) & mask
            }
            return slots[2 * slot + 1]
        }
    }

    /// Of two values for one key the later one stays.
    mutating func set(_ key: UInt64, _ value: UInt64) {
        var slot = Int(truncatingIfNeeded: mixed(key)) & mask
        while slots[2 * slot] != key, slots[2 * slot] != Self.empty { slot = (slot + 1) & mask }
        if slots[2 * slot] != key { count += 1 }
        precondition(2 * count <= mask + 1, "more keys than the table was made for")
        slots[2 * slot] = key
        slots[2 * slot + 1] = value
    }
}
