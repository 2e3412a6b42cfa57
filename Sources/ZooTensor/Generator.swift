import CTorch

/// A stream of random numbers (Mersenne Twister) with a state that can be saved and restored exactly.
public final class Generator {
    let handle: ct_generator

    public init(seed: UInt64) {
        var out: ct_generator?
        check("Generator", [], ct_generator_create(&out, seed))
        guard let out else { fatalError("Generator: no result") }
        handle = out
    }

    deinit { ct_generator_free(handle) }

    /// The whole state, opaque.
    public var state: [UInt8] {
        var size = 0
        check("Generator.state", [], ct_generator_state(handle, nil, &size))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            check("Generator.state", [], ct_generator_state(handle, buffer.baseAddress, &size))
            initialized = size
        }
    }

    /// Continues from a saved state; throws if the bytes are not one.
    public func restore(_ state: [UInt8]) throws {
        let status = state.withUnsafeBytes { ct_generator_set_state(handle, $0.baseAddress, $0.count) }
        if let message = failure(status) { throw TensorError("a saved generator state is unusable: \(message)") }
    }

    /// Uniform in 0 ..< `bound`.
    public func integer(below bound: Int) -> Int {
        precondition(bound > 0, "Generator.integer: the bound is \(bound)")
        var value: Int64 = 0
        check("Generator.integer", [], ct_random_integer(&value, handle, Int64(bound)))
        return Int(value)
    }
}
