import CTorch

/// A Swift number that tensors can hold.
public protocol TensorElement: Sendable {
    static var dtype: DType { get }
    static var zero: Self { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }

extension Tensor {
    /// Copies `values`, row by row, into a new tensor; their number must be the product of `shape`.
    public convenience init<Element: TensorElement>(_ values: [Element], shape: [Int]? = nil, device: Device = .cpu) {
        let sizes = (shape ?? [values.count]).map(Int64.init)
        var out: ct_tensor?
        let status = values.withUnsafeBytes { bytes in
            ct_from_bytes(
                &out, bytes.baseAddress, bytes.count, sizes, Int32(sizes.count), Element.dtype.rawValue, device.code)
        }
        check("init", [], status)
        guard let out else { fatalError("init: no result") }
        self.init(owning: out)
    }

    /// Copies indices into a tensor of 64-bit integers.
    public convenience init(_ indices: [Int], device: Device = .cpu) { self.init(indices.map(Int64.init), device: device) }

    public static func full(_ value: Double, _ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        let sizes = shape.map(Int64.init)
        return make("full", []) { ct_full($0, sizes, Int32(sizes.count), dtype.rawValue, device.code, value) }
    }

    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(0, shape, dtype: dtype, device: device)
    }

    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(1, shape, dtype: dtype, device: device)
    }

    /// Memory whose contents are not defined yet.
    public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        let sizes = shape.map(Int64.init)
        return make("empty", []) { ct_empty($0, sizes, Int32(sizes.count), dtype.rawValue, device.code) }
    }

    /// Uniform in [0, 1). Drawn on the CPU and then moved, so that every device sees the same numbers.
    public static func uniform(_ shape: [Int], generator: Generator, device: Device = .cpu) -> Tensor {
        let sizes = shape.map(Int64.init)
        return make("uniform", []) { ct_uniform($0, sizes, Int32(sizes.count), generator.handle) }.to(device)
    }

    /// Standard normal. Drawn on the CPU and then moved, so that every device sees the same numbers.
    public static func normal(_ shape: [Int], generator: Generator, device: Device = .cpu) -> Tensor {
        let sizes = shape.map(Int64.init)
        return make("normal", []) { ct_normal($0, sizes, Int32(sizes.count), generator.handle) }.to(device)
    }

    /// The elements, row by row, converted to `Element`.
    public func values<Element: TensorElement>(_: Element.Type = Element.self) -> [Element] {
        let source = dtype == Element.dtype ? self : to(Element.dtype)
        let count = count
        return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            let size = count * Element.dtype.size
            check("values", [self], ct_read(source.handle, bytes.baseAddress, size))
            initialized = count
        }
    }

    /// The elements in single precision, row by row.
    public var floats: [Float] { values() }
    public var doubles: [Double] { values() }
    public var integers: [Int] { values(Int64.self).map(Int.init) }

    /// The only element.
    public var item: Double {
        precondition(count == 1, "item: the tensor has \(count) elements, not one")
        return doubles[0]
    }

    /// The raw bytes of the elements, row by row.
    public var bytes: [UInt8] {
        let size = count * dtype.size
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            check("bytes", [self], ct_read(handle, buffer.baseAddress, size))
            initialized = size
        }
    }

    /// A tensor from the raw bytes of its elements; `bytes.count` must be what `shape` and `dtype` need.
    public static func fromBytes(_ bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType, device: Device = .cpu) -> Tensor {
        let sizes = shape.map(Int64.init)
        return make("fromBytes", []) {
            ct_from_bytes($0, bytes.baseAddress, bytes.count, sizes, Int32(sizes.count), dtype.rawValue, device.code)
        }
    }

    /// How often this tensor's memory was written so far, through any view of it.
    package var changes: Int { Int(ct_changes(handle)) }

    public func to(_ device: Device) -> Tensor {
        if device == self.device { return self }
        return make("to", [self]) { ct_to($0, handle, ct_dtype(handle), device.code) }
    }

    public func to(_ dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        return make("to", [self]) { ct_to($0, handle, dtype.rawValue, ct_device(handle)) }
    }

    public func clone() -> Tensor { make("clone", [self]) { ct_clone($0, handle) } }
    public func contiguous() -> Tensor { make("contiguous", [self]) { ct_contiguous($0, handle) } }

    /// Overwrites the elements with those of `source`, outside of gradient recording.
    public func copy(from source: Tensor) { check("copy", [self, source], ct_copy_into(handle, source.handle)) }

    /// Overwrites every element with `value`, outside of gradient recording.
    public func fill(_ value: Double) { check("fill", [self], ct_fill(handle, value)) }
}
