import Foundation
import ZooBase
import ZooData
import ZooPlugins
import ZooRecords

/// The Python modules that come with PolicyZoo, in a folder of the cache that is named by their content.
package enum PythonModules {
    /// The folder to look for modules in; they are written on first use.
    static func folder() throws -> URL {
        let modules = [(name: RewardHelper.module, source: RewardHelper.source)] + LogHelper.modules
        let folder = CacheFolder.root.appending(
            path: "python/\(shortHash(of: modules.map(\.source)))", directoryHint: .isDirectory)
        for module in modules {
            let file = folder.appending(path: "\(module.name).py")
            guard (try? InputFile.text(file)) != module.source else { continue }
            try OutputFile.createFolder(folder)
            try OutputFile.write(Data(module.source.utf8), to: file)
        }
        return folder
    }

    /// This process's environment, in which Python finds the modules.
    package static func environment() throws -> [String: String] {
        var environment = ProcessInfo.processInfo.environment
        environment["PYTHONPATH"] = [try folder().path, environment["PYTHONPATH"] ?? ""].filter { !$0.isEmpty }
            .joined(separator: ":")
        return environment
    }
}
