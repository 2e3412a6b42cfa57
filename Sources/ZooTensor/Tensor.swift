import CTorch
import ZooBase

/// An element type of a tensor.
public enum DType: Int32, Sendable, CaseIterable {
    case float32 = 0
    case float64, float16, bfloat16, int64, int32, uint8, bool

    /// Bytes per element.
    public var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .uint8, .bool: 1
        }
    }
}

/// A fault of reading, writing or configuring tensors, in one sentence.
public struct TensorError: PlainError, Sendable {
    public let description: String
    public var status: CommandStatus { .data }

    public init(_ description: String) { self.description = description }
}

/// A multi-dimensional array held by libtorch; freed when the last reference goes.
///
/// Not `Sendable`: a tensor belongs to one thread at a time. Misuse of an operator (shapes that do not fit) is a
/// programming error and stops the process with one message, as ``OutOfMemory`` does; files, devices and configuration throw.
public final class Tensor {
    let handle: ct_tensor

    /// Takes over `handle`.
    init(owning handle: ct_tensor) { self.handle = handle }

    deinit { ct_free(handle) }

    public var rank: Int { Int(ct_rank(handle)) }
    public var shape: [Int] { (0..<ct_rank(handle)).map { Int(ct_size(handle, $0)) } }
    /// The number of elements.
    public var count: Int { Int(ct_count(handle)) }
    public var device: Device { Device(code: ct_device(handle)) }

    public var dtype: DType {
        guard let dtype = DType(rawValue: ct_dtype(handle)) else { fatalError("a tensor has an element type unknown here") }
        return dtype
    }

    /// The size along `dim`; negative dimensions count from the end.
    public func size(_ dim: Int) -> Int { Int(ct_size(handle, Int32(dim < 0 ? rank + dim : dim))) }

    /// Tensors and generators that exist now, in the whole process.
    public static var liveHandles: Int { Int(ct_live_handles()) }
}

extension Tensor: CustomStringConvertible {
    public var description: String { "Tensor\(shape) \(dtype) \(device)" }
    public var status: CommandStatus { .data }
}

// MARK: - Calling libtorch

/// libtorch's message for a call that failed, released; nil for one that did not.
@inline(__always)
func failure(_ status: ct_status?) -> String? {
    guard let status else { return nil }
    defer { ct_message_free(status) }
    return String(cString: status)
}

/// Stops with one message if an operator was misused, or its result did not fit the memory.
@inline(__always)
func check(_ operation: StaticString, _ operands: @autoclosure () -> [Tensor], _ status: ct_status?) {
    if let message = failure(status) { stop(operation, operands(), message) }
}

@inline(__always)
func make(
    _ operation: StaticString, _ operands: @autoclosure () -> [Tensor], _ call: (UnsafeMutablePointer<ct_tensor?>) -> ct_status?
) -> Tensor {
    var out: ct_tensor?
    check(operation, operands(), call(&out))
    guard let out else { fatalError("\(operation): no result") }
    return Tensor(owning: out)
}

/// Passes the handles of `tensors` as a C array.
@inline(__always)
func withHandles<Result>(
    _ tensors: [Tensor], _ body: (UnsafePointer<ct_tensor?>?, Int32) -> Result
) -> Result {
    let handles: [ct_tensor?] = tensors.map(\.handle)
    return withExtendedLifetime(tensors) { handles.withUnsafeBufferPointer { body($0.baseAddress, Int32($0.count)) } }
}
