import Foundation
import ZooBase
import ZooKit
import ZooPlugins

/// Where the kit of plugin authors is: beside an installed zoo, or in the source tree that it was built in.
struct PluginKit {
    /// Of `zoo/zoo.h`.
    let headers: String
    /// The linker's list of exported symbols.
    let exportMap: String
    /// Of `PolicyZooConfig.cmake`.
    let cmake: String
    /// The Rust crate `zoo-plugin`.
    let crate: String
    /// The Swift package of ZooKit.
    let swiftPackage: String
    /// What `zoo plugins new` copies.
    let templates: String

    /// - Throws: where the executable was moved away from its kit.
    static func find() throws -> PluginKit {
        guard let folder = PluginSearchPath.executableFolder else { throw missing("the running program") }
        var parent = URL(fileURLWithPath: folder)
        while parent.path != "/" {
            if let kit = installed(parent.path) ?? source(parent.path) { return kit }
            parent.deleteLastPathComponent()
        }
        throw missing(folder)
    }

    /// As `make install` lays it out: the program is in PREFIX/lib/policyzoo.
    private static func installed(_ prefix: String) -> PluginKit? {
        let share = prefix + "/share/policyzoo"
        guard exists(share + "/templates") else { return nil }
        return PluginKit(
            headers: prefix + "/include", exportMap: share + "/plugin.map", cmake: prefix + "/lib/cmake/PolicyZoo",
            crate: share + "/rust/zoo-plugin", swiftPackage: share + "/swift", templates: share + "/templates")
    }

    private static func source(_ root: String) -> PluginKit? {
        let module = root + "/Sources/CZoo"
        guard exists(module + "/kit/templates") else { return nil }
        return PluginKit(
            headers: module + "/include", exportMap: module + "/plugin.map", cmake: module + "/kit/cmake",
            crate: module + "/kit/rust/zoo-plugin", swiftPackage: module + "/kit/swift", templates: module + "/kit/templates")
    }

    private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private static func missing(_ place: String) -> ZooError {
        ZooError(
            .notFound,
            "\(place): no kit for plugins is beside it (headers, templates); expected a source tree or what `make install` writes"
        )
    }

    /// What compiles a plugin in C or C++, as words for a shell.
    var compilerFlags: String { ["-I" + headers, "-fPIC", "-fvisibility=hidden"].map(\.shellWord).joined(separator: " ") }

    /// What links one: its entry is the only export, everything is bound at load, and it stays resident.
    var linkerFlags: String {
        #if canImport(Darwin)
            let flags = ["-dynamiclib", "-Wl,-exported_symbol,_zoo_plugin_entry_v1"]
        #else
            let flags = [
                "-shared", "-Wl,--version-script=" + exportMap, "-Wl,-z,now", "-Wl,-z,nodelete", "-Wl,-z,defs", "-lm",
            ]
        #endif
        return flags.map(\.shellWord).joined(separator: " ")
    }
}

extension String {
    /// The text as one word of a shell's command line.
    var shellWord: String {
        guard contains(where: { !$0.isLetter && !$0.isNumber && !"-_./=,+:@%".contains($0) }) || isEmpty else { return self }
        return "'" + replacing("'", with: "'\\''") + "'"
    }
}
