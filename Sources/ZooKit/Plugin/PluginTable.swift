import CZoo

/// The table of a plugin that offers these algorithms, whose ids are distinct: what the one function that it exports returns.
///
/// ```swift
/// @c(zoo_plugin_entry_v1)
/// public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(PPO.self) }
/// ```
/// Made at the first call and kept as long as the process; every later call returns the same one.
public func pluginTable(_ algorithms: any Algorithm.Type...) -> UnsafePointer<zoo_plugin_v1> {
    Registry.shared.table(of: algorithms)
}

private func makeTable(_ algorithms: [any Algorithm.Type]) -> UnsafePointer<zoo_plugin_v1> {
    let infos = UnsafeMutablePointer<UnsafePointer<zoo_algorithm_info_v1>?>.allocate(capacity: algorithms.count)
    for (index, algorithm) in algorithms.enumerated() { (infos + index).initialize(to: describe(algorithm)) }
    let table = UnsafeMutablePointer<zoo_plugin_v1>.allocate(capacity: 1)
    table.initialize(to: zoo_plugin_v1())
    table.pointee.size = UInt32(MemoryLayout<zoo_plugin_v1>.size)
    table.pointee.abi_version = UInt32(ZOO_ABI_MAJOR << 16 | ZOO_ABI_MINOR)
    table.pointee.toolchain = permanent(toolchain)
    table.pointee.algorithms = UnsafePointer(infos)
    table.pointee.n_algorithms = UInt64(algorithms.count)
    table.pointee.create = create
    return UnsafePointer(table)
}

private func create(
    id: zoo_str, host: UnsafePointer<zoo_host_v1>?, parameters: zoo_str,
    out: UnsafeMutablePointer<UnsafeMutablePointer<zoo_algorithm_v1>?>?, error: UnsafeMutablePointer<zoo_error>?
) -> Int32 {
    ZooError.status(error) {
        guard let out else { throw ZooError(.invalidArgument, "create was called without a place for the algorithm") }
        out.pointee = nil
        guard let id = id.string, let type = Registry.shared.algorithm(id) else {
            throw ZooError(
                .notFound, "this plugin has no algorithm '\(id.string ?? "(not UTF-8)")'; it has: \(Registry.shared.known)")
        }
        guard let parameters = parameters.string else {
            throw ZooError(.invalidArgument, "the parameters of '\(id)' are not UTF-8 text")
        }
        out.pointee = try make(type, parameters: parameters, host: Host(host)).makeTable()
    }
}

private func make<Implementation: Algorithm>(_ type: Implementation.Type, parameters: String, host: Host) throws -> AnyAlgorithm {
    try AlgorithmObject(Implementation(parameters: .init(json: parameters), host: host))
}

private func describe<Implementation: Algorithm>(_ type: Implementation.Type) -> UnsafePointer<zoo_algorithm_info_v1> {
    let info = UnsafeMutablePointer<zoo_algorithm_info_v1>.allocate(capacity: 1)
    info.initialize(to: zoo_algorithm_info_v1())
    info.pointee.size = UInt32(MemoryLayout<zoo_algorithm_info_v1>.size)
    info.pointee.id = permanent(type.id)
    info.pointee.title = permanent(type.title)
    info.pointee.summary = permanent(type.summary)
    info.pointee.paper = permanent(type.paper)
    info.pointee.parameters = permanent(type.Parameters.schema)
    info.pointee.needs = permanent(type.needs.json)
    info.pointee.presets = permanent("[\(type.presets.map(\.json).joined(separator: ", "))]")
    return UnsafePointer(info)
}

/// Text that is never freed: static data of the plugin.
private func permanent(_ text: String) -> zoo_str {
    let bytes = Array(text.utf8)
    let memory = UnsafeMutablePointer<CChar>.allocate(capacity: max(1, bytes.count))
    for (index, byte) in bytes.enumerated() { memory[index] = CChar(bitPattern: byte) }
    return zoo_str(ptr: UnsafePointer(memory), len: UInt64(bytes.count))
}

/// The compiler that ZooKit, and with it the plugin, was built by. A dynamic Swift plugin needs the host's runtime to be the same.
package var toolchain: String {
    #if compiler(>=6.4)
        "swift 6.4 or later"
    #elseif compiler(>=6.3)
        "swift 6.3"
    #else
        "swift before 6.3"
    #endif
}

/// What was made so far: tables, and the algorithms by id, for `create` is a C function and can carry no context of its own.
private final class Registry: @unchecked Sendable {
    static let shared = Registry()
    /// Both are guarded by `lock`: an entry may be called from any thread, and two plugins may share one ZooKit.
    private var tables: [[ObjectIdentifier]: UnsafePointer<zoo_plugin_v1>] = [:]
    private var algorithms: [String: any Algorithm.Type] = [:]
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    private init() { pthread_mutex_init(lock, nil) }

    private func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }

    func table(of types: [any Algorithm.Type]) -> UnsafePointer<zoo_plugin_v1> {
        let key = types.map { ObjectIdentifier($0) }
        return locked {
            if let known = tables[key] { return known }
            for type in types { algorithms[type.id] = type }
            let table = makeTable(types)
            tables[key] = table
            return table
        }
    }

    func algorithm(_ id: String) -> (any Algorithm.Type)? { locked { algorithms[id] } }
    var known: String { locked { algorithms.keys.sorted().joined(separator: ", ") } }
}
