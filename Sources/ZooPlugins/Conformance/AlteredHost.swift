import CZoo
import Foundation
import ZooKit

/// A host with truncated, extended or missing tables: how older and newer hosts look to a plugin.
final class AlteredHost: PluginHost {
    /// What becomes of one table.
    enum Alteration {
        /// The table has this size: it is cut, where the next byte is not readable, or followed by nonzero bytes.
        case resized(Int)
        /// The table is followed by this many nonzero bytes.
        case lengthened(Int)
        case missing
    }

    private let inner: HostTable
    private let host: GuardedMemory
    private var services: [String: GuardedMemory] = [:]
    private let alterations: [String: Alteration]

    /// The name of the host's own table among the alterations; services go by their ids.
    static let hostTable = "zoo_host_v1"

    /// - Parameter minor: the ABI version that the host claims.
    init(_ services: ScriptedHost, _ alterations: [String: Alteration], minor: Int = Int(ZOO_ABI_MINOR)) {
        inner = HostTable(services)
        self.alterations = alterations
        var table = zoo_host_v1()
        table.size = UInt32(MemoryLayout<zoo_host_v1>.size)
        table.abi_version = UInt32(Int(ZOO_ABI_MAJOR) << 16 | minor)
        table.get_extension = { context, id in
            guard let id, let host = AlteredHost.from(context) else { return nil }
            return host.service(String(cString: id))
        }
        table.log = { context, level, message in
            guard let host = AlteredHost.from(context)?.inner.table else { return }
            host.pointee.log(host.pointee.ctx, level, message)
        }
        table.cancelled = { context in
            guard let host = AlteredHost.from(context)?.inner.table else { return 1 }
            return host.pointee.cancelled(host.pointee.ctx)
        }
        table.release = { context, object in
            guard let host = AlteredHost.from(context)?.inner.table else { return }
            host.pointee.release(host.pointee.ctx, object)
        }
        host = GuardedMemory(
            Self.altered(Data(bytes: &table, count: MemoryLayout<zoo_host_v1>.size), alterations[Self.hostTable]))
        let context = Unmanaged.passUnretained(self).toOpaque()
        let offset = MemoryLayout<zoo_host_v1>.offset(of: \.ctx) ?? 16
        if host.count >= offset + 8 { host.start.storeBytes(of: context, toByteOffset: offset, as: UnsafeMutableRawPointer.self) }
    }

    var gate: JobGate { inner.gate }
    var parameters: GivenParameters {
        get { inner.parameters }
        set { inner.parameters = newValue }
    }

    var table: UnsafePointer<zoo_host_v1> { UnsafePointer(host.start.assumingMemoryBound(to: zoo_host_v1.self)) }

    private static func from(_ context: UnsafeMutableRawPointer?) -> AlteredHost? {
        context.map { Unmanaged<AlteredHost>.fromOpaque($0).takeUnretainedValue() }
    }

    private func service(_ id: String) -> UnsafeRawPointer? {
        if case .missing? = alterations[id] { return nil }
        guard let original = inner.service(id) else { return nil }
        guard let alteration = alterations[id] else { return original }
        if let made = services[id] { return UnsafeRawPointer(made.start) }
        let size = Int(original.loadUnaligned(as: UInt32.self))
        let memory = GuardedMemory(Self.altered(Data(bytes: original, count: size), alteration))
        services[id] = memory
        return UnsafeRawPointer(memory.start)
    }

    /// The table's bytes with the alteration, and the size field to match.
    private static func altered(_ table: Data, _ alteration: Alteration?) -> Data {
        var bytes: Data
        switch alteration {
        case .resized(let count)?: bytes = table.prefix(count) + Data(repeating: 0xA5, count: max(0, count - table.count))
        case .lengthened(let count)?: bytes = table + Data(repeating: 0xA5, count: count)
        case .missing?, nil: return table
        }
        withUnsafeBytes(of: UInt32(bytes.count)) { bytes.replaceSubrange(0..<4, with: $0) }
        return bytes
    }

    /// Every service and the offsets of its functions, at any of which an older host's table may end.
    static let functionOffsets: [String: [Int]] = [
        hostTable: [16, 24, 32, 40, 48], ZOO_DATA_ID: [16, 24, 32], ZOO_ROLLOUT_ID: [16], ZOO_REWARD_ID: [16],
        ZOO_MODEL_ID: [16, 24, 32, 40, 48, 56], ZOO_LOG_ID: [16], ZOO_RNG_ID: [16], ZOO_PARAMETERS_ID: [16, 24, 32, 40, 48],
        ZOO_RUN_ID: [16],
    ]

    /// The bytes of each table in every released minor version.
    static let released: [[String: Int]] = [
        [
            hostTable: 56, ZOO_DATA_ID: 40, ZOO_ROLLOUT_ID: 24, ZOO_REWARD_ID: 24, ZOO_MODEL_ID: 64, ZOO_LOG_ID: 24,
            ZOO_RNG_ID: 24, ZOO_PARAMETERS_ID: 56, ZOO_RUN_ID: 24,
        ]
    ]
}
