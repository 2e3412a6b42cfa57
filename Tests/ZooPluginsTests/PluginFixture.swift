import Foundation
import Testing
import ZooPlugins

/// Plugins that the tests compile, and the executable that runs their workers.
enum PluginFixture {
    /// `zoo`, built beside the test bundle.
    static let zoo = folder + "/zoo"

    /// What loads plugins without libtorch.
    static let worker = Worker.loader(beside: zoo)

    /// Where the test bundle and the built-in plugins lie.
    static let folder =
        Bundle.main.bundleURL.pathExtension == "xctest"
        ? Bundle.main.bundleURL.deletingLastPathComponent().path : Bundle.main.bundlePath

    /// The Swift runtime that `zoo` loads; nil if it is linked in.
    static var swiftCore: String? {
        get throws {
            let (ldd, output) = (Process(), Pipe())
            ldd.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            ldd.arguments = ["ldd", zoo]
            ldd.standardOutput = output
            try ldd.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            ldd.waitUntilExit()
            return text.firstMatch(of: /=> (\/\S*\/libswiftCore\.so)/).map { String($0.1) }
        }
    }

    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    /// Compiles a fixture, `broken.c` unless another is named, with -DBROKEN_x, or as it is, and returns the library's path.
    static func compile(_ defect: String? = nil, source: String = "broken.c", into folder: String, options: [String] = []) throws
        -> String
    {
        let name = (defect ?? "sound").map { $0.isLetter || $0.isNumber || $0 == "_" ? String($0) : "-" }.joined()
        let library = "\(folder)/lib\(name).so"
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            ["cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden"]
            + (defect.map { ["-DBROKEN_\($0)"] } ?? [])
            + [
                "-I", tests.appending(path: "../../Sources/CZoo/include").path, tests.appending(path: "Fixtures/\(source)").path,
                "-o", library,
            ]
            + options + ["-lm", "-pthread"]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "cc failed on \(source) with BROKEN_\(defect ?? "nothing")")
        return library
    }

    /// Runs `body` with the path of a new folder that is removed afterwards.
    static func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder.path)
    }
}
