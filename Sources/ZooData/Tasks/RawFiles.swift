import Foundation

/// Downloaded files that tasks are made from.
public struct RawFiles: Sendable {
    /// Names their folder of the cache, `NAME/raw`, and the script that fetches them, `fetch-NAME.sh`.
    public let name: String
    /// What has to be there.
    public let files: [String]
    /// What is fetched, and from where.
    public let about: String
    /// The system's package that has to be installed first; nil if the script needs nothing but the network.
    public let package: String?
    /// For bash; its argument is the folder to make, all or nothing. It does nothing where the folder is complete, and ends with
    /// ``notInstalled`` where the package is missing.
    public let script: String

    /// The script's status where the system's package is missing, `EX_UNAVAILABLE`.
    public static let notInstalled: Int32 = 69

    /// - Parameter script: as compiled in.
    init(_ name: String, files: [String], about: String, package: String? = nil, script: [UInt8]) {
        self.name = name
        self.files = files
        self.about = about
        self.package = package
        self.script = String(decoding: script, as: UTF8.self)
    }

    /// Where they are.
    ///
    /// - Parameter data: the folder of the cache for the data of all tasks.
    public func folder(in data: URL) -> URL { data.appending(path: "\(name)/raw", directoryHint: .isDirectory) }

    public func paths(in data: URL) -> [URL] { files.map { folder(in: data).appending(path: $0) } }

    public func isThere(in data: URL) -> Bool {
        paths(in: data).allSatisfy { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// How to get them, in words.
    public var advice: String {
        let fetch = "`zoo data fetch \(name)` or `make data`"
        return package.map { "install \($0), then run \(fetch)" } ?? "run \(fetch)"
    }
}
