import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// A cached artifact: a stage's model, preference pairs, or the normalisation of a reward.
public struct KeptThing: Sendable {
    /// Its file's or folder's name in the cache.
    public var name: String
    public var url: URL
    /// The algorithm of a stage, `pairs` or `normalization`.
    public var kind: String
    public var bytes: Int
    public var made: Date
    public var lastUsed: Date
    /// nil: made by an earlier version, which did not record it.
    public var madeFrom: MadeFrom?
    /// Whether it is complete.
    public var isWhole: Bool

    /// All artifacts, by name.
    public static func all() throws -> [KeptThing] {
        let folder = CacheFolder.artifacts
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .filter { !$0.hasPrefix(".") }.map { KeptThing(folder.appending(path: $0)) }
    }

    /// The artifact of that name. Throws with the nearest if there is none.
    public static func named(_ name: String, among all: [KeptThing]) throws -> KeptThing {
        if let found = all.first(where: { $0.name == name }) { return found }
        let meant = didYouMean(name, among: all.map(\.name))
        throw ZooError(.notFound, "there is no '\(name)' in \(CacheFolder.artifacts.path)\(meant)")
    }

    private init(_ url: URL) {
        let run = RunFolder(url)
        let isFolder = (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) ?? false
        self.url = url
        name = url.lastPathComponent
        kind = String(name.prefix { $0 != "." }.split(separator: "-").dropLast().joined(separator: "-"))
        bytes = Self.bytes(url)
        isWhole = !isFolder || run.isDone
        made = Self.changed(isFolder && run.isDone ? run.done : url) ?? .distantPast
        lastUsed = Self.changed(ArtifactStore.lockFile(url)) ?? made
        // An unreadable artifact is shown without its origin.
        madeFrom =
            isFolder ? (try? run.readSpec())?.madeFrom : (try? JSON.decode(Record.self, from: url))?.madeFrom
    }

    /// What a kept value is beside its value.
    private struct Record: Decodable { var madeFrom: MadeFrom }

    private static func changed(_ url: URL) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }

    /// Of a file, or of all files in a folder.
    static func bytes(_ url: URL) -> Int {
        func size(_ path: String) -> Int {
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { return 0 }
            return (attributes?[.size] as? NSNumber)?.intValue ?? 0
        }
        let inner = (try? FileManager.default.subpathsOfDirectory(atPath: url.path)) ?? []
        return size(url.path) + inner.reduce(0) { $0 + size(url.appending(path: $1).path) }
    }

    // MARK: - Use and removal

    /// Whether a process makes or uses it now.
    public var isUsed: Bool { ArtifactStore.isLocked(url) }

    /// Removes it; returns false without doing anything if a process makes or uses it.
    public func remove() throws -> Bool {
        let removed: Void? = try ArtifactStore.alone(url) {
            // Renamed first: half of it must not be taken for the whole.
            let going = url.deletingLastPathComponent().appending(path: Self.going + name)
            do {
                if FileManager.default.fileExists(atPath: going.path) { try FileManager.default.removeItem(at: going) }
                try FileManager.default.moveItem(at: url, to: going)
                try FileManager.default.removeItem(at: going)
            } catch {
                throw ZooError(ZooError(plain: error).code, "\(url.path) cannot be removed: \(plainWords(error))")
            }
            unlink(ArtifactStore.lockFile(url).path)
        }
        return removed != nil
    }

    private static let going = ".going-"

    /// What removals that were stopped half-way left: how many bytes, gone unless only `counted`.
    public static func sweep(counted: Bool) throws -> Int {
        let folder = CacheFolder.artifacts
        guard FileManager.default.fileExists(atPath: folder.path) else { return 0 }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix(going) }
        return try left.reduce(0) { sum, name in
            let url = folder.appending(path: name)
            let bytes = bytes(url)
            if !counted { try FileManager.default.removeItem(at: url) }
            return sum + bytes
        }
    }
}
