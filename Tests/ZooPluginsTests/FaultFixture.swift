import Foundation
import Testing
import ZooPlugins

/// `faults.c`, compiled once: what a copy of it breaks, its file's name says.
enum FaultFixture {
    private static let compiled = Result { try compile() }

    /// The library of a kind in a folder.
    static func library(_ kind: String, in folder: String) throws -> String {
        let path = "\(folder)/libfault-\(kind).so"
        try FileManager.default.copyItem(atPath: try compiled.get(), toPath: path)
        return path
    }

    private static func compile() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-faults-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let library = folder.appending(path: "libfault-none.so").path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = [
            "cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra",
            "-Wno-unused-function", "-Werror", "-I", PluginFixture.tests.appending(path: "../../Sources/CZoo/include").path,
            PluginFixture.tests.appending(path: "Fixtures/faults.c").path, "-o", library, "-lm",
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "cc failed on faults.c")
        return library
    }
}
