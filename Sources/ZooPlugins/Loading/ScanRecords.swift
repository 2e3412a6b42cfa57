import Foundation
import ZooBase
import ZooKit

/// What earlier scans found, in the user's cache: by the content of the plugin, for this build of the program.
///
/// A file is known by its device, number, size and times, as long as they are settled; otherwise it is hashed again.
struct ScanRecords {
    private struct Record: Codable {
        var program: String
        var result: ScanResult
    }

    private let folder = CacheFolder.root.appending(path: "scans", directoryHint: .isDirectory)
    /// The identity of the executable that scans.
    private let program: String
    /// Files above which the records start over.
    private static let most = 4000
    /// A file that changed this lately, in seconds, could change again within one tick of the file system's clock.
    private static let settled = 2.0

    init(executable: String) { program = Self.identity(executable)?.text ?? "" }

    /// The content's SHA-256 of the file at a real path.
    func hash(of file: String) throws -> String {
        guard let identity = Self.identity(file) else { return try PluginFile.sha256(file) }
        let note = folder.appending(path: "file-\(sha256(Data("\(file)\n\(identity.text)".utf8)).prefix(32))")
        if identity.isSettled, let text = try? String(contentsOf: note, encoding: .utf8), text.count == 64 { return text }
        let hash = try PluginFile.sha256(file)
        if identity.isSettled, Self.identity(file)?.text == identity.text { write(Data(hash.utf8), to: note) }
        return hash
    }

    /// What is known of that content; nil if it was never scanned by this build of the program.
    func result(_ hash: String, of path: String, real: String) -> ScanResult? {
        guard let record = try? JSON.decode(Record.self, from: file(hash)), record.program == program else { return nil }
        var result = record.result
        result.failure = result.failure?.replacing(result.path, with: path)
        result.path = path
        result.plugin?.path = real
        return result
    }

    /// Keeps what a scan of that content found. A library that could not be loaded may lack another one, which may come.
    func keep(_ result: ScanResult, _ hash: String) {
        if let failure = result.failure, failure.contains(DynamicLibrary.cannotBeLoaded) { return }
        guard result.plugin == nil || result.plugin?.sha256 == hash else { return }
        guard let data = try? JSON.encode(Record(program: program, result: result)) else { return }
        write(data, to: file(hash))
    }

    private func file(_ hash: String) -> URL { folder.appending(path: "\(hash).json") }

    /// Without its records, a command scans again: nothing depends on them.
    private func write(_ data: Data, to file: URL) {
        try? OutputFile.createFolder(folder)
        if let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path), names.count > Self.most {
            for name in names { unlink(folder.appending(path: name).path) }
        }
        try? OutputFile.write(data, to: file)
    }

    private static func identity(_ file: String) -> (text: String, isSettled: Bool)? {
        var status = stat()
        guard stat(file, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
        #else
            let (modified, changed) = (status.st_mtim, status.st_ctim)
        #endif
        let parts = [
            Int(status.st_dev), Int(status.st_ino), Int(status.st_size), modified.tv_sec, modified.tv_nsec, changed.tv_sec,
            changed.tv_nsec,
        ]
        let latest = Double(max(modified.tv_sec, changed.tv_sec))
        return (parts.map(String.init).joined(separator: ":"), Date().timeIntervalSince1970 - latest > settled)
    }
}
