import Foundation
import ZooBase
import ZooData
import ZooModels

/// The files of a model that are not numbers: its tokenizer's and its chat templates.
enum ModelTexts {
    /// Copies the tokenizer's files from the first folder that has them, and the templates from the first that has those: files of two
    /// folders would contradict each other.
    static func copy(from folders: [URL], to target: URL) throws {
        let files = FileManager.default
        let tokenizer = folders.first { files.fileExists(atPath: $0.appending(path: "tokenizer.json").path) }
        let templates = folders.first { !ChatTemplate.files(in: $0).isEmpty }
        let own = tokenizer.map { folder in
            (["tokenizer.json"] + Tokenizer.companions(in: folder).filter { $0 != "config.json" }).map { (folder, $0) }
        }
        for (folder, name) in (own ?? [])
            + (templates.map { folder in ChatTemplate.files(in: folder).map { (folder, $0) } } ?? [])
        {
            let copy = target.appending(path: name)
            try OutputFile.createFolder(copy.deletingLastPathComponent())
            // Links are followed when copied: their paths may mean nothing there.
            try files.copyItem(at: folder.appending(path: name).resolvingSymlinksInPath(), to: copy)
        }
    }
}
