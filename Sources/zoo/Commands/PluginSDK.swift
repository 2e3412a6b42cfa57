import ArgumentParser
import ZooBase

extension Plugins {
    struct SDK: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sdk",
            abstract: "Print where the headers, flags and libraries for building a plugin are.",
            discussion: """
                Of the running installation or source tree; several options print their answers on one line, in the order below.

                  cc $(zoo plugins sdk --cflags) mine.c $(zoo plugins sdk --libs) -o libmine.so
                  cmake -B build -DPolicyZoo_DIR="$(zoo plugins sdk --cmake-dir)"
                """)

        @Flag(help: "Options of the C or C++ compiler.") var cflags = false
        @Flag(help: "Options of the linker: a shared library with one exported symbol.") var libs = false
        @Flag(help: "The folder of zoo/zoo.h.") var includeDir = false
        @Flag(help: "The folder of PolicyZooConfig.cmake, for find_package(PolicyZoo).") var cmakeDir = false
        @Flag(help: "The folder of the Rust crate zoo-plugin.") var crate = false
        @Flag(help: "The folder of the Swift package ZooKit.") var swiftPackage = false
        @Flag(help: "The linker's list of exported symbols.") var exportMap = false
        @Flag(help: "The folder of the templates of `zoo plugins new`.") var templates = false

        func run() throws {
            let kit = try PluginKit.find()
            let answers = [
                (cflags, "cflags", kit.compilerFlags), (libs, "libs", kit.linkerFlags), (includeDir, "include-dir", kit.headers),
                (cmakeDir, "cmake-dir", kit.cmake), (crate, "crate", kit.crate),
                (swiftPackage, "swift-package", kit.swiftPackage),
                (exportMap, "export-map", kit.exportMap), (templates, "templates", kit.templates),
            ]
            guard answers.contains(where: \.0) else {
                return try StandardOutput.print(
                    answers.map { "\(($0.1 + ":").padding(toLength: 15, withPad: " ", startingAt: 0))\($0.2)" }.joined(
                        separator: "\n"))
            }
            try StandardOutput.print(answers.filter(\.0).map(\.2).joined(separator: " "))
        }
    }
}
