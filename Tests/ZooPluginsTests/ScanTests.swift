import Foundation
import Testing
import ZooPlugins

@Suite("a scan", .serialized)
struct ScanTests {
    /// How many times a plugin was loaded so far: it adds a byte to this file.
    private func loads(_ folder: String) -> Int { FileManager.default.contents(atPath: folder + "/loads")?.count ?? 0 }

    private func counting(_ folder: String, then: String = "") -> String {
        "IN_CONSTRUCTOR=fputs(\"x\",fopen(\"\(folder)/loads\",\"a\"));fflush(NULL);\(then)"
    }

    private func scan(_ folder: String, anew: Bool = false) async throws -> PluginCatalog {
        let path = PluginSearchPath(builtIn: nil, added: nil, options: [folder], environment: [:])
        return try await PluginCatalog.scan(path, executable: PluginFixture.zoo, anew: anew)
    }

    @Test("loads a file once, and again when its content changes")
    func once() async throws {
        try await PluginFixture.withFolder { folder in
            let file = try PluginFixture.compile(counting(folder), into: folder)
            let first = try await scan(folder)
            #expect(first.plugins.map(\.path) == [file] && loads(folder) == 1)
            let second = try await scan(folder)
            #expect(second.plugins == first.plugins && loads(folder) == 1)
            // Another name, the same content.
            try FileManager.default.copyItem(atPath: file, toPath: folder + "/libOther.so")
            let both = try await scan(folder)
            #expect(both.plugins.map(\.path).sorted() == [folder + "/libOther.so", file].sorted() && loads(folder) == 1)
            #expect(try await scan(folder, anew: true).plugins == both.plugins && loads(folder) == 3)
            try FileManager.default.removeItem(atPath: folder + "/libOther.so")
            // Another content, of the same size: the text of its title.
            var data = try Data(contentsOf: URL(fileURLWithPath: file))
            let place = try #require(data.range(of: Data("A fixture".utf8)))
            data.replaceSubrange(place, with: Data("B fixture".utf8))
            try data.write(to: URL(fileURLWithPath: file))
            let changed = try await scan(folder)
            #expect(changed.plugins.first?.algorithm("broken")?.title == "B fixture" && loads(folder) == 4)
        }
    }

    @Test("remembers a crash and a hang too, and says how to try again; no file holds up another")
    func failures() async throws {
        try await PluginFixture.withFolder { folder in
            let crashing = try PluginFixture.compile(counting(folder, then: "abort()"), into: folder)
            let hanging = try PluginFixture.compile(counting(folder, then: "for(;;)pause()"), into: folder)
            let sound = try PluginFixture.compile(into: folder)
            let first = try await scan(folder)
            #expect(first.plugins.map(\.path) == [sound])
            let reasons = Dictionary(uniqueKeysWithValues: first.failures.map { ($0.path, $0.reason) })
            #expect(reasons[crashing]?.contains("crashed: it aborted") == true)
            #expect(reasons[hanging]?.contains("did not end within 10 s and was killed") == true)
            #expect(reasons.values.allSatisfy { $0.contains("`zoo plugins list --rescan` tries again") })
            #expect(try await scan(folder).failures == first.failures && loads(folder) == 2)
        }
    }
}
