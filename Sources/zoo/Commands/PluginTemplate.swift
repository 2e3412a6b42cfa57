import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooReport

/// The files that a new plugin begins with: real files of the kit, in which `my-plugin`, `my_plugin` and `MyPlugin` stand for its name.
struct PluginTemplate {
    enum Language: String, CaseIterable {
        case c, cpp, rust, swift, zig

        var title: String {
            switch self {
            case .c: "C"
            case .cpp: "C++"
            case .rust: "Rust"
            case .swift: "Swift"
            case .zig: "Zig"
            }
        }

        var compiler: String {
            switch self {
            case .c: "cc"
            case .cpp: "c++"
            case .rust: "cargo"
            case .swift: "swift"
            case .zig: "zig"
            }
        }

        var howToInstall: String {
            switch self {
            case .c: "get it with: apt-get install gcc, or xcode-select --install"
            case .cpp: "get it with: apt-get install g++, or xcode-select --install"
            case .rust: "get it from https://rustup.rs"
            case .swift: "get Swift 6.3 from https://swift.org/install"
            case .zig: "get it from https://ziglang.org/download, or with: pip install ziglang"
            }
        }
    }

    /// The name of a plugin in the spellings that languages want.
    struct Names {
        /// "my-plugin", the algorithm's id.
        let id: String
        /// "my_plugin", of files and crates.
        var snake: String { id.replacing("-", with: "_") }
        /// "MyPlugin", of modules.
        var camel: String { id.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() }

        /// Names that a language or a library of the kit has taken.
        private static let taken: Set<String> = [
            "swift", "foundation", "zoo", "zoo-kit", "zoo-plugin", "core", "std", "alloc", "test",
        ]

        /// - Throws: `.invalidArgument` for a name that is no id, or that could not be built.
        init(_ id: String) throws {
            let isLegal = id.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z0-9]+)*/) != nil && id.count <= 64
            guard isLegal, !Self.taken.contains(id) else {
                throw ZooError(
                    .invalidArgument,
                    "a plugin cannot be called '\(id)'; expected lower-case letters, digits and hyphens, such as my-method"
                        + (isLegal ? ", and no name of the language's own" : ""))
            }
            self.id = id
        }
    }

    private let kit: PluginKit
    private let language: Language
    private let like: String

    /// - Throws: `.notFound` with what exists, where the language has no template of that algorithm.
    init(kit: PluginKit, language: Language, like: String) throws {
        (self.kit, self.language, self.like) = (kit, language, like)
        let known = Self.algorithms(of: language, in: kit)
        guard known.contains(like) else {
            throw ZooError(
                .notFound, "\(language.title) has no template of '\(like)'; it has: \(known.joined(separator: ", "))")
        }
    }

    /// The algorithms that a language has templates of.
    static func algorithms(of language: Language, in kit: PluginKit) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: "\(kit.templates)/\(language.rawValue)")
        return (names ?? []).filter { $0 != "common" }.sorted()
    }

    /// Writes the files into a folder that is not yet there.
    func write(_ names: Names, to folder: URL) throws {
        guard !FileManager.default.fileExists(atPath: folder.path) else {
            throw ZooError(.alreadyExists, "\(folder.shortPath) exists; name another folder with --output")
        }
        let parts = ["common", "\(language.rawValue)/common", "\(language.rawValue)/\(like)"]
        var files: [(path: String, source: String)] = [("recipe.yaml", "\(kit.templates)/recipes/\(like).yaml")]
        for part in parts {
            let base = "\(kit.templates)/\(part)"
            for path in try FileManager.default.subpathsOfDirectory(atPath: base).sorted() where !Self.isFolder("\(base)/\(path)")
            {
                files.append((path, "\(base)/\(path)"))
            }
        }
        let source = files.last.map { filled($0.path, names, source: "") } ?? ""
        for file in files {
            let target = folder.appending(path: filled(file.path, names, source: ""))
            try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            let text = try String(contentsOfFile: file.source, encoding: .utf8)
            try Data(filled(text, names, source: source).utf8).write(to: target)
            if FileManager.default.isExecutableFile(atPath: file.source) {
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: target.path)
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The text with the plugin's name and the kit's places.
    private func filled(_ text: String, _ names: Names, source: String) -> String {
        let places = [
            ("my-plugin", names.id), ("my_plugin", names.snake), ("MyPlugin", names.camel), ("@ZOO@", Self.command),
            ("@CRATE@", kit.crate), ("@SWIFT_PACKAGE@", kit.swiftPackage), ("@HEADERS@", kit.headers), ("@LIKE@", like),
            ("@LANGUAGE@", language.title), ("@SOURCE@", source),
        ]
        return places.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    /// How the new folder's files call zoo: by its name if that finds this one, otherwise by its path.
    private static var command: String {
        let path = Worker.runningExecutable
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let first = folders.map { "\($0)/zoo" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        let found = first.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
        return found == URL(fileURLWithPath: path).resolvingSymlinksInPath().path ? "zoo" : path.shellWord
    }
}
