import Foundation
import ZooPlugins

extension PluginCatalog {
    /// The text of `zoo plugins list`, for a terminal of this width: the algorithms with their presets, where the plugins are, and
    /// which builds of the added ones were checked when.
    ///
    /// - Parameter pins: of the added plugins, by the file's name.
    package func list(width: Int, pins: [String: AddedPlugins.Pin] = [:]) -> String {
        var table = TextTable([.text("id"), .text("algorithm"), .text("plugin"), .text("presets")])
        let files = plugins.map { URL(fileURLWithPath: $0.path) }
        for (plugin, file) in zip(plugins, files) {
            for algorithm in plugin.algorithms {
                let presets = algorithm.presets.map { "@" + $0.name }.joined(separator: " ")
                table.append([algorithm.id, algorithm.title, file.lastPathComponent, presets])
            }
        }
        let folders = Dictionary(grouping: files) { $0.deletingLastPathComponent().shortPath }.sorted { $0.key < $1.key }
        let places = folders.map { folder, files in
            let names = folders.count == 1 ? "the plugins" : files.map(\.lastPathComponent).joined(separator: ", ")
            return "\(names) in \(folder.isEmpty ? "." : folder)\n".wrapped(toWidth: width)
        }
        let added = files.filter { $0.deletingLastPathComponent().path == AddedPlugins.folder.path }.compactMap { file in
            pins[file.lastPathComponent].map { pin in
                let checked = pin.checked.map { "checked \($0.formatted(.iso8601.year().month().day()))" } ?? "not checked"
                return "\(file.lastPathComponent): build \(pin.sha256.prefix(12)), \(checked), added from \(pin.from)\n"
                    .wrapped(toWidth: width)
            }
        }
        return table.plain(width: width) + (places.isEmpty ? "" : "\n") + places.joined() + added.joined()
    }
}
