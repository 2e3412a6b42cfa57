import CZoo
import Foundation
import Synchronization
import ZooKit

/// The C tables of the plugin ABI on top of a `HostServices`.
///
/// Lives at least as long as the algorithm that was created with it. What the services hand out is retained until the plugin
/// releases it; anything unreleased is freed with the table.
public final class HostTable: PluginHost {
    let services: any HostServices
    public let gate = JobGate()
    public var parameters = GivenParameters()
    /// Makes the memory of everything that is handed out, and of each call of a loss.
    let makeArena: () -> Arena
    /// The memory of what the plugin holds until it calls `release`.
    private var handedOut: [UnsafeRawPointer: Arena] = [:]
    private let tables: Tables
    /// The ids that `get_extension` was asked for, from any thread.
    let asked = Mutex<Set<String>>([])

    public init(_ services: any HostServices, makeArena: @escaping () -> Arena = { Arena() }) {
        self.services = services
        self.makeArena = makeArena
        tables = Tables(makeArena())
        tables.fill(Unmanaged.passUnretained(self).toOpaque())
    }

    /// The host table for `create`.
    public var table: UnsafePointer<zoo_host_v1> { UnsafePointer(tables.host) }

    /// The table of a service by its id; nil for an unknown one.
    public func service(_ id: String) -> UnsafeRawPointer? { tables.service(id) }

    /// Objects that the plugin holds and has not released.
    public var unreleased: Int { handedOut.count }

    // MARK: - The host's own functions, [any-thread] but for release

    func log(_ level: Int32, _ message: zoo_str) {
        services.log(level: level, message: message.string ?? "(a message that is not UTF-8)")
    }

    func release(_ object: UnsafeRawPointer) {
        do {
            try gate.check("zoo_host_v1.release", in: [.step, .save, .load, .destroy])
            guard handedOut.removeValue(forKey: object) != nil else {
                throw ZooError(
                    .failedPrecondition,
                    "the plugin released an object that is not its own: released before, or never handed out by this host")
            }
        } catch {
            gate.complain("\(error)")
        }
    }

    // MARK: - Handing out

    func handOut(_ batch: Batch) -> UnsafePointer<zoo_batch> {
        let arena = makeArena()
        let made = arena.batch(batch)
        (arena as? any LentMemory)?.lend(UnsafePointer(made))
        return keep(made, in: arena)
    }

    func handOut(_ columns: [Column]) -> UnsafePointer<zoo_list> {
        let arena = makeArena()
        let made = arena.list(columns)
        (arena as? any LentMemory)?.lend(UnsafePointer(made))
        return keep(made, in: arena)
    }

    private func keep<T>(_ pointer: UnsafeMutablePointer<T>, in arena: Arena) -> UnsafePointer<T> {
        handedOut[UnsafeRawPointer(pointer)] = arena
        return UnsafePointer(pointer)
    }
}

extension HostTable {
    /// The table of a call's `ctx`.
    static func of(_ context: UnsafeMutableRawPointer?) throws -> HostTable {
        guard let context else { throw ZooError(.invalidArgument, "the table's ctx is NULL") }
        return Unmanaged<HostTable>.fromOpaque(context).takeUnretainedValue()
    }

    /// A call of a service that hands out nothing.
    static func call(
        _ function: String, _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<zoo_error>?,
        in phases: Set<JobGate.Phase> = [.step], _ body: (HostTable) throws -> Void
    ) -> Int32 {
        ZooError.status(error) {
            let table = try of(context)
            try table.gate.check(function, in: phases)
            try body(table)
        }
    }

    /// A call of a service that hands out what `make` returns.
    static func give<T>(
        _ function: String, _ context: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<UnsafePointer<T>?>?,
        _ error: UnsafeMutablePointer<zoo_error>?, _ make: (HostTable) throws -> UnsafePointer<T>
    ) -> Int32 {
        ZooError.status(error) {
            guard let out else { throw ZooError(.invalidArgument, "\(function): the pointer for the result is NULL") }
            out.pointee = nil
            let table = try of(context)
            try table.gate.check(function)
            out.pointee = try make(table)
        }
    }
}

/// What a plugin passes to a function, checked.
enum Argument {
    /// The name of a role, an output or a metric.
    static func text(_ value: zoo_str?, _ what: String) throws -> String {
        guard let text = value?.string, !text.isEmpty else {
            throw ZooError(.invalidArgument, "the name of the \(what) is empty or not UTF-8")
        }
        return text
    }

    static func count(_ value: UInt64?, _ what: String) throws -> Int {
        guard let value, value > 0, value <= 1 << 24 else {
            throw ZooError(.invalidArgument, "\(value ?? 0) \(what) were requested; expected 1 to \(1 << 24)")
        }
        return Int(value)
    }

    static func names(_ want: UnsafePointer<zoo_str>?, _ count: UInt64?) throws -> [String] {
        guard let want, let count, count > 0, count <= 64 else {
            throw ZooError(.invalidArgument, "\(count ?? 0) outputs were requested; expected 1 to 64")
        }
        let names = try (0..<Int(count)).map { try text(want[$0], "output") }
        guard Set(names).count == names.count else {
            throw ZooError(.invalidArgument, "the outputs \(names.joined(separator: ", ")) were requested; expected each once")
        }
        return names
    }

    /// A batch that the plugin made or passes on.
    static func batch(_ pointer: UnsafePointer<zoo_batch>?) throws -> Batch {
        let batch = try Batch(copying: pointer)
        if let own = batch.columns.first(where: { $0.name.hasPrefix("zoo.") }) {
            throw ZooError(
                .invalidArgument, "the batch has a column '\(own.name)'; names that begin with 'zoo.' are the host's")
        }
        return batch
    }

    /// An argument struct whose fields of version 1.0, the last of which is `last`, are all there, and whose flags are known.
    static func args<Table, Last>(
        _ pointer: UnsafePointer<Table>?, _ last: KeyPath<Table, Last>, flags: KeyPath<Table, UInt32>, known: UInt32 = 0
    ) throws -> Sized<Table> {
        let name = "\(Table.self)"
        guard let args = Sized(pointer) else { throw ZooError(.invalidArgument, "\(name) is NULL") }
        _ = try args.required(last, name)
        let unknown = (args[flags] ?? 0) & ~known
        guard unknown == 0 else {
            throw ZooError(.invalidArgument, "\(name).flags has the unknown bits 0x\(String(unknown, radix: 16)); expected 0")
        }
        return args
    }

    /// A struct for results, which may be NULL, and must at least hold its own size.
    static func info<Table>(_ pointer: UnsafeMutablePointer<Table>?) throws -> UnsafeMutablePointer<Table>? {
        guard let pointer else { return nil }
        let size = UnsafeRawPointer(pointer).load(as: UInt32.self)
        guard size >= 8 else { throw ZooError(.invalidArgument, "\(Table.self).size is \(size); expected at least 8") }
        return pointer
    }
}
