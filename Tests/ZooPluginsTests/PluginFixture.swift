import Foundation
import Testing

/// Plugins that the tests compile, and the executable that runs their workers.
enum PluginFixture {
    /// `zoo`, built beside the test bundle.
    static let zoo = folder + "/zoo"

    /// Where the test bundle and the built-in plugins lie.
    static let folder =
        Bundle.main.bundleURL.pathExtension == "xctest"
        ? Bundle.main.bundleURL.deletingLastPathComponent().path : Bundle.main.bundlePath

    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    /// Compiles `broken.c` with -DBROKEN_x, or as it is, and returns the library's path.
    static func compile(_ defect: String? = nil, into folder: String, options: [String] = []) throws -> String {
        let library = "\(folder)/lib\(defect ?? "sound").so"
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            ["cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden"]
            + (defect.map { ["-DBROKEN_\($0)"] } ?? [])
            + [
                "-I", tests.appending(path: "../../Sources/CZoo/include").path, tests.appending(path: "Fixtures/broken.c").path,
                "-o", library,
            ]
            + options + ["-lm"]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "cc failed on broken.c with BROKEN_\(defect ?? "nothing")")
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
