import CTorch
import Foundation

/// Texts by key that all processes of a launch see. May be used from any thread.
public final class RankStore: @unchecked Sendable {
    fileprivate let handle: ct_store
    /// Where it is served.
    public let port: Int

    /// Serves the store in this process, or waits for the one that does.
    ///
    /// - Parameters:
    ///   - port: 0 takes a free one, where this process serves.
    ///   - prefix: of every key, so that launches of one agent keep apart.
    ///   - timeout: seconds that a server is waited for.
    public init(host: String, port: Int, serves: Bool, prefix: String, timeout: Double) throws {
        var found = Int32(clamping: port)
        var out: ct_store?
        if let message = failure(ct_store_open(&out, &found, host, serves, prefix, timeout)) {
            throw TensorError(message)
        }
        guard let out else { fatalError("RankStore: no result") }
        handle = out
        self.port = Int(found)
    }

    deinit { ct_store_close(handle) }

    public func set(_ key: String, _ text: String) throws {
        if let message = failure(ct_store_set(handle, key, text)) { throw TensorError(message) }
    }

    /// The text under a key; nil where there is none yet.
    public func text(_ key: String) throws -> String? {
        var text: UnsafeMutablePointer<CChar>?
        if let message = failure(ct_store_get(handle, key, &text)) { throw TensorError(message) }
        guard let text else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    fileprivate func join(rank: Int, size: Int, timeout: Double, address: String) throws -> ct_ranks {
        var out: ct_ranks?
        if let message = failure(ct_ranks_join(&out, handle, Int32(rank), Int32(size), timeout, address)) {
            throw TensorError(message)
        }
        guard let out else { fatalError("RankGroup: no result") }
        return out
    }
}

/// The processes that work on one run together.
///
/// Every rank makes the same calls in the same order, and each call says which one it is: where a rank is at another, all of them
/// throw. After an error a group is of no more use.
public final class RankGroup {
    public let rank: Int
    public let size: Int
    fileprivate let handle: ct_ranks

    /// - Parameters:
    ///   - timeout: seconds after which a call fails that another rank does not answer.
    ///   - address: of this machine; empty for that of its name.
    public init(_ store: RankStore, rank: Int, size: Int, timeout: Double, address: String = "") throws {
        (self.rank, self.size) = (rank, size)
        handle = try store.join(rank: rank, size: size, timeout: timeout, address: address)
    }

    deinit { ct_ranks_leave(handle) }

    /// Every rank's bytes, by rank.
    ///
    /// - Parameter call: what it is for; the same on every rank.
    public func gather(_ bytes: [UInt8], _ call: String) throws -> [[UInt8]] {
        var sizes = [Int](repeating: 0, count: size)
        var out: UnsafeMutableRawPointer?
        let status = bytes.withUnsafeBytes { ct_ranks_gather(handle, call, $0.baseAddress, $0.count, &out, &sizes) }
        if let message = failure(status) { throw TensorError(message) }
        guard let out else { fatalError("RankGroup.gather: no result") }
        defer { free(out) }
        var place = 0
        return sizes.map { size in
            defer { place += size }
            return [UInt8](UnsafeRawBufferPointer(start: out + place, count: size))
        }
    }

    /// Adds up the gradients of all ranks. A parameter that has one on any of them has one on each afterwards.
    public func sumGradients(_ parameters: [NamedTensor], _ call: String) throws {
        let status = withHandles(parameters.map(\.tensor)) { ct_ranks_sum_gradients(handle, call, $0, $1) }
        if let message = failure(status) { throw TensorError(message) }
    }

    /// Makes each tensor, in place, what it is on its owner.
    ///
    /// - Parameter owners: a rank for each tensor, the same on every rank.
    public func share(_ tensors: [Tensor], owners: [Int], _ call: String) throws {
        precondition(tensors.count == owners.count)
        let status = withHandles(tensors) { ct_ranks_share(handle, call, $0, owners.map(Int32.init), $1) }
        if let message = failure(status) { throw TensorError(message) }
    }

    /// Copies tensors of the rank `from` into those of the rank `to`, of the same shapes. The other ranks give none.
    public func move(_ tensors: [Tensor], from: Int, to: Int, _ call: String) throws {
        let status = withHandles(tensors) { ct_ranks_move(handle, call, $0, $1, Int32(from), Int32(to)) }
        if let message = failure(status) { throw TensorError(message) }
    }

    /// From now on sums and shares of tensors on that GPU go from GPU to GPU over NCCL; every rank calls it.
    ///
    /// - Parameter library: what `make nccl` builds.
    public func useDevices(_ store: RankStore, library: String, _ device: Device, timeout: Double) throws {
        let status = ct_ranks_use_devices(handle, store.handle, library, device.code, timeout)
        if let message = failure(status) { throw TensorError("\(library) \(message)") }
    }
}

/// Sums of gradients that have the same bits whatever the order of adding, and whoever adds: of numbers up to 2²¹ in units of 2⁻⁶⁰,
/// on the CPU. They take 16 bytes per number.
public final class ExactSums {
    private let parameters: [NamedTensor]
    private let handle: ct_exact_sums

    public init(of parameters: [NamedTensor]) {
        self.parameters = parameters
        handle = ct_exact_sums_create(Int32(parameters.count))
    }

    deinit { ct_exact_sums_free(handle) }

    /// Adds the parameters' gradients, and removes them. Throws where one is not finite or too large.
    public func take() throws {
        let status = withHandles(parameters.map(\.tensor)) { ct_exact_sums_take(handle, $0, $1) }
        if let message = failure(status) { throw TensorError(message) }
    }

    /// Makes the sums, over all ranks of a group, the parameters' gradients.
    public func give(_ group: RankGroup?, _ call: String) throws {
        let status = withHandles(parameters.map(\.tensor)) { ct_exact_sums_give(handle, group?.handle, call, $0, $1) }
        if let message = failure(status) { throw TensorError(message) }
    }
}
