import Foundation
import Testing
import ZooKit
import ZooPlugins

@Suite("the search path")
struct PluginSearchPathTests {
    @Test("lists the built-in folder, then the options, then ZOO_PLUGIN_PATH, each once and absolute")
    func order() {
        let path = PluginSearchPath(
            builtIn: "/opt/zoo", added: "/added", options: ["plugins", "/a"], environment: ["ZOO_PLUGIN_PATH": "/b:/a::/c/../d"])
        let working = FileManager.default.currentDirectoryPath
        #expect(path.folders == ["/opt/zoo", "/added", working + "/plugins", "/a", "/b", "/d"])
    }

    @Test("finds lib*.so and lib*.dylib, sorted, and nothing else")
    func files() async throws {
        try await PluginFixture.withFolder { folder in
            for name in ["libB.so", "libA.dylib", "libC.la", "C.so", "libD.so.1", "notes.txt"] {
                try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            let path = PluginSearchPath(builtIn: nil, added: nil, options: [folder], environment: [:])
            #expect(try path.files() == ["\(folder)/libA.dylib", "\(folder)/libB.so"])
        }
    }

    @Test("names a folder that is not there")
    func missingFolder() {
        let path = PluginSearchPath(builtIn: nil, added: nil, options: ["/no/such/folder"], environment: [:])
        #expect { try path.files() } throws: { "\($0)".contains("/no/such/folder") && "\($0)".contains("--plugin-path") }
    }
}

@Suite("loading a plugin")
struct LoaderTests {
    /// Expects that loading the path fails with all of the texts in its sentence.
    private func expectFailure(_ path: String, _ texts: String..., location: SourceLocation = #_sourceLocation) {
        #expect(sourceLocation: location) {
            _ = try Plugin(path: path)
        } throws: { error in
            texts.allSatisfy { "\(error)".contains($0) }
        }
    }

    @Test("reads everything that a sound plugin says of itself")
    func description() async throws {
        try await PluginFixture.withFolder { folder in
            let path = try PluginFixture.compile(into: folder)
            let plugin = try Plugin(path: path).description
            #expect(plugin.toolchain == "cc")
            #expect(plugin.sha256.count == 64)
            let algorithm = try #require(plugin.algorithm("broken"))
            #expect(algorithm.title == "A fixture")
            #expect(algorithm.needs.data == [.examples] && algorithm.needs.roles == ["policy"])
            #expect(algorithm.needs.services == ["zoo.data/1", "zoo.model/1", "zoo.log/1"])
            let scale = try #require(algorithm.parameter("scale"))
            #expect(scale.kind == .number && scale.defaultValue == .number(1) && scale.minimum == 0.5 && scale.maximum == 8)
            #expect(scale.doc == "Weight of the loss.")
        }
    }

    @Test("reads presets, and refuses a plugin that was built with a draft of the contract")
    func presets() async throws {
        try await PluginFixture.withFolder { folder in
            let current = try #require(Plugin(path: PluginFixture.compile(into: folder)).description.algorithm("broken"))
            let preset = try #require(current.preset("strong"))
            #expect(preset.source == "nobody" && preset.summary == "Twice the loss." && preset.notes == ["A fixture's."])
            #expect(preset.parameters == ["scale": 2])
            expectFailure(try PluginFixture.compile("DRAFT", into: folder), "built with a draft of version 1 of the plugin ABI")
            expectFailure(
                try PluginFixture.compile("PRESETS", into: folder), "the presets of 'broken' have one without a 'name' of lower")
        }
    }

    @Test("says what is wrong with a file that cannot be a plugin")
    func refusedFiles() async throws {
        try await PluginFixture.withFolder { folder in
            let path = try PluginFixture.compile(into: folder)
            expectFailure("libsound.so", "absolute path")
            expectFailure(folder + "/libnone.so", "no such file")
            try Data("dlname='libevil.so'".utf8).write(to: URL(fileURLWithPath: folder + "/libx.la"))
            expectFailure(folder + "/libx.la", ".la")
            try Data("text".utf8).write(to: URL(fileURLWithPath: folder + "/libtext.so"))
            expectFailure(folder + "/libtext.so", "libtext.so", "cannot be loaded")
            try FileManager.default.createDirectory(atPath: folder + "/libfolder.so", withIntermediateDirectories: true)
            expectFailure(folder + "/libfolder.so", "not a regular file")
            #expect(chmod(path, 0o777) == 0)
            expectFailure(path, "writable by everyone", "chmod o-w")
            #expect(chmod(path, 0o755) == 0)
            #expect(chmod(folder, 0o777) == 0)
            expectFailure(path, "its folder \(folder) is writable by everyone")
        }
    }

    @Test("shows the true cause where a library cannot be used")
    func brokenLibraries() async throws {
        try await PluginFixture.withFolder { folder in
            expectFailure(try PluginFixture.compile("UNDEFINED_SYMBOL", into: folder), "undefined symbol: nobody_defines_this")
            expectFailure(
                try PluginFixture.compile("WRONG_MAJOR", into: folder), "version 2 of the plugin ABI", "has version 1")
            expectFailure(try PluginFixture.compile("NOT_A_PLUGIN", into: folder), "does not define zoo_plugin_entry_v1")
            expectFailure(try PluginFixture.compile("TRUNCATED_TABLE", into: folder), "truncated at 48 bytes")
        }
    }

    @Test("does not take the entry of a library that the file depends on")
    func entryOfADependency() async throws {
        try await PluginFixture.withFolder { folder in
            _ = try PluginFixture.compile(into: folder)
            let options = ["-L\(folder)", "-Wl,--no-as-needed", "-lsound", "-Wl,-rpath,\(folder)"]
            let path = try PluginFixture.compile("NOT_A_PLUGIN", into: folder, options: options)
            expectFailure(path, "does not define zoo_plugin_entry_v1")
        }
    }

    @Test("is not copied away from a library that it finds beside itself")
    func beside() async throws {
        try await PluginFixture.withFolder { folder in
            let helper = try PluginFixture.compile("HELPER", source: "helper.c", into: folder)
            let options = ["-L\(folder)", "-lHELPER", "-Wl,-rpath,$ORIGIN"]
            let path = try PluginFixture.compile("UNDEFINED_SYMBOL", into: folder, options: options)
            #expect(try Plugin(path: path).description.algorithms.map(\.id) == ["broken"])
            let sha256 = try #require(PluginStore.hash(of: path))
            let refusal = #expect(throws: ZooError.self) { try PluginStore.keep(path, sha256: sha256) }
            #expect(refusal?.message.hasPrefix("\(path): it needs libHELPER.so, which it finds at \(helper)") == true)
            #expect(PluginStore.found(sha256, of: path) == nil)
        }
    }

    @Test("holds parameters against the schema before the plugin does, and passes on the plugin's own refusals")
    func refusals() async throws {
        try await PluginFixture.withFolder { folder in
            let plugin = try Plugin(path: PluginFixture.compile(into: folder))
            let host = HostTable(ScriptedHost())
            let parameters = #"{"scales": 1}"#
            let refusal = #expect(throws: ZooError.self) { try plugin.create("broken", host: host, parameters: parameters) }
            #expect(refusal?.message.contains("algorithm 'broken' has no parameter 'scales'; did you mean 'scale'?") == true)
            #expect(throws: ZooError(.invalidArgument, "no parameter 'scales'; known is: scale")) {
                _ = try plugin.create("broken", host: host, parameters: parameters, isChecked: false)
            }
            #expect(throws: ZooError(.notFound, "no such algorithm; known is: broken")) {
                _ = try plugin.create("ppo", host: host)
            }
        }
    }

    @Test("a catalogue describes the sound plugins, and says of each other one why it is none, crashes included")
    func catalogue() async throws {
        try await PluginFixture.withFolder { folder in
            let sound = try PluginFixture.compile(into: folder)
            _ = try PluginFixture.compile("CRASH_IN_ENTRY", into: folder)
            _ = try PluginFixture.compile("WRONG_MAJOR", into: folder)
            let path = PluginSearchPath(builtIn: nil, added: nil, options: [folder], environment: [:])
            let catalogue = try await PluginCatalog.scan(path, executable: PluginFixture.zoo)
            #expect(catalogue.plugins.map(\.path) == [sound])
            let reasons = catalogue.failures.map(\.reason)
            #expect(reasons.count == 2)
            #expect(reasons[0].contains("libCRASH_IN_ENTRY.so") && reasons[0].contains("crashed: it trapped"))
            #expect(reasons[1].contains("version 2"))
            #expect(try catalogue.plugin(offering: "broken").path == sound)
            #expect { try catalogue.plugin(offering: "ppo") } throws: { "\($0)".contains("known are: broken") }
        }
    }
}
