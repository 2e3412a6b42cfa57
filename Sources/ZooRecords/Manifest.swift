import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe

/// The files of a folder with their hashes, so that changed, missing and added files are found and named.
package struct Manifest: Codable {
    package struct File: Codable, Equatable {
        package var bytes: Int
        package var sha256: String
    }

    /// The step of a checkpoint.
    package var step: Int?
    /// The roles whose weights are among the files.
    package var roles: [String] = []
    /// By path within the folder.
    package var files: [String: File]
    /// The SHA-256 of this manifest with this field empty.
    private var seal = ""

    package init(of folder: URL, files names: [String], step: Int? = nil, roles: [String] = []) throws {
        (self.step, self.roles) = (step, roles)
        files = try Dictionary(uniqueKeysWithValues: names.map { ($0, try Self.describe(folder.appending(path: $0))) })
    }

    private static func describe(_ file: URL) throws -> File {
        let data = try InputFile.data(file, isMapped: true)
        return File(bytes: data.count, sha256: ZooBase.sha256(data))
    }

    package func write(to file: URL) throws {
        var sealed = self
        sealed.seal = ""
        sealed.seal = ZooBase.sha256(try JSON.encode(sealed))
        try OutputFile.write(JSON.encode(sealed), to: file)
    }

    /// - Throws: `.dataLoss` if any byte of the file has changed.
    package init(reading file: URL) throws {
        self = try JSON.decode(Manifest.self, from: file)
        var open = self
        open.seal = ""
        guard seal == ZooBase.sha256(try JSON.encode(open)), try JSON.encode(self) == InputFile.data(file) else {
            throw ZooError(.dataLoss, "\(file.path) was changed since it was written")
        }
    }

    /// The fault of the folder's files, in a few words; nil if they are unchanged.
    package func fault(in folder: URL) -> String? {
        for (name, expected) in files.sorted(by: { $0.key < $1.key }) {
            let file = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: file.path) else { return "\(name) is missing" }
            guard let found = try? Self.describe(file) else { return "\(name) cannot be read" }
            if found.bytes != expected.bytes { return "\(name) has \(found.bytes) bytes; expected \(expected.bytes)" }
            if found != expected { return "\(name) was changed since it was written: its SHA-256 differs" }
        }
        return nil
    }
}
