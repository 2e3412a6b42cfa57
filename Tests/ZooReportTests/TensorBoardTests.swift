import Foundation
import Testing
import ZooReport

@Suite("TensorBoard event files")
struct TensorBoardTests {
    /// Records that the package tensorboard 2.21.0 wrote for the events of `write(to:)`, by its `RecordWriter` and protobufs.
    private let version = "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110"
    private let scalars =
        "3200000000000000241956ec0900002040fc54d94110ac022a240a0d0a0672657761726415cdcc4c3f0a130a0c6f626a6563746976652f6b6c"
        + "15000084c006603828"
    private let text =
        "3700000000000000e7e8ca590900002040fc54d94110ac022a290a270a0773616d706c657342120807120412020801420861207c206220c3a9"
        + "4a080a060a0474657874529e8d42"

    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func open(_ folder: URL, after step: Int = 0) throws -> TensorBoardWriter {
        try TensorBoardWriter(folder: folder, after: step) { Date(timeIntervalSince1970: 1_700_000_000.5) }
    }

    private func write(to writer: TensorBoardWriter) throws {
        try writer.scalars([("reward", 0.8), ("objective/kl", -4.125)], step: 300)
        try writer.text("a | b é", tag: "samples", step: 300)
    }

    private func hex(_ folder: URL) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        try #require(names.count == 1)
        return try Data(contentsOf: folder.appending(path: names[0])).map { String(format: "%02x", $0) }.joined()
    }

    @Test("the bytes are those that TensorBoard's own writer makes, and lie in the file before it is closed")
    func bytes() throws {
        try inFolder { folder in
            try write(to: open(folder))
            #expect(try hex(folder) == version + scalars + text)
        }
    }

    @Test("a resumed run keeps the steps up to its checkpoint and writes none twice")
    func resume() throws {
        try inFolder { folder in
            let first = try open(folder)
            try write(to: first)
            try first.scalars([("reward", 1)], step: 301)
            try first.close()
            let second = try open(folder, after: 300)
            #expect(try hex(folder) == version + scalars + text)
            try write(to: second)
            #expect(try hex(folder) == version + scalars + text + scalars + text)
        }
    }

    @Test("what is written once after the last step is dropped by a run that goes on from that step")
    func end() throws {
        try inFolder { folder in
            let first = try open(folder)
            try write(to: first)
            try first.scalars([("evaluation/gold", 1)], step: 300)
            try first.text("a", tag: "samples/0", step: 300)
            try first.close()
            let date = Date(timeIntervalSince1970: 1_700_000_000.5)
            _ = try TensorBoardWriter(folder: folder, after: 300, droppingEnd: ["evaluation/", "samples/"]) { date }
            #expect(try hex(folder) == version + scalars + text)
        }
    }

    @Test("a record that a crash cut off is dropped, whole ones before it stay", arguments: [1, 5, 13, 30])
    func crash(cut: Int) throws {
        try inFolder { folder in
            try write(to: open(folder))
            let name = try FileManager.default.contentsOfDirectory(atPath: folder.path)[0]
            let file = folder.appending(path: name)
            try Data(contentsOf: file).dropLast(cut).write(to: file)
            _ = try open(folder, after: 300)
            #expect(try hex(folder) == version + scalars)
        }
    }

    @Test("a run that begins anew leaves nothing of an older one")
    func anew() throws {
        try inFolder { folder in
            try write(to: open(folder))
            _ = try open(folder)
            #expect(try hex(folder) == version)
        }
    }
}
