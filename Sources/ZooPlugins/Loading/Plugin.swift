import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit

/// A loaded plugin; it is never unloaded.
public final class Plugin {
    /// Its own description.
    public let description: PluginDescription
    let table: UnsafePointer<zoo_plugin_v1>

    /// Loads the file at an absolute path and checks everything that it declares. Throws one sentence that names the file.
    ///
    /// - Parameter origin: the file's path as messages and records name it, if this one is a copy.
    public init(path: String, as origin: String? = nil) throws {
        let real = try PluginFile.checked(path)
        let sha256 = try PluginFile.sha256(real)
        let entry = try Self.entry(of: DynamicLibrary(path: real))
        guard let table = entry() else {
            throw ZooError(.failedPrecondition, "\(path): zoo_plugin_entry_v1 returned NULL; expected a table")
        }
        do {
            description = try PluginDescription(table: table, path: origin ?? real, sha256: sha256)
            try description.checkText()
            try description.checkToolchain(of: real)
        } catch let error as ZooError {
            throw ZooError(error.code, "\(path): \(error.message)")
        }
        self.table = table
    }

    typealias Entry = @convention(c) () -> UnsafePointer<zoo_plugin_v1>?

    /// The entry function, which must lie in the library itself.
    static func entry(of library: DynamicLibrary) throws -> Entry {
        if let address = library.symbol("zoo_plugin_entry_v\(ZOO_ABI_MAJOR)") {
            return unsafeBitCast(address, to: Entry.self)
        }
        for major in 0...99 where library.symbol("zoo_plugin_entry_v\(major)") != nil {
            throw ZooError(
                .unimplemented,
                "\(library.path): built for version \(major) of the plugin ABI; this host has version \(ZOO_ABI_MAJOR): "
                    + "build the plugin against the headers of version \(ZOO_ABI_MAJOR)")
        }
        throw ZooError(
            .failedPrecondition, "\(library.path): not a plugin: it does not define zoo_plugin_entry_v\(ZOO_ABI_MAJOR)")
    }

    /// Makes an algorithm.
    ///
    /// - Parameters:
    ///   - parameters: A JSON object; absent parameters take their default.
    ///   - isChecked: Whether they are held against the schema first, as the contract has it. The bench also tries what a plugin itself
    ///     makes of others.
    public func create(_ id: String, host: any PluginHost, parameters: String = "{}", isChecked: Bool = true) throws
        -> AlgorithmInstance
    {
        if let algorithm = description.algorithm(id) {
            var given: [String: JSONValue] = [:]
            if isChecked {
                guard let object = try JSONValue(parsing: parameters, what: "the parameters of '\(id)'").object else {
                    throw ZooError(.invalidArgument, "the parameters of '\(id)' are not a JSON object: \(parameters.prefix(80))")
                }
                given = object.dictionary
            }
            host.parameters = try GivenParameters(given, of: algorithm, recipe: description.path)
        }
        var made: UnsafeMutablePointer<zoo_algorithm_v1>?
        try ZooError.check("\(description.path): create '\(id)'") { error in
            host.gate.during(.create) {
                id.withZooString { id in
                    parameters.withZooString { table.pointee.create(id, host.table, $0, &made, error) }
                }
            }
        }
        guard let made else {
            throw ZooError(.failedPrecondition, "\(description.path): create '\(id)' returned OK but created nothing")
        }
        return try AlgorithmInstance(table: made, name: id, host: host)
    }

    /// What the library offers beside algorithms, by its id; nil where it has none of that name.
    func getExtension(_ id: String) -> UnsafeRawPointer? { Sized(table)?[\.get_extension].flatMap { $0(id) } }
}

extension PluginDescription {
    /// Reads and checks a plugin's table.
    init(table: UnsafePointer<zoo_plugin_v1>, path: String, sha256: String) throws {
        guard let known = Sized(table), known.has(\.create) else {
            throw ZooError(.failedPrecondition, "its table is truncated at \(table.pointee.size) bytes; expected 56 or more")
        }
        let version = known[\.abi_version] ?? 0
        guard version >> 16 == UInt32(ZOO_ABI_MAJOR) else {
            throw ZooError(
                .failedPrecondition,
                "built with a draft of version \(ZOO_ABI_MAJOR) of the plugin ABI, from before it was frozen; build it anew")
        }
        guard known[\.create] != nil else { throw ZooError(.failedPrecondition, "its table has no create function") }
        let count = known[\.n_algorithms] ?? 0
        let offersMore = known[\.get_extension] != nil
        guard (offersMore ? 0 : 1)...1000 ~= count, count == 0 || known[\.algorithms] != nil else {
            throw ZooError(.failedPrecondition, "it declares \(count) algorithms; expected 1 to 1000")
        }
        let list = known[\.algorithms]
        self.init(
            path: path, sha256: sha256, toolchain: try (known[\.toolchain] ?? zoo_str()).text("toolchain", limit: 256),
            abiMinor: Int(version & 0xffff),
            algorithms: try (0..<Int(count)).map { index in
                guard let info = list?[index] else {
                    throw ZooError(.failedPrecondition, "its algorithm number \(index) is NULL")
                }
                return try AlgorithmDescription(info: info)
            })
        for (index, algorithm) in algorithms.enumerated() where algorithms[..<index].contains(where: { $0.id == algorithm.id }) {
            throw ZooError(.failedPrecondition, "it declares the algorithm '\(algorithm.id)' twice")
        }
    }
}

extension AlgorithmDescription {
    /// Reads and checks a plugin's description of one algorithm.
    init(info: UnsafePointer<zoo_algorithm_info_v1>) throws {
        guard let known = Sized(info), known.has(\.presets) else {
            throw ZooError(.failedPrecondition, "the description of an algorithm is truncated at \(info.pointee.size) bytes")
        }
        let id = try info.pointee.id.text("algorithm id", limit: 64)
        guard id.isIdentifier else {
            throw ZooError(
                .invalidArgument, "the algorithm id '\(id)' has characters other than lower-case letters, digits and hyphens")
        }
        let needs = try JSONValue(parsing: info.pointee.needs.text("needs", limit: 1 << 16), what: "the needs of '\(id)'")
        self.init(
            id: id, title: try info.pointee.title.text("title", limit: 256),
            summary: try info.pointee.summary.text("summary", limit: 1024),
            paper: try info.pointee.paper.text("paper", limit: 1024),
            parameters: try [ParameterDescription](
                schema: info.pointee.parameters.text("parameters", limit: 1 << 20), of: id),
            needs: try AlgorithmNeeds(json: needs, of: id),
            presets: try PresetDescription.list(info.pointee.presets.text("presets", limit: 1 << 20), of: id))
    }
}
