import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// Where a command's results go.
public enum RunPlace: Sendable {
    /// The folder that the user named.
    case folder(URL)
    /// `runs/NAME-N`: the newest unfinished one with the same content, or else the first free one.
    /// `anew`: always another one.
    case new(String, anew: Bool = false)

    /// The parent of folders that are named automatically.
    private static var parent: URL { URL(fileURLWithPath: "runs", isDirectory: true) }
    /// Refuses a named folder that already contains a run, a comparison or a probe.
    ///
    /// - Parameter own: the file that marks what may continue there.
    func refuseTaken(except own: String? = nil) throws {
        guard case .folder(let url) = self else { return }
        let path = url.relativePath
        let marks = [
            ("run.json", "a run; continue it with --resume \(path), or choose another folder"),
            (ComparisonRuns.file, "a comparison; choose another folder"),
            ("probe-spec.json", "a probe; choose another folder"),
        ]
        for (mark, what) in marks where mark != own && Self.exists(url.appending(path: mark)) {
            throw ZooError(.alreadyExists, "\(path) already contains \(what)")
        }
    }

    /// Takes a folder for `subject`: the named one, or a new one. Concurrent processes each get their own.
    func take(_ subject: String, being work: String) throws -> (folder: URL, lock: FolderLock) {
        let name: String
        switch self {
        case .folder(let url): return (url, try FolderLock(url, subject, being: work))
        case .new(let made, _): name = made
        }
        try OutputFile.createFolder(Self.parent)
        var number = 1
        while true {
            let folder = Self.parent.appending(path: "\(name)-\(number)", directoryHint: .isDirectory)
            number += 1
            if mkdir(folder.path, 0o777) != 0 {
                guard errno == EEXIST else {
                    throw FileError(writing: folder.path, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO))
                }
                guard Self.isEmpty(folder) else { continue }
            }
            // A killed process leaves an empty folder; another process may create one first.
            if let lock = try FolderLock.ifFree(folder, subject, being: work), Self.isEmpty(folder) { return (folder, lock) }
        }
    }

    /// The newest folder of that name with the same content, if it is unfinished and no process is using it.
    ///
    /// - Parameter isUnfinished: nil if a folder holds something else.
    func unfinished(_ subject: String, being work: String, _ isUnfinished: (URL) throws -> Bool?) throws -> (
        folder: URL, lock: FolderLock
    )? {
        guard case .new(let name, anew: false) = self else { return nil }
        for folder in Self.existing(name) {
            guard let found = try isUnfinished(folder) else { continue }
            guard found, let lock = try FolderLock.ifFree(folder, subject, being: work) else { return nil }
            // Its holder may just have finished it.
            return try isUnfinished(folder) == true ? (folder, lock) : nil
        }
        return nil
    }

    /// The folders of that name, the newest first.
    private static func existing(_ name: String) -> [URL] {
        // No folder is none.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
        return names.compactMap { $0.hasPrefix(name + "-") ? Int($0.dropFirst(name.count + 1)) : nil }.sorted(by: >)
            .map { parent.appending(path: "\(name)-\($0)", directoryHint: .isDirectory) }
    }

    private static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

    private static func isEmpty(_ folder: URL) -> Bool {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.allSatisfy { $0 == FolderLock.name } ?? false
    }
}

/// A run with its folder, which it has locked.
public struct PlacedRun: Sendable {
    public let folder: RunFolder
    /// Whether an earlier command started it.
    public let goesOn: Bool
    let lock: FolderLock
    let stage: Stage
}
