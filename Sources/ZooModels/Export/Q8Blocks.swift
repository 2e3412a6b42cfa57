import ZooBase
import ZooTensor

/// llama.cpp's Q8_0: 32 numbers x of a row become d = max|x| / 127 in float16, and round(x / d) in 8 bits.
enum Q8Blocks {
    static let numbers = 32
    /// Of a block.
    static let bytes = 2 + numbers

    /// The blocks of a tensor whose rows are whole blocks, row by row.
    ///
    /// As `quantize_row_q8_0_ref` of ggml: numbers are divided by d in single precision, before d is rounded, and halves are rounded away
    /// from zero.
    static func encode(_ tensor: NamedTensor) throws -> [UInt8] {
        let floats = tensor.tensor.floats
        precondition(floats.count % numbers == 0, "\(tensor.name): \(floats.count) numbers are not whole blocks of \(numbers)")
        var isTooLarge = false
        let result = floats.withUnsafeBufferPointer { floats in
            [UInt8](unsafeUninitializedCapacity: floats.count / numbers * bytes) { output, initialized in
                for block in 0..<floats.count / numbers {
                    let x = UnsafeBufferPointer(rebasing: floats[block * numbers..<(block + 1) * numbers])
                    let scale = x.reduce(0) { max($0, abs($1)) } / 127
                    let half = Float16(scale)
                    if half.isInfinite { isTooLarge = true }
                    let inverse = scale == 0 ? 0 : 1 / scale
                    let place = block * bytes
                    output[place] = UInt8(truncatingIfNeeded: half.bitPattern)
                    output[place + 1] = UInt8(truncatingIfNeeded: half.bitPattern >> 8)
                    for (index, number) in x.enumerated() {
                        // A scale too small for its inverse to be finite is one of numbers that are all but 0.
                        let scaled = (number * inverse).rounded(.toNearestOrAwayFromZero)
                        output[place + 2 + index] = UInt8(bitPattern: Int8(scaled.isFinite ? max(-127, min(127, scaled)) : 0))
                    }
                }
                initialized = floats.count / numbers * bytes
            }
        }
        guard isTooLarge else { return result }
        throw ModelError("tensor \(tensor.name) has numbers that blocks of 8 bits do not hold; export it as bfloat16 or float32")
    }
}
