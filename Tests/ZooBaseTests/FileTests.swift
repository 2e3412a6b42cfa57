import Foundation
import Testing
import ZooBase

/// Runs `body` in a new folder that is removed afterwards.
private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
        path: "zoo-files-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
}

@Suite("files that are read and written")
struct FileTests {
    @Test("a folder, a pipe, a socket and a device are refused by name, and none is waited for", .timeLimit(.minutes(1)))
    func irregular() throws {
        try inFolder { folder in
            let pipe = folder.appending(path: "pipe")
            #expect(mkfifo(pipe.path, 0o600) == 0)
            let link = folder.appending(path: "link")
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: pipe)
            let cases: [(URL, String)] = [
                (folder, "is a folder; expected a file"), (pipe, "is a pipe; expected a file"),
                (link, "is a pipe; expected a file"),
                (URL(filePath: "/dev/zero"), "is a device; expected a file"),
            ]
            for (url, reason) in cases {
                #expect(throws: FileError(.noInput, url.path, reason)) { try InputFile.data(url) }
                #expect(throws: FileError(.noInput, url.path, reason)) { try InputFile.handle(url) }
                #expect(throws: FileError(.noInput, url.path, reason)) { try InputFile.check(url) }
            }
        }
    }

    @Test("what is not there, has too long a name, goes in a circle or lies below a file is named in plain words")
    func unreadable() throws {
        try inFolder { folder in
            let file = folder.appending(path: "file")
            try Data("x".utf8).write(to: file)
            let loop = folder.appending(path: "loop")
            try FileManager.default.createSymbolicLink(at: loop, withDestinationURL: loop)
            let long = folder.appending(path: String(repeating: "n", count: 300))
            let cases: [(URL, String)] = [
                (folder.appending(path: "nowhere"), "there is no such file"),
                (long, "cannot be read: the name is too long"),
                (loop, "cannot be read: its links are circular"),
                (file.appending(path: "below"), "cannot be read: part of the path is a file, not a folder"),
            ]
            for (url, reason) in cases {
                #expect(throws: FileError(.noInput, url.path, reason)) { try InputFile.data(url) }
            }
            #expect(throws: FileError(.noInput, file.path, "is 1 bytes long; expected at most 0")) {
                try InputFile.data(file, atMost: 0)
            }
            #expect(try InputFile.text(file) == "x")
            try Data([0xFF]).write(to: file)
            #expect(throws: FileError(.noInput, file.path, "is not text in UTF-8")) { try InputFile.text(file) }
        }
    }

    @Test("a Git LFS pointer is named as one, whoever opens it; a text that merely speaks of one is not")
    func pointer() throws {
        try inFolder { folder in
            let file = folder.appending(path: "rows.jsonl")
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
            try Data(pointer.utf8).write(to: file)
            let error = FileError(
                .data, file.path,
                "is a Git LFS pointer of 70 bytes, not the file that it stands for; fetch that with: git lfs pull")
            #expect(throws: error) { try InputFile.data(file) }
            #expect(throws: error) { try InputFile.data(file, isMapped: true) }
            #expect(throws: error) { try InputFile.handle(file) }
            #expect(throws: error) { try InputFile.check(file) }
            try Data("a \(pointer)".utf8).write(to: file)
            #expect(try InputFile.text(file) == "a \(pointer)")
            #expect(try InputFile.handle(file).readToEnd() == Data("a \(pointer)".utf8))
        }
    }

    @Test("a name with a NUL is that of no file, and not cut there")
    func nul() throws {
        try inFolder { folder in
            try Data("secret".utf8).write(to: folder.appending(path: "file"))
            let error = #expect(throws: FileError.self) {
                try InputFile.data(URL(fileURLWithPath: folder.path + "/file\0.txt"))
            }
            #expect(error?.status == .noInput)
        }
    }

    @Test("what cannot be written is named with its kind, and leaves nothing behind")
    func unwritable() throws {
        try inFolder { folder in
            let file = folder.appending(path: "file")
            try OutputFile.write(Data("one".utf8), to: file)
            try OutputFile.write(Data("two".utf8), to: file)
            #expect(try String(contentsOf: file, encoding: .utf8) == "two")
            func kind(_ body: () throws -> Void) -> CommandStatus? { #expect(throws: FileError.self) { try body() }?.status }
            #expect(kind { try OutputFile.write(Data(), to: folder.appending(path: "no/where")) } == .cannotCreate)
            #expect(kind { try OutputFile.write(Data(), to: folder) } == .cannotCreate)
            #expect(kind { try OutputFile.createFolder(file) } == .cannotCreate)
            #expect(kind { try OutputFile.createFolder(file.appending(path: "below")) } == .cannotCreate)
            #expect(kind { try OutputFile.write(Data("x".utf8), to: URL(filePath: "/dev/full")) } == .inputOutput)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
        }
    }

    @Test("a device is written to, and a link stays one")
    func throughLinks() throws {
        try inFolder { folder in
            try OutputFile.write(Data("x".utf8), to: URL(filePath: "/dev/null"))
            var status = stat()
            #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
            let (file, link) = (folder.appending(path: "file"), folder.appending(path: "link"))
            try OutputFile.write(Data("one".utf8), to: file)
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
            try OutputFile.write(Data("two".utf8), to: link)
            #expect(try String(contentsOf: file, encoding: .utf8) == "two")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == file.path)
        }
    }
}

@Suite("errors in plain words")
struct PlainWordsTests {
    private struct Note: Codable {
        struct Part: Codable { var size: Int }
        var name: String
        var parts: [Part]
    }

    private func words(_ json: String) -> String {
        do {
            _ = try JSONDecoder().decode(Note.self, from: Data(json.utf8))
            return "read"
        } catch { return plainWords(error) }
    }

    @Test("JSON that does not fit says where, what was expected and what was found")
    func decoding() {
        #expect(words(#"{"parts": []}"#) == "it has no 'name'")
        #expect(words(#"{"name": "a", "parts": [{"size": 1}, {}]}"#) == "it has no 'size' at 'parts[1]'")
        #expect(words(#"{"name": "a", "parts": 3}"#).hasPrefix("expected a list at 'parts'"))
        #expect(words(#"{"name": null, "parts": []}"#) == "expected a text at 'name', found nothing")
        #expect(
            words(#"{"name": "a", "parts": [{"size": "x"}]}"#).hasPrefix("expected a whole number at 'parts[0].size', found "))
        #expect(words("{").hasPrefix("it is not valid JSON"))
    }

    @Test(
        "no word of Foundation's reaches people",
        arguments: [#"{"#, #"{"name": 1e999}"#, "", "[]", #"{"name": "a", "parts": 3}"#])
    func raw(json: String) {
        let text = words(json)
        for word in ["Error", "Domain", "codingPath", "UserInfo", "Swift", "Optional", "\n"] {
            #expect(!text.contains(word), "\(text)")
        }
    }

    @Test("the numbers of the system's errors are words")
    func numbers() {
        #expect(plainWords(POSIXError(.ENOSPC)) == "the disk is full")
        #expect(plainWords(CocoaError(.fileNoSuchFile)) == "there is no such file or folder")
        #expect(plainWords(CocoaError(.fileWriteOutOfSpace)) == "the disk is full")
        let wrapped = CocoaError(.fileWriteUnknown, userInfo: [NSUnderlyingErrorKey: POSIXError(.ENAMETOOLONG)])
        #expect(plainWords(wrapped) == "the name is too long")
        #expect(FileError(writing: "/x", POSIXError(.EACCES)).status == .noPermission)
        #expect(FileError(writing: "/x", FileError(.inputOutput, "/x/y", "cannot be written: the disk is full")).path == "/x/y")
    }

    @Test("escapes and turned text are shown as text, tabs and newlines stay")
    func shown() {
        #expect(
            "a\u{1B}[31mb\u{7}\r\u{9B}c\u{202E}d\u{2066}e\u{7F}".shown == #"a\u001b[31mb\u0007\u000d\u009bc\u202ed\u2066e\u007f"#)
        #expect("zwei\tWörter\n字 👩‍👩‍👧 e\u{301} عربي".shown == "zwei\tWörter\n字 👩‍👩‍👧 e\u{301} عربي")
        #expect("a\r\nb\n\u{85}c".shownOnOneLine == "a b c")
        #expect("a,b\r\n1,\r2\r".shown == "a,b\r\n1,\\u000d2\\u000d")
    }
}
