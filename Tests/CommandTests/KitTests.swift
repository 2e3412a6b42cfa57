import Foundation
import Testing

/// What authors of plugins get: templates, their build files, the places of headers and libraries, `make install`, the pages.
@Suite("the kit")
struct KitTests {
    private static let kit = Command.root.appending(path: "Sources/CZoo/kit")

    /// Runs a command line of a shell to its end; its status and output.
    private static func shell(_ line: String, in folder: URL, _ environment: [String: String] = [:]) throws -> Command.Result {
        let output = folder.appending(path: ".shell-\(UUID().uuidString)")
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        return Command.Result(
            status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8), errors: "")
    }

    private static func has(_ program: String) -> Bool {
        (try? shell("command -v \(program)", in: FileManager.default.temporaryDirectory).status) == 0
    }

    private static let sound = "--only contract/step --only numerics/gradients --only state/damaged"

    private static let compiled = ["c", "cpp"] + (has("cargo") ? ["rust"] : [])

    @Test(
        "a new plugin builds by its own build file and passes the checks as it is", arguments: compiled,
        ["reinforce", "grpo", "dpo"])
    func builds(language: String, like: String) throws {
        try Command.inFolder { zoo in
            let made = try zoo("plugins", "new", "my-\(like)", "--language", language, "--like", like)
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output == "make -C my-\(like) check\n")
            let cargo = FileManager.default.temporaryDirectory.appending(path: "zoo-kit-cargo").path
            let built = try Self.shell("make -C my-\(like) all", in: zoo.folder, ["CARGO_TARGET_DIR": cargo])
            try #require(built.status == 0, "\(built.output)")
            let library = "my-\(like)/build/libmy_\(like).so"
            let checked = try zoo.run(["plugins", "check", library] + Self.sound.split(separator: " ").map(String.init))
            #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
            #expect(checked.output.contains("numerics/gradients my-\(like)"))
            let left = try Self.shell(
                "grep -rlE 'my-plugin|my_plugin|MyPlugin|@[A-Z_]+@' my-\(like) --exclude-dir=build", in: zoo.folder)
            #expect(left.output.isEmpty, "a template's name is left in \(left.output)")
        }
    }

    @Test("the templates in Swift fit ZooKit", arguments: ["reinforce", "grpo", "dpo"])
    func swift(like: String) throws {
        let source = Self.kit.appending(path: "templates/swift/\(like)/Sources/MyPlugin/MyPlugin.swift").path
        let modules = Command.executable.deletingLastPathComponent().appending(path: "Modules").path
        let headers = Command.root.appending(path: "Sources/CZoo/include").path
        let checked = try Self.shell(
            "swiftc -typecheck -parse-as-library -swift-version 6 -warnings-as-errors -I '\(modules)' -I '\(headers)' '\(source)'",
            in: FileManager.default.temporaryDirectory)
        #expect(checked.status == 0, "\(checked.output)")
    }

    @Test("ZooKit is a package that a new plugin's manifest takes by URL and version, alone and without unsafe flags")
    func byVersion() throws {
        try Command.inFolder { zoo in
            let person = [
                "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
            ]
            let kit = zoo.path("PolicyZooKit").path
            let made = try Self.shell(
                "make -C '\(Command.root.path)' zookit DIR='\(kit)' VERSION=1.2.0", in: zoo.folder, person)
            try #require(made.status == 0, "\(made.output)")
            let described = try Self.shell("swift package --package-path '\(kit)' dump-package", in: zoo.folder)
            #expect(described.output.contains("\"ZooKit\"") && !described.output.contains("unsafeFlags"))

            #expect(try zoo("plugins", "new", "mine", "--language", "swift").status == 0)
            let manifest = zoo.path("mine/Package.swift")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
                $0.hasPrefix("    dependencies:") ? "    dependencies: [.package(url: \"file://\(kit)\", from: \"1.0.0\")]," : $0
            }
            try lines.joined(separator: "\n").write(to: manifest, atomically: true, encoding: .utf8)
            let scratch = "--cache-path '\(zoo.path("cache").path)'"
            let resolved = try Self.shell("swift package \(scratch) show-dependencies", in: zoo.path("mine"))
            #expect(resolved.status == 0 && resolved.output.contains("PolicyZooKit@1.2.0"), "\(resolved.output)")
            #expect(resolved.output.components(separatedBy: "@1.2.0").count == 2)
        }
    }

    @Test("a new plugin learns, by name, from outside of the tree, and can be traced")
    func trains() throws {
        try Command.inFolder { zoo in
            #expect(try zoo("plugins", "new", "mine", "--language", "c", "--output", "there").status == 0)
            try #require(try Self.shell("make -C there all", in: zoo.folder).status == 0)
            let tested = try Self.shell(
                "sed -i '/plugins check/d' there/test.sh && ZOO='\(Command.executable.path)' there/test.sh", in: zoo.folder,
                ["POLICYZOO_CACHE": zoo.path("cache").path])
            #expect(tested.status == 0, "\(tested.output)")
            #expect(tested.output.contains("common/reward: "))

            let traced = try zoo("plugins", "trace", "mine", "--plugin-path", "there/build", "--limit", "3")
            #expect(traced.status == 0, "\(traced.errors)")
            let lines = try traced.output.split(separator: "\n").map {
                try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            let calls = lines.compactMap { $0["call"] as? String }
            #expect(
                calls.prefix(7) == [
                    "zoo.data/1 prompts", "zoo.rollout/1 generate", "zoo.reward/1 score", "zoo.model/1 forward", "loss",
                    "zoo.model/1 accumulate", "zoo.model/1 optimizer_step",
                ])
            #expect(Set(calls.dropFirst(7)) == ["zoo.log/1 metric"])
            let loss = try #require(lines.first { $0["call"] as? String == "loss" })
            let gradient = try #require((loss["gradients"] as? [[String: Any]])?.first)
            #expect(gradient["name"] as? String == "logp")
            #expect((gradient["values"] as? [Double])?.count == 3)
            #expect(!FileManager.default.fileExists(atPath: zoo.path("runs").path))
        }
    }

    @Test("what cannot be written is refused with what can")
    func refused() throws {
        try Command.inFolder { zoo throws in
            func errors(_ arguments: String...) throws -> String {
                let result = try zoo.run(["plugins", "new"] + arguments)
                #expect(result.status != 0)
                return result.errors
            }
            #expect(
                try errors("x", "--language", "zig", "--like", "dpo").contains("Zig has no template of 'dpo'; it has: reinforce"))
            #expect(try errors("x", "--language", "c", "--like", "ppo").contains("it has: dpo, grpo, reinforce"))
            #expect(try errors("grpo", "--language", "c").contains("libGRPO.so; choose another name"))
            #expect(try errors("My_Plugin", "--language", "c").contains("lower-case letters, digits and hyphens"))
            #expect(try errors("x", "--language", "fortran").contains("fortran"))
            #expect(try zoo("plugins", "new", "x", "--language", "c").status == 0)
            #expect(try errors("x", "--language", "c").contains("x exists; name another folder"))
        }
    }

    @Test("a plugin for a compiler that is not here is written, with how to get it")
    func absent() throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["PATH"] = "/nowhere"
            let made = try zoo("plugins", "new", "x", "--language", "zig")
            #expect(made.status == 0)
            #expect(made.errors.contains("zig is not installed; get it from https://ziglang.org/download"))
            #expect(FileManager.default.fileExists(atPath: zoo.path("x/src/main.zig").path))
        }
    }

    @Test("what make install writes needs no source tree, is found by sdk, pkg-config and its own files, and goes again")
    func installs() throws {
        try Command.inFolder { zoo in
            let prefix = zoo.path("usr").path
            let installed = try Self.shell("make -C '\(Command.root.path)' install PREFIX='\(prefix)'", in: zoo.folder)
            try #require(installed.status == 0, "\(installed.output)")
            #expect(installed.output.contains("libtorch stays in /"))
            let sdk = try Self.shell("'\(prefix)/bin/zoo' plugins sdk", in: zoo.folder)
            #expect(sdk.status == 0)
            #expect(sdk.output.contains("include-dir:   \(prefix)/include\n"))
            for path in sdk.output.split(separator: "\n").dropFirst(2).compactMap({ $0.split(separator: " ").last }) {
                #expect(FileManager.default.fileExists(atPath: String(path)), "\(path)")
            }
            let listed = try Self.shell("'\(prefix)/bin/zoo' plugins list", in: zoo.folder)
            #expect(listed.output.contains("libGRPO.so"))
            let package = "PKG_CONFIG_PATH='\(prefix)/lib/pkgconfig' pkg-config"
            let built = try Self.shell(
                "cc -std=c99 $(\(package) --cflags policyzoo) '\(Command.root.path)/Plugins/Reinforce/reinforce.c' "
                    + "$(\(package) --libs policyzoo) -o '\(prefix)/libmine.so'", in: zoo.folder)
            if Self.has("pkg-config") { #expect(built.status == 0, "\(built.output)") }
            let link = try FileManager.default.subpathsOfDirectory(atPath: prefix + "/share").filter { path in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(prefix)/share/\(path)")) != nil
            }
            #expect(link.isEmpty, "\(link) lead out of the installation")
            try? FileManager.default.removeItem(atPath: prefix + "/libmine.so")
            _ = try Self.shell("make -C '\(Command.root.path)' uninstall PREFIX='\(prefix)'", in: zoo.folder)
            let left = try FileManager.default.subpathsOfDirectory(atPath: prefix).filter { path in
                var isFolder: ObjCBool = false
                return !FileManager.default.fileExists(atPath: "\(prefix)/\(path)", isDirectory: &isFolder) || !isFolder.boolValue
            }
            #expect(left.isEmpty, "\(left)")
        }
    }

    @Test("the blocks of the page on C are those of the template, and its diff applies, compiles and is right")
    func page() throws {
        let page = try String(contentsOf: Self.kit.appending(path: "WriteInC.md"), encoding: .utf8)
        let template = Self.kit.appending(path: "templates/c/grpo/my_plugin.c")
        let source = try String(contentsOf: template, encoding: .utf8)
        let blocks = page.components(separatedBy: "```c\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
        #expect(blocks.count == 4)
        for block in blocks {
            #expect(source.contains(block.trimmingCharacters(in: .newlines)), "not in the template:\n\(block)")
        }

        let diff = try #require(page.components(separatedBy: "```diff\n").last?.components(separatedBy: "```").first)
        let changed = diff.split(separator: "\n").filter { $0.hasPrefix("+") || $0.hasPrefix("-") }.count - 2
        #expect(changed == 16)
        #expect(page.contains("in \(changed) changed lines"))
        try Command.inFolder { zoo in
            try diff.write(to: zoo.path("diff"), atomically: true, encoding: .utf8)
            try source.write(to: zoo.path("my_plugin.c"), atomically: true, encoding: .utf8)
            let built = try Self.shell(
                "patch -s -p1 < diff && cc -std=c99 -Wall -Wextra -Werror -I '\(Command.root.path)/Sources/CZoo/include' -fPIC "
                    + "-fvisibility=hidden -shared my_plugin.c -lm -o libmine.so", in: zoo.folder)
            try #require(built.status == 0, "\(built.output)")
            let checked = try zoo("plugins", "check", "libmine.so", "--only", "numerics")
            #expect(checked.status == 0, "\(checked.output)")
        }
    }
}
