import CZoo
import Foundation
import Testing
import ZooKit
import ZooPlugins

/// Versions of the contract against each other: what was built once works in every host of version 1, and the other way round.
@Suite("versions of the contract")
struct VersionTests {
    /// The minor versions that were released, "1.0" and so on.
    private static var released: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: Fixture.released).sorted()) ?? []
    }

    @Test("every released version is kept, this one too")
    func kept() {
        #expect(Self.released.contains("\(ZOO_ABI_MAJOR).\(ZOO_ABI_MINOR)"))
    }

    @Test("every field, type and constant of a released version stands where it stood", arguments: released)
    func layout(version: String) throws {
        let (status, output) = try Fixture.run(
            "cc", ["-std=gnu11", "-x", "c", "-fsyntax-only", "-I", Fixture.headers, "\(Fixture.released)/\(version)/layout.h"])
        #expect(status == 0, "\(output)")
    }

    @Test(
        "the layout's check sees fields that change places, types that change, and constants that change",
        arguments: [
            ("model.h", "int32_t (*forward)(", "int32_t (*forwards)("),
            ("plugin.h", "    /// 1 when the run is to stop", "    void *new_field;\n    /// 1 when the run is to stop"),
            (
                "model.h", "    double gradient_norm;     ///< before clipping\n    double learning_rate;",
                "    double learning_rate;\n    double gradient_norm;"
            ),
            ("data.h", "int32_t (*prompts)", "int32_t (*zwischen)"),
            ("rng.h", "uint64_t *out, uint64_t n", "uint32_t *out, uint64_t n"),
            ("base.h", "#define ZOO_I32 3u", "#define ZOO_I32 4u"),
            ("log.h", "\"zoo.log/1\"", "\"zoo.logs/1\""),
            ("batch.h", "    const uint8_t *mask; ", "    const int8_t *mask; "),
        ])
    func seen(header: String, text: String, replacement: String) throws {
        try Fixture.withFolder { folder in
            try FileManager.default.copyItem(atPath: Fixture.headers, toPath: folder + "/include")
            let file = "\(folder)/include/zoo/\(header)"
            let before = try String(contentsOfFile: file, encoding: .utf8)
            try #require(before.contains(text))
            try before.replacing(text, with: replacement).write(toFile: file, atomically: true, encoding: .utf8)
            let (status, _) = try Fixture.run(
                "cc",
                ["-std=gnu11", "-x", "c", "-fsyntax-only", "-I", folder + "/include", "\(Fixture.released)/1.0/layout.h"])
            #expect(status != 0)
        }
    }

    @Test("two functions of one type that change places are seen")
    func exchanged() throws {
        try Fixture.withFolder { folder in
            try FileManager.default.copyItem(atPath: Fixture.headers, toPath: folder + "/include")
            let file = folder + "/include/zoo/data.h"
            let before = try String(contentsOfFile: file, encoding: .utf8)
            let after = before.replacing("(*pairs)", with: "(*third)").replacing("(*examples)", with: "(*pairs)")
                .replacing("(*third)", with: "(*examples)")
            try after.write(toFile: file, atomically: true, encoding: .utf8)
            let (status, output) = try Fixture.run(
                "cc",
                ["-std=gnu11", "-x", "c", "-fsyntax-only", "-I", folder + "/include", "\(Fixture.released)/1.0/layout.h"])
            #expect(status != 0 && output.contains("zoo_data_v1.pairs moved"))
        }
    }

    @Test("a library of a released version works, as one that is built today", arguments: released)
    func olderPlugin(version: String) throws {
        #if arch(x86_64) && os(Linux)
            let kept = try Plugin(path: "\(Fixture.released)/\(version)/plugin-x86_64-linux.so")
            try Fixture.withFolder { folder in
                let current = try Plugin(path: Fixture.compile(Fixture.headers, into: folder, name: "current"))
                #expect(try Fixture.record(kept, "released") == Fixture.record(current, "released"))
            }
        #endif
    }

    @Test("a plugin works in a host whose every struct is longer")
    func newerHost() throws {
        try Fixture.withFolder { folder in
            let plugin = try Plugin(path: Fixture.compile(Fixture.headers, into: folder, name: "current"))
            let expected = try Fixture.record(plugin, "released")
            #expect(expected.metric("loss") != nil && expected.metric("iteration") == 3 && expected.metric("run_seed") == 11)
            #expect(expected.updates == ["policy", "policy"] && expected.blends.count == 2)
            for tail in [8, 16, 256] {
                #expect(try Fixture.record(plugin, "released") { Arena(tail: tail) } == expected)
            }
            let grpo = try Plugin(path: Fixture.products + "/libGRPO.so")
            let parameters = #"{"prompts": 2, "samples": 2}"#
            #expect(
                try Fixture.record(grpo, "grpo", parameters: parameters) { Arena(tail: 24) }
                    == Fixture.record(grpo, "grpo", parameters: parameters))
        }
    }

    @Test("a plugin whose every struct is longer works in this host")
    func newerPlugin() throws {
        try Fixture.withFolder { folder in
            let grown = try Fixture.grownHeaders(in: folder)
            let newer = try Plugin(path: Fixture.compile(grown, into: folder, name: "newer"))
            #expect(newer.description.abiMinor == Int(ZOO_ABI_MINOR) + 1)
            let current = try Plugin(path: Fixture.compile(Fixture.headers, into: folder, name: "current"))
            #expect(try Fixture.record(newer, "released") == Fixture.record(current, "released"))
        }
    }

    @Test("a target of 32 bits is refused by a sentence")
    func narrow() throws {
        try Fixture.withFolder { folder in
            let file = folder + "/narrow.c"
            try "#include <stdint.h>\n#undef UINTPTR_MAX\n#define UINTPTR_MAX 0xFFFFFFFF\n#include \"zoo/zoo.h\"\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            let (status, output) = try Fixture.run("cc", ["-fsyntax-only", "-I", Fixture.headers, file])
            #expect(status != 0 && output.contains("is for 64-bit targets"))
        }
    }
}
