import Foundation
import ZooFiles
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Where a command's results go.
public enum RunPlace: Sendable {
    /// The folder that the user named.
    case folder(URL)
    /// `runs/NAME-N`: the newest that an earlier call left unfinished, where it holds the same, or else the first that is free.
    /// `anew`: always another one.
    case new(String, anew: Bool = false)

    /// Where folders lie whose names are made up here.
    private static var parent: URL { URL(fileURLWithPath: "runs", isDirectory: true) }
    /// Refuses a named folder that holds a run, a comparison or a probe already.
    ///
    /// - Parameter own: the file that marks what may go on there.
    func refuseTaken(except own: String? = nil) throws {
        guard case .folder(let url) = self else { return }
        let path = url.relativePath
        let marks = [
            ("run.json", "a run already; go on with it by --resume \(path), or name another folder"),
            (ComparisonRuns.file, "a comparison already; name another folder"),
            ("probe-spec.json", "a probe already; name another folder"),
        ]
        for (mark, what) in marks where mark != own && Self.exists(url.appending(path: mark)) {
            throw ZooError(.alreadyExists, "\(path) holds \(what)")
        }
    }

    /// Takes a folder for `subject`: the one named, or a new one. Of several processes at once each gets its own.
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
            // A process that was killed leaves an empty folder; another one may be quicker with a new one.
            if let lock = try FolderLock.ifFree(folder, subject, being: work), Self.isEmpty(folder) { return (folder, lock) }
        }
    }

    /// The newest folder of that name that holds the same, where it is unfinished and no process is at it.
    ///
    /// - Parameter isUnfinished: nil where a folder holds something else.
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

/// A run that has its folder, and the folder to itself.
public struct PlacedRun: Sendable {
    public let folder: RunFolder
    /// Whether an earlier call began it.
    public let goesOn: Bool
    let lock: FolderLock
    let stage: Stage
}
