import Foundation

/// Downloaded files: those that tasks are made from, or a model's folder.
public struct RawFiles: Sendable {
    /// Names the script that fetches them, `fetch-NAME.sh`.
    public let name: String
    /// Their folder in that of the cache for data.
    private let place: String
    /// What has to be there.
    public let files: [String]
    /// What is fetched, and from where.
    public let about: String
    /// The system's package that has to be installed first; nil if the script needs nothing but the network.
    public let package: String?
    /// For bash; its argument is the folder to make, all or nothing. It does nothing where the folder is complete, and ends with
    /// ``notInstalled`` where the package is missing.
    public let script: String
    /// The script's second argument: a program that it runs.
    public let helper: String?
    /// The target of `make` that fetches them too.
    private let target: String

    /// The script's status where the system's package is missing, `EX_UNAVAILABLE`.
    public static let notInstalled: Int32 = 69

    /// - Parameters:
    ///   - place: nil: `NAME/raw`.
    ///   - script: as compiled in, and so is the helper.
    init(
        _ name: String, place: String? = nil, files: [String], about: String, package: String? = nil, script: [UInt8],
        helper: [UInt8]? = nil, target: String = "data"
    ) {
        self.name = name
        self.place = place ?? "\(name)/raw"
        self.helper = helper.map { String(decoding: $0, as: UTF8.self) }
        self.target = target
        self.files = files
        self.about = about
        self.package = package
        self.script = String(decoding: script, as: UTF8.self)
    }

    /// Where they are.
    ///
    /// - Parameter data: the folder of the cache for all data.
    public func folder(in data: URL) -> URL { data.appending(path: place, directoryHint: .isDirectory) }

    public func paths(in data: URL) -> [URL] { files.map { folder(in: data).appending(path: $0) } }

    public func isThere(in data: URL) -> Bool {
        paths(in: data).allSatisfy { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// How to get them, in words.
    public var advice: String {
        let fetch = "`zoo data fetch \(name)` or `make \(target)`"
        return package.map { "install \($0), then run \(fetch)" } ?? "run \(fetch)"
    }
}
