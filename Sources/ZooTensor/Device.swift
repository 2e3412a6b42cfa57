import CTorch
import Synchronization

/// Where tensors live and operators run.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    case cpu
    case cuda(Int)

    /// Parses `cpu`, `cuda` (the first GPU) or `cuda:I`; where a GPU is named, loads libtorch's CUDA library and asks it for deterministic
    /// kernels.
    public init(_ text: String) throws {
        if text == "cpu" {
            self = .cpu
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.first == "cuda", parts.count <= 2, let index = parts.count == 2 ? Int(parts[1]) : 0, index >= 0 else {
            throw TensorError("device is \"\(text)\"; expected \"cpu\", \"cuda\" or \"cuda:I\" with I = 0, 1, ...")
        }
        var devices: Int32 = 0
        if let message = failure(ct_load_cuda(&devices)) {
            throw TensorError(
                "device \"\(text)\" cannot be used: \(message). Install a CUDA build of libtorch and point LIBTORCH at it, or "
                    + "use device: cpu")
        }
        guard index < Int(devices) else {
            throw TensorError("device \"\(text)\" does not exist: this machine has \(devices) CUDA device(s)")
        }
        self = .cuda(index)
        Engine.isDeterministic = true
    }

    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    init(code: Int32) { self = code < 0 ? .cpu : .cuda(Int(code)) }

    var code: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(index)
        }
    }
}

extension Device {
    /// Bytes of a device's memory.
    public struct Memory: Sendable, Equatable {
        /// Of tensors, now; and taken from the device for those, now and at most since this process began to measure passes.
        public var held, taken, mostTaken: Int
        /// What nobody has taken, of how many in all.
        public var free, total: Int

        /// What this process may still use: what is free, and what it has taken and holds nothing in.
        public var available: Int { free + taken - held }
    }

    /// Waits until the device has done what it was asked for: before that, a clock tells when the host had asked. Returns at once on a CPU.
    public func synchronize() { check("synchronize", [], ct_synchronize(code)) }

    /// The memory of a device that is not the CPU, whose own is ``Engine/tensorBytes``.
    ///
    /// - Throws: ``TensorError`` if the device does not say.
    public func memory() throws -> Memory {
        let found = try counted()
        let most = Self.mostTaken.withLock { peaks in
            peaks[code] = max(peaks[code] ?? 0, Int(found.reserved_peak))
            return peaks[code] ?? 0
        }
        return Memory(
            held: Int(found.held), taken: Int(found.reserved), mostTaken: most, free: Int(found.free), total: Int(found.total))
    }

    /// Runs `body` and gives the most bytes of tensors on this device that existed meanwhile beyond those that existed before or remain.
    /// Calls do not nest.
    public func transientBytes<Result>(of body: () throws -> Result) throws -> (result: Result, bytes: Int) {
        if self == .cpu { return try Engine.transientBytes(of: body) }
        let before = try memory()  // which keeps the peak so far
        check("transientBytes", [], ct_device_reset_peak(code))
        let result = try body()
        let after = try counted()
        return (result, Int(after.peak) - max(before.held, Int(after.held)))
    }

    private func counted() throws -> ct_device_bytes {
        var found = ct_device_bytes()
        if let message = failure(ct_device_memory(&found, code)) { throw TensorError("the memory of \(self): \(message)") }
        return found
    }

    /// By device; the device's own count begins anew with each pass.
    private static let mostTaken = Mutex<[Int32: Int]>([:])
}
