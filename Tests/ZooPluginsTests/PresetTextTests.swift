import Foundation
import Testing

@Suite("what the command says of presets")
struct PresetTextTests {
    private func zoo(_ words: [String], in folder: String) throws -> (output: String, errors: String) {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: PluginFixture.zoo)
        process.arguments = ["plugins"] + words + ["--plugin-path", folder]
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        func text(_ pipe: Pipe) -> String { String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
        let texts = (text(output), text(errors))
        process.waitUntilExit()
        return texts
    }

    @Test("list names the presets, show lays them beside the defaults, and shows one in full")
    func show() async throws {
        try await PluginFixture.withFolder { folder in
            _ = try PluginFixture.compile(into: folder)
            let lines = try zoo(["list"], in: folder).output.split(separator: "\n")
            #expect(lines.contains { $0 == "    @strong" })
            #expect(
                try zoo(["show", "broken"], in: folder).output.hasSuffix(
                    """

                    a preset sets  default  @strong
                    ─────────────  ───────  ───────
                    scale          1        2

                    broken@strong
                      Twice the loss.
                      source: nobody
                      note: A fixture's.

                    """))
            #expect(
                try zoo(["show", "broken@strong"], in: folder).output == """
                    broken@strong: A fixture

                      Twice the loss.
                      source: nobody
                      note: A fixture's.

                    parameter  value  default  set by  meaning
                    ─────────  ─────  ───────  ──────  ───────────────────
                    scale      2      1        preset  Weight of the loss.

                    """)
        }
    }

    @Test("diff shows the parameters that differ, what they do, and both sources")
    func diff() async throws {
        try await PluginFixture.withFolder { folder in
            _ = try PluginFixture.compile(into: folder)
            #expect(
                try zoo(["diff", "broken", "broken@strong"], in: folder).output == """
                    parameter  broken  broken@strong
                    ─────────  ──────  ─────────────
                    scale      1       2
                    0 more are the same.

                    scale: Weight of the loss.

                    broken
                      The defaults.

                    broken@strong
                      Twice the loss.
                      source: nobody
                      note: A fixture's.

                    """)
            let other = try zoo(["diff", "broken@strong", "sft"], in: folder).output
            for text in ["A fixture  ", "data       examples", "scale      2", "source: nobody", "\n0 more are the same."] {
                #expect(other.contains(text))
            }
            #expect(other.contains { $0 == "–" })
            #expect(
                try zoo(["diff", "broken@strong", "broken@strong"], in: folder).output.hasPrefix(
                    "Both set all parameters to the same values.\n"))
        }
    }

    @Test("a misspelt preset or algorithm gets the nearest")
    func misspelt() async throws {
        try await PluginFixture.withFolder { folder in
            _ = try PluginFixture.compile(into: folder)
            #expect(
                try zoo(["show", "broken@stong"], in: folder).errors
                    == "zoo: error: algorithm 'broken' has no preset 'stong'; did you mean 'broken@strong'? It has: strong\n")
            #expect(
                try zoo(["diff", "broken", "brokn@strong"], in: folder).errors
                    == "zoo: error: no plugin offers the algorithm 'brokn'; did you mean 'broken@strong'?\n")
        }
    }
}
