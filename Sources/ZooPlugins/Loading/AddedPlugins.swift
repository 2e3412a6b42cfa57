import Foundation
import ZooBase
import ZooKit

/// The plugins that `zoo plugins add` has copied into the user's own folder, each pinned to its content.
public enum AddedPlugins {
    /// What is known of an added plugin.
    public struct Pin: Codable, Sendable, Equatable {
        /// Of the file's bytes, in hexadecimal.
        public var sha256: String
        /// Where it was added from.
        public var from: String
        public var added: Date
        /// When the conformance bench passed; nil if it was not run.
        public var checked: Date?
    }

    private static let file = "plugins.json"

    /// `policyzoo/plugins` in the user's folder for data.
    public static var folder: URL {
        let data = ProcessInfo.processInfo.environment["XDG_DATA_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let base =
            data.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? URL.homeDirectory.appending(path: ".local/share")
        return base.appending(path: "policyzoo/plugins", directoryHint: .isDirectory)
    }

    /// The pins by the file's name.
    public static func pins() throws -> [String: Pin] {
        let url = folder.appending(path: file)
        guard FileManager.default.fileExists(atPath: url.path) else { return [:] }
        return try JSON.decode([String: Pin].self, from: url)
    }

    /// Refuses a file in the folder that is not what was added.
    static func check(_ path: String, _ hash: String, _ pins: [String: Pin]) throws {
        let url = URL(fileURLWithPath: path)
        guard url.deletingLastPathComponent().path == folder.path else { return }
        let name = url.lastPathComponent
        guard let pin = pins[name] else {
            throw ZooError(
                .failedPrecondition,
                "\(path): it was not put there by `zoo plugins add`; move it elsewhere and add it, or use --plugin-path")
        }
        guard pin.sha256 == hash else {
            throw ZooError(
                .failedPrecondition,
                "\(path): it was changed since it was added: expected sha256 \(pin.sha256.prefix(12))…, found \(hash.prefix(12))…; add it "
                    + "again from \(pin.from), or remove it with: zoo plugins remove \(name)")
        }
    }

    /// Copies a plugin into the folder and pins it; one of the same name is replaced.
    ///
    /// - Parameter checked: when the conformance bench passed; nil if it was not run.
    public static func add(_ path: String, checked: Date?) throws -> Pin {
        let real = try PluginFile.checked(path)
        try PluginFile.requireAlone(real)
        let data = try InputFile.data(URL(fileURLWithPath: real))
        let pin = Pin(sha256: ZooBase.sha256(data), from: real, added: Date(), checked: checked)
        try OutputFile.createFolder(folder)
        chmod(folder.path, 0o700)
        let target = folder.appending(path: URL(fileURLWithPath: path).lastPathComponent)
        guard real != target.path else {
            throw ZooError(.invalidArgument, "\(path) is the copy that was added; add the file that it came from")
        }
        var pins = try pins()
        pins[target.lastPathComponent] = pin
        try OutputFile.write(data, to: target)
        chmod(target.path, 0o500)
        try OutputFile.write(JSON.encode(pins), to: folder.appending(path: file))
        return pin
    }

    /// Removes an added plugin by its file's name. Throws with the nearest if there is none.
    public static func remove(_ name: String) throws {
        var pins = try pins()
        guard pins.removeValue(forKey: name) != nil else {
            let known = pins.isEmpty ? "none was added" : "added are: \(pins.keys.sorted().joined(separator: ", "))"
            throw ZooError(.notFound, "no plugin '\(name)' was added\(didYouMean(name, among: Array(pins.keys))); \(known)")
        }
        unlink(folder.appending(path: name).path)
        try OutputFile.write(JSON.encode(pins), to: folder.appending(path: file))
    }
}
