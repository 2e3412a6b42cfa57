import Foundation
import ZooKit

/// The folders that are searched for plugins: the executable's own, that of the added plugins, then those of `--plugin-path`, then
/// those of `ZOO_PLUGIN_PATH`.
public struct PluginSearchPath: Sendable, Equatable {
    /// Absolute, in the order of search, each once.
    public let folders: [String]

    /// - Parameters:
    ///   - builtIn: The folder of the plugins that came with the host; nil for none.
    ///   - added: The folder of the plugins that the user has added; nil for none.
    ///   - options: What the user named on the command line; relative paths start in the working folder.
    ///   - environment: Read for `ZOO_PLUGIN_PATH`, folders separated by colons.
    public init(
        builtIn: String? = PluginSearchPath.executableFolder, added: String? = PluginSearchPath.addedFolder,
        options: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        let listed = (environment["ZOO_PLUGIN_PATH"] ?? "").split(separator: ":").map(String.init)
        var folders: [String] = []
        for folder in [builtIn, added].compactMap(\.self) + options + listed {
            let absolute = URL(fileURLWithPath: folder).standardizedFileURL.path
            if !folders.contains(absolute) { folders.append(absolute) }
        }
        self.folders = folders
    }

    /// The folder of the running executable.
    public static var executableFolder: String? {
        Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// The folder of the plugins that the user has added; nil if there are none.
    public static var addedFolder: String? {
        let folder = AddedPlugins.folder.path
        return FileManager.default.fileExists(atPath: folder) ? folder : nil
    }

    /// The shared libraries `lib*` in the folders, sorted by name within each. Throws if a folder cannot be read.
    public func files() throws -> [String] {
        var files: [String] = []
        for folder in folders {
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
                throw ZooError(.notFound, "\(folder): the plugin folder cannot be read; check --plugin-path and ZOO_PLUGIN_PATH")
            }
            for name in names.sorted() where name.hasPrefix("lib") && PluginFile.endings.contains(where: name.hasSuffix) {
                files.append(folder + "/" + name)
            }
        }
        return files
    }
}
