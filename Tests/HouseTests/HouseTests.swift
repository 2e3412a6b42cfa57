import Foundation
import Testing

@Suite("the house")
struct HouseTests {
    private static func imports(of code: String) -> [String] {
        code.matches(of: /^(?:public |package )?import (?:\w+ )?(\w+)/.anchorsMatchLineEndings()).map { String($0.output.1) }
    }

    @Test("every module of Sources has its place")
    func isComplete() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: House.root.appending(path: "Sources").path)
        #expect(Set(folders.filter { !$0.contains(".") }) == Set(House.imports.keys))
    }

    @Test("a module imports only what lies below it", arguments: House.imports.keys.sorted())
    func modules(name: String) throws {
        let allowed = Set(House.imports[name] ?? [])
        for other in allowed { #expect(House.imports[other]?.contains(name) == false, "\(name) and \(other) import one another") }
        for file in try House.files("Sources/\(name)") {
            for found in Self.imports(of: file.code) where House.imports[found] != nil {
                #expect(allowed.contains(found), "\(file.path) imports \(found)")
            }
        }
    }

    @Test("a plugin imports ZooKit and nothing else of the package")
    func plugins() throws {
        let files = try House.files("Plugins")
        #expect(!files.isEmpty)
        for file in files {
            for found in Self.imports(of: file.code) where House.imports[found] != nil {
                #expect(["ZooKit", "CZoo"].contains(found), "\(file.path) imports \(found)")
            }
        }
    }

    @Test("a room knows only the rooms below it", arguments: House.rooms.keys.sorted())
    func rooms(module: String) throws {
        let order = [""] + (House.rooms[module] ?? [])
        let files = try House.files("Sources/\(module)")
        #expect(Set(files.map(\.room)).subtracting(order).isEmpty, "the rooms of \(module) are \(order.dropFirst())")
        var homes: [String: Set<Int>] = [:]
        for file in files {
            guard let level = order.firstIndex(of: file.room) else { continue }
            for name in House.declared(in: file.code) { homes[name, default: []].insert(level) }
        }
        for file in files {
            guard let level = order.firstIndex(of: file.room) else { continue }
            let known = House.words(of: file.code)
            for (name, levels) in homes where known.contains(Substring(name)) {
                guard let lowest = levels.min(), lowest > level else { continue }
                Issue.record("\(file.path) names \(name), which is in \(order[lowest])/")
            }
        }
    }

    @Test("every file that a page names is where the page says", arguments: ["Sources/README.md", ".github/CONTRIBUTING.md"])
    func pages(page: String) throws {
        let text = try String(contentsOf: House.root.appending(path: page), encoding: .utf8)
        let named = text.matches(of: /`((\w+)\/[\w\/+.-]+)`/).filter { House.imports[String($0.output.2)] != nil }
        #expect(named.count > 1)
        for path in named.map({ "Sources/\($0.output.1)" }) {
            #expect(FileManager.default.fileExists(atPath: House.root.appending(path: path).path), "\(page) names \(path)")
        }
    }

    @Test("no file is longer than 400 lines", arguments: ["Sources", "Plugins", "Tests"])
    func lengths(folder: String) throws {
        for file in try House.files(folder, endings: [".swift", ".cpp", ".hpp", ".c", ".h", ".py"]) {
            let count = file.code.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(count <= 401, "\(file.path) has \(count) lines; split it by role")
        }
    }
}
