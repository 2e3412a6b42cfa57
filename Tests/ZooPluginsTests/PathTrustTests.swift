import Foundation
import Testing
import ZooKit
import ZooPlugins

@Suite("who may have written a plugin")
struct PathTrustTests {
    /// Runs `body` with a plugin in `folder/outer/inner`.
    private func withPlugin(_ body: (_ outer: String, _ inner: String, _ file: String) throws -> Void) async throws {
        try await PluginFixture.withFolder { folder in
            let outer = folder + "/outer"
            let inner = outer + "/inner"
            try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
            try body(outer, inner, try PluginFixture.compile(into: inner))
        }
    }

    private func refusal(_ path: String) -> String {
        do {
            _ = try Plugin(path: path)
            return "none"
        } catch { return "\(error)" }
    }

    /// A group that others may be in.
    private static let group: gid_t = 12_345

    @Test("a file, its folder and every folder above it that everyone may write are refused by name, with the chmod")
    func everyone() async throws {
        try await withPlugin { outer, inner, file in
            for (path, what) in [(file, "it is"), (inner, "its folder \(inner) is"), (outer, "the folder \(outer) above it is")] {
                #expect(chmod(path, 0o777) == 0)
                let said = refusal(file)
                #expect(said.contains("\(what) writable by everyone") && said.contains("chmod o-w '\(path)'"), "\(said)")
                #expect(chmod(path, 0o755) == 0)
            }
            #expect(refusal(file) == "none")
        }
    }

    @Test("the same holds for a group, unless nobody else is in it", .enabled(if: geteuid() == 0))
    func group() async throws {
        try await withPlugin { outer, inner, file in
            for path in [file, inner, outer] {
                #expect(chmod(path, 0o775) == 0)
                #expect(refusal(file) == "none", "the group of root is root's")
                // Members that come from elsewhere are not known: no such group.
                #expect(chown(path, 0, Self.group) == 0)
                let said = refusal(file)
                #expect(said.contains("writable by the group \(Self.group)") && said.contains("chmod g-w '\(path)'"), "\(said)")
                #expect(chown(path, 0, 0) == 0 && chmod(path, 0o755) == 0)
            }
        }
    }

    @Test("what belongs to another user is refused, and says whose it is", .enabled(if: geteuid() == 0))
    func owner() async throws {
        try await withPlugin { outer, inner, file in
            for path in [file, inner, outer] {
                #expect(chown(path, 12_345, 0) == 0)
                let said = refusal(file)
                #expect(said.contains("is owned by user 12345; expected root or you"), "\(said)")
                #expect(said.contains("ZOO_PLUGIN_TRUST=\(inner)"))
                #expect(chown(path, 0, 0) == 0)
            }
        }
    }

    @Test("a folder such as /tmp may stand above the plugin's own, but not be it")
    func sticky() async throws {
        try await withPlugin { outer, inner, file in
            #expect(chmod(outer, 0o1777) == 0)
            #expect(refusal(file) == "none")
            #expect(chmod(inner, 0o1777) == 0)
            let said = refusal(file)
            #expect(said.contains("its folder \(inner) is one where everyone may put files"), "\(said)")
            #expect(said.contains("move the plugin into a folder of your own") && !said.contains("chmod"))
        }
    }

    @Test("below a folder that nobody else may enter, modes do not matter")
    func closed() async throws {
        try await withPlugin { outer, inner, file in
            #expect(chmod(outer, 0o700) == 0 && chmod(inner, 0o777) == 0)
            #expect(refusal(file) == "none")
        }
    }

    @Test("a plugin whose Swift is another than the host's is refused with both versions, if it shares the runtime")
    func toolchain() async throws {
        try await PluginFixture.withFolder { folder in
            let defect = "TOOLCHAIN=\"swift 5.1\""
            #expect(refusal(try PluginFixture.compile(defect, into: folder)) == "none", "it shares nothing")
            let core = try #require(try PluginFixture.swiftCore)
            let path = try PluginFixture.compile(
                defect, into: folder,
                options: ["-Wl,--no-as-needed", core, "-Wl,-rpath,\((core as NSString).deletingLastPathComponent)"])
            let said = refusal(path)
            #expect(
                said.contains("built by swift 5.1 and shares the Swift runtime with the host, which was built by swift 6"),
                "\(said)")
            #expect(said.contains("-static-stdlib"))
        }
    }

    @Test("text of a description that would steer a terminal is refused", arguments: ["a\\033[2Jb", "two\\nlines"])
    func title(text: String) async throws {
        try await PluginFixture.withFolder { folder in
            let said = refusal(try PluginFixture.compile("TITLE=\"\(text)\"", into: folder))
            #expect(said.contains("the title of the algorithm 'broken' is"), "\(said)")
            #expect(said.contains("one line of text without control characters"))
        }
    }
}
