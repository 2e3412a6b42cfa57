import Foundation
import Testing
import ZooBase

@Suite("folders that are written whole or not at all")
struct FolderTests {
    private struct Stop: Error {}
    private struct Refusal: PlainError {
        let description = "no"
        let status = CommandStatus.data
    }

    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "zoo-folders-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func names(_ folder: URL) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }

    private func write(_ text: String, to folder: URL, _ existing: OutputFolder.Existing) throws {
        try OutputFolder.write(folder, existing: existing) { part in
            try OutputFile.write(Data(text.utf8), to: part.appending(path: "file"))
        }
    }

    private func text(_ folder: URL) throws -> String { try InputFile.text(folder.appending(path: "file")) }

    @Test("one that is there is kept, replaced or refused")
    func existing() throws {
        try inFolder { parent in
            let folder = parent.appending(path: "new")
            try write("one", to: folder, .refuse)
            try write("two", to: folder, .keep)
            #expect(try text(folder) == "one")
            let error = #expect(throws: FileError.self) { try write("two", to: folder, .refuse) }
            #expect(error?.status == .cannotCreate && error?.path == folder.path)
            try write("three", to: folder, .replace)
            #expect(try text(folder) == "three" && names(parent) == ["new"])
        }
    }

    @Test("what fails half-way leaves nothing, and its own sentence where it has one")
    func failures() throws {
        try inFolder { parent in
            let folder = parent.appending(path: "new")
            #expect(throws: Refusal.self) { try OutputFolder.write(folder, existing: .refuse) { _ in throw Refusal() } }
            #expect(throws: FileError.self) { try OutputFolder.write(folder, existing: .refuse) { _ in throw Stop() } }
            let left = try names(parent)
            #expect(left.isEmpty)
        }
    }

    @Test("what processes left that are gone is removed, what those that live write is not")
    func leftovers() throws {
        try inFolder { parent in
            let folder = parent.appending(path: "new")
            let gone = ".new.999999999-1.part"
            let living = ".new.\(getpid())-1.part"
            for name in [gone, living, "new.part", ".other.999999999-1.part"] {
                try OutputFile.createFolder(parent.appending(path: name))
            }
            Leftovers.remove(of: folder)
            #expect(try names(parent).sorted() == [living, ".other.999999999-1.part", "new.part"].sorted())
            Leftovers.sweep(parent, prefix: "other")
            #expect(try names(parent).sorted() == [living, "new.part"].sorted())
            Leftovers.sweep(parent)
            #expect(try names(parent) == ["new.part"])
        }
    }
}

@Suite("exit statuses")
struct CommandStatusTests {
    private struct Refusal: PlainError {
        let description = "no"
        let status = CommandStatus.usage
    }

    @Test("an error says its own, the system's are known, all else is not")
    func statuses() {
        #expect(CommandStatus(of: Refusal()) == .usage && CommandStatus(of: FileError(.noInput, "x", "y")) == .noInput)
        #expect(CommandStatus(of: CancellationError()) == .interrupted && CommandStatus(of: CocoaError(.fileNoSuchFile)) == nil)
        let error = #expect(throws: DecodingError.self) { try JSONDecoder().decode(Int.self, from: Data("x".utf8)) }
        #expect(error.flatMap { CommandStatus(of: $0) } == .data)
    }
}
