import ZooBase
import ZooTensor

/// How the numbers of an exported model are stored.
public enum ExportType: String, Sendable, CaseIterable {
    case float32, bfloat16, float16
    /// llama.cpp's blocks of 32 numbers: a scale in float16 and 32 whole numbers of 8 bits.
    case q8 = "q8_0"

    /// nil: blocks, which no tensor holds.
    var dtype: DType? {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        case .q8: nil
        }
    }

    /// As files in llama.cpp's format are called: `smollm2-F16.gguf`.
    public var ggufName: String {
        switch self {
        case .float32: "F32"
        case .bfloat16: "BF16"
        case .float16: "F16"
        case .q8: "Q8_0"
        }
    }

    /// A tensor of floating-point numbers, rounded to this type: all its bytes, row by row.
    ///
    /// - Throws: ``ModelError`` if a number is too large for the type.
    func bytes(_ tensor: NamedTensor) throws -> [UInt8] {
        switch self {
        case .float32, .bfloat16, .float16: return try cast(tensor).bytes
        case .q8: return try Q8Blocks.encode(tensor)
        }
    }

    /// The tensor in this type, which is not that of blocks.
    func cast(_ tensor: NamedTensor) throws -> Tensor {
        guard let dtype else { throw ModelError("\(tensor.name): blocks of 8 bits are not a tensor") }
        let cast = tensor.tensor.to(dtype)
        // Weights are finite, so an infinite number was too large.
        guard self == .float16, cast.bytes.hasInfiniteHalf else { return cast }
        throw ModelError(
            "tensor \(tensor.name) has numbers above 65504, which float16 does not hold; export it as bfloat16 or float32")
    }
}

extension [UInt8] {
    /// Whether one of these numbers in float16 has an exponent of ones alone.
    fileprivate var hasInfiniteHalf: Bool {
        withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt16.self).contains { UInt16(littleEndian: $0) & 0x7C00 == 0x7C00 }
        }
    }
}
