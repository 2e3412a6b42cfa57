import Foundation
import Testing

@Suite("added plugins", .serialized)
struct AddedPluginTests {
    private func inFolder(_ body: (Command, _ library: URL) throws -> Void) throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["XDG_DATA_HOME"] = zoo.folder.appending(path: "data").path
            let library = zoo.folder.appending(path: "libSound.so")
            let compiler = Process()
            compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            compiler.arguments = [
                "cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", "-I",
                Command.root.appending(path: "Sources/CZoo/include").path,
                Command.root.appending(path: "Tests/ZooPluginsTests/Fixtures/broken.c").path, "-o", library.path, "-lm",
                "-pthread",
            ]
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0)
            try body(zoo, library)
        }
    }

    @Test("are copied, pinned, listed with their build, found without an option, and removed")
    func added() throws {
        try inFolder { zoo, library in
            let added = try zoo("plugins", "add", library.path, "--no-check")
            #expect(added.status == 0, "\(added.errors)")
            #expect(added.output.hasPrefix("added libSound.so (broken), build ") && added.output.contains("not checked"))
            try FileManager.default.removeItem(at: library)
            let listed = try zoo("plugins", "list")
            #expect(listed.status == 0, "\(listed.errors)")
            #expect(
                listed.output.contains("libSound.so: build ") && listed.output.contains("not checked, added from"),
                "\(listed.output)")
            #expect(try zoo("plugins", "show", "broken").status == 0)
            #expect(try zoo("plugins", "remove", "libSond.so").errors.contains("did you mean 'libSound.so'?"))
            #expect(try zoo("plugins", "remove", "libSound.so").output == "removed libSound.so\n")
            #expect(try zoo("plugins", "show", "broken").status != 0)
        }
    }

    @Test("that were changed since, or put there by hand, are refused by name")
    func changed() throws {
        try inFolder { zoo, library in
            #expect(try zoo("plugins", "add", library.path, "--no-check").status == 0)
            let folder = zoo.folder.appending(path: "data/policyzoo/plugins")
            let copy = folder.appending(path: "libSound.so")
            var data = try Data(contentsOf: copy)
            let place = try #require(data.range(of: Data("A fixture".utf8)))
            data.replaceSubrange(place, with: Data("B fixture".utf8))
            try FileManager.default.removeItem(at: copy)
            try data.write(to: copy)
            try FileManager.default.copyItem(at: library, to: folder.appending(path: "libOther.so"))
            let listed = try zoo("plugins", "list")
            #expect(listed.status == 65)
            #expect(
                listed.errors.contains("libSound.so: it was changed since it was added: expected sha256 "), "\(listed.errors)")
            #expect(listed.errors.contains("libOther.so: it was not put there by `zoo plugins add`"))
        }
    }

    @Test("are checked first, and not added if they fail")
    func refused() throws {
        try inFolder { zoo, library in
            try Data("no library".utf8).write(to: library)
            let added = try zoo("plugins", "add", library.path)
            #expect(added.status == 65)
            #expect(added.errors.contains("not added: ") && added.errors.contains("cannot be loaded"), "\(added.errors)")
            #expect(
                !FileManager.default.fileExists(atPath: zoo.folder.appending(path: "data/policyzoo/plugins/libSound.so").path))
        }
    }
}
