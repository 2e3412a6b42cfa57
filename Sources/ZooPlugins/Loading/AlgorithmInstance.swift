import CZoo
import Foundation
import ZooKit

/// One training run of one algorithm, from `create` to `destroy`. All calls belong to one thread.
public final class AlgorithmInstance {
    private let table: UnsafeMutablePointer<zoo_algorithm_v1>
    private let name: String
    /// The plugin may call its host's table until `destroy` has returned.
    private let host: any PluginHost

    init(table: UnsafeMutablePointer<zoo_algorithm_v1>, name: String, host: any PluginHost) throws {
        let known = Sized(UnsafePointer(table))
        guard let known, let destroy = known[\.destroy] else {
            throw ZooError(.failedPrecondition, "\(name): its table of functions is truncated at \(known?.size ?? 0) bytes")
        }
        guard known[\.step] != nil, known[\.save] != nil, known[\.load] != nil else {
            host.gate.during(.destroy) { destroy(table.pointee.`self`) }
            throw ZooError(.failedPrecondition, "\(name): its table lacks one of step, save and load")
        }
        (self.table, self.name, self.host) = (table, name, host)
    }

    deinit { host.gate.during(.destroy) { table.pointee.destroy(table.pointee.`self`) } }

    /// One iteration of the algorithm. Throws the plugin's own error.
    public func step() throws {
        try call(.step) { table.pointee.step(table.pointee.`self`, $0) }
    }

    /// Calls a function of the table; a breach of the contract that had no status to report is thrown as well.
    private func call(_ phase: JobGate.Phase, _ body: (UnsafeMutablePointer<zoo_error>) -> Int32) throws {
        try ZooError.check("\(name): \(phase.rawValue)") { error in host.gate.during(phase) { body(error) } }
        if let misuse = host.gate.takeMisuse() {
            throw ZooError(.failedPrecondition, "\(name): \(phase.rawValue) broke the plugins' contract: \(misuse)")
        }
    }

    /// All state that `load` needs to continue bit for bit.
    public func save() throws -> Data {
        let sink = Sink()
        try withExtendedLifetime(sink) {
            try call(.save) { error in
                table.pointee.save(
                    table.pointee.`self`,
                    { context, bytes, count, error in
                        ZooError.status(error) {
                            guard let context, bytes != nil || count == 0, count < 1 << 40 else {
                                throw ZooError(.invalidArgument, "the bytes of the saved state are NULL, or claim to be \(count)")
                            }
                            let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                            if let bytes { sink.data.append(bytes, count: Int(count)) }
                        }
                    }, Unmanaged.passUnretained(sink).toOpaque(), error)
            }
        }
        return sink.data
    }

    /// Restores saved state, before the first iteration.
    public func load(_ state: Data) throws {
        try call(.load) { error in
            state.withUnsafeBytes {
                table.pointee.load(table.pointee.`self`, $0.bindMemory(to: UInt8.self).baseAddress, UInt64($0.count), error)
            }
        }
    }

    /// The algorithm's extension of that id; nil if it has none.
    public func getExtension(_ id: String) -> UnsafeRawPointer? {
        Sized(UnsafePointer(table))?[\.get_extension].flatMap { $0(table.pointee.`self`, id) }
    }

    private final class Sink {
        var data = Data()
    }
}
