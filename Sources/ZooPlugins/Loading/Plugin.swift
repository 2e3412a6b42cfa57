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
    public init(path: String) throws {
        let real = try PluginFile.checked(path)
        let sha256 = try PluginFile.sha256(real)
        let entry = try Self.entry(of: DynamicLibrary(path: real))
        guard let table = entry() else {
            throw ZooError(.failedPrecondition, "\(path): zoo_plugin_entry_v1 returned NULL; expected a table")
        }
        do {
            description = try PluginDescription(table: table, path: real, sha256: sha256)
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
    /// - Parameter parameters: A JSON object; absent parameters take their default.
    public func create(_ id: String, host: any PluginHost, parameters: String = "{}") throws -> AlgorithmInstance {
        var made: UnsafeMutablePointer<zoo_algorithm_v1>?
        try ZooError.check("\(description.path): create '\(id)'") { error in
            id.withZooString { id in
                parameters.withZooString { table.pointee.create(id, host.table, $0, &made, error) }
            }
        }
        guard let made else {
            throw ZooError(.failedPrecondition, "\(description.path): create '\(id)' returned OK but created nothing")
        }
        return try AlgorithmInstance(table: made, name: id, host: host)
    }
}

extension PluginDescription {
    /// Reads and checks a plugin's table.
    init(table: UnsafePointer<zoo_plugin_v1>, path: String, sha256: String) throws {
        guard declares(table, \.create) else {
            throw ZooError(.failedPrecondition, "its table is truncated at \(table.pointee.size) bytes; expected 56 or more")
        }
        guard table.pointee.create != nil else { throw ZooError(.failedPrecondition, "its table has no create function") }
        let count = table.pointee.n_algorithms
        guard (1...1000).contains(count), let list = table.pointee.algorithms else {
            throw ZooError(.failedPrecondition, "it declares \(count) algorithms; expected 1 to 1000")
        }
        self.init(
            path: path, sha256: sha256, toolchain: try table.pointee.toolchain.text("toolchain", limit: 256),
            abiMinor: Int(table.pointee.abi_minor),
            algorithms: try (0..<Int(count)).map { index in
                guard let info = list[index] else { throw ZooError(.failedPrecondition, "its algorithm number \(index) is NULL") }
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
        guard declares(info, \.needs) else {
            throw ZooError(.failedPrecondition, "the description of an algorithm is truncated at \(info.pointee.size) bytes")
        }
        let id = try info.pointee.id.text("algorithm id", limit: 64)
        guard !id.isEmpty, id.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }) else {
            throw ZooError(
                .invalidArgument, "the algorithm id '\(id)' has characters other than lower-case letters, digits and hyphens")
        }
        let schema = try JSONValue(
            parsing: info.pointee.parameters.text("parameters", limit: 1 << 20), what: "the schema of '\(id)'")
        let order = (schema["order"]?.array ?? []).compactMap(\.string)
        func place(_ name: String) -> Int { order.firstIndex(of: name) ?? order.count }
        let needs = try JSONValue(parsing: info.pointee.needs.text("needs", limit: 1 << 16), what: "the needs of '\(id)'")
        self.init(
            id: id, title: try info.pointee.title.text("title", limit: 256),
            summary: try info.pointee.summary.text("summary", limit: 1024),
            paper: try info.pointee.paper.text("paper", limit: 1024),
            parameters: try (schema["properties"]?.object?.members ?? []).sorted {
                (place($0.key), $0.key) < (place($1.key), $1.key)
            }
            .map { try ParameterDescription(name: $0.key, schema: $0.value, of: id) }.named(of: id),
            needs: try AlgorithmNeeds(json: needs, of: id),
            presets: declares(info, \.presets)
                ? try PresetDescription.list(info.pointee.presets.text("presets", limit: 1 << 20), of: id) : [])
    }
}

extension zoo_str {
    /// The text, at most `limit` bytes of UTF-8. Throws a sentence that names the field.
    fileprivate func text(_ field: String, limit: UInt64) throws -> String {
        guard len <= limit else {
            throw ZooError(.invalidArgument, "its \(field) is \(len) bytes long; expected at most \(limit)")
        }
        guard let string else { throw ZooError(.invalidArgument, "its \(field) is not valid UTF-8") }
        return string
    }
}
