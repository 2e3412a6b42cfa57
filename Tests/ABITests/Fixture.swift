import CZoo
import Foundation
import Testing
import ZooKit
import ZooPlugins

/// What the tests of the contract compile and run.
enum Fixture {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let source = tests.appending(path: "plugin.c").path
    static let layout = tests.appending(path: "layout.py").path
    static let released = tests.appending(path: "Released").path
    static let headers = tests.appending(path: "../../Sources/CZoo/include").standardized.path
    static let kit = tests.appending(path: "../../Sources/ZooKit").standardized.path

    /// The built-in plugins lie where the test bundle does.
    static let products =
        Bundle.main.bundleURL.pathExtension == "xctest"
        ? Bundle.main.bundleURL.deletingLastPathComponent().path : Bundle.main.bundlePath

    /// Runs a program to its end: its status, and what it printed to both streams.
    static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// Runs `body` with the path of a new folder that is removed afterwards.
    static func withFolder<R>(_ body: (String) throws -> R) throws -> R {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path)
    }

    /// The headers with one more field in every struct, and the next minor version.
    static func grownHeaders(in folder: String) throws -> String {
        let out = folder + "/grown"
        let (status, output) = try run("python3", [layout, "grow", headers, out])
        try #require(status == 0, "\(output)")
        return out
    }

    /// `plugin.c` by these headers, as a library.
    static func compile(_ headers: String, into folder: String, name: String) throws -> String {
        let library = "\(folder)/lib\(name).so"
        let (status, output) = try run(
            "cc",
            [
                "-std=c11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-I", headers, source, "-o",
                library,
            ])
        try #require(status == 0, "\(output)")
        return library
    }

    /// Two prompts of one token with two answers each, and numbers that follow from what is asked.
    static var script: ScriptedHost.Script {
        var script = ScriptedHost.Script()
        script.position = RunPosition(progress: 0.25, iteration: 3, seed: 11)
        script.prompts = { n in
            var batch = Batch(offsets: Array(0...n), tokens: (0..<Int32(n)).map { $0 }, mask: Array(repeating: false, count: n))
            batch.set(Column("row", perStep: false, .i64((0..<Int64(n)).map { $0 })))
            return batch
        }
        script.generate = { _, prompts, samples in
            let count = prompts.sequenceCount * samples
            var batch = Batch(
                offsets: (0...count).map { 3 * $0 }, tokens: (0..<Int32(3 * count)).map { $0 % 7 },
                mask: (0..<3 * count).map { $0 % 3 != 0 })
            batch.set("behaviour_logp", perStep: batch.mask.map { $0 ? -1 : 0 })
            batch.set(Column("group", perStep: false, .i64((0..<count).map { Int64($0 / samples) })))
            batch.set(Column("finished", perStep: false, .u8(Array(repeating: 1, count: count))))
            batch.set(Column("row", perStep: false, .i64((0..<count).map { Int64($0 / samples) })))
            return batch
        }
        script.rewards = { rollout in
            [Column("reward", perStep: false, .f64((0..<rollout.sequenceCount).map { Double($0 * $0 % 5) }))]
        }
        script.outputs = { role, batch, wanted in
            let values = batch.mask.enumerated().map { $1 ? -0.5 - 0.125 * Double($0 % 5) : 0 }
            return Dictionary(uniqueKeysWithValues: wanted.map { ($0, values) })
        }
        return script
    }

    /// What an algorithm does in two iterations before this host.
    static func record(
        _ plugin: Plugin, _ id: String, parameters: String = "{}", makeArena: @escaping () -> Arena = { Arena() }
    ) throws -> ScriptedHost.Record {
        let host = ScriptedHost(script, seed: 5)
        let table = HostTable(host, makeArena: makeArena)
        let algorithm = try plugin.create(id, host: table, parameters: parameters)
        for _ in 0..<2 { try algorithm.step() }
        #expect(try algorithm.save().count > 0)
        #expect(table.unreleased == 0)
        return host.record
    }
}
