import Foundation

/// What may know what: the modules of `Sources`, and the rooms (folders) of each, from the ground up.
///
/// `Sources/README.md` says why.
enum House {
    /// A module may import the modules that it lists, and nothing else of this package.
    static let imports: [String: [String]] = [
        "CZoo": [], "CTorch": [], "CLtdl": [], "CPNG": [], "CParquet": [], "CProcess": [],
        "ZooKit": ["CZoo"],
        "ZooBase": [],
        "ZooTensor": ["CTorch", "ZooBase"],
        "ZooModels": ["ZooTensor", "ZooBase"],
        "ZooData": ["CPNG", "ZooBase"],
        "ZooPlugins": ["CZoo", "ZooKit", "CLtdl", "CProcess", "ZooBase", "ZooData"],
        "ZooPluginWorker": ["ZooPlugins", "ZooBase"],
        "ZooRecipe": ["ZooPlugins", "ZooKit", "ZooData", "ZooModels", "ZooBase"],
        "ZooRecords": ["ZooRecipe", "ZooPlugins", "ZooKit", "CZoo", "ZooData", "ZooBase"],
        "ZooServices": [
            "ZooRecords", "ZooRecipe", "ZooPlugins", "CZoo", "ZooKit", "ZooTensor", "ZooModels", "ZooData", "ZooBase",
        ],
        "ZooRun": [
            "ZooServices", "ZooRecords", "ZooRecipe", "ZooPlugins", "CZoo", "ZooKit", "ZooTensor", "ZooModels", "ZooData",
            "ZooBase",
        ],
        "ZooReport": ["ZooRecords", "ZooRecipe", "ZooPlugins", "ZooKit", "ZooData", "ZooBase"],
        "zoo": ["ZooRun", "ZooServices", "ZooRecords", "ZooRecipe", "ZooPlugins", "ZooReport", "ZooKit", "ZooData", "ZooBase"],
    ]

    /// The rooms of a module, from the ground up: a file may name what its own room and those before it declare. Files outside of
    /// rooms are the ground.
    static let rooms: [String: [String]] = [
        "ZooBase": ["Errors", "Numbers", "Text", "Files", "JSON"],
        "ZooData": ["Images", "Conversations", "ChatTemplate", "Rows", "Rewards", "Logging", "Tasks", "Models"],
        "ZooKit": ["Maths", "Parameters", "Services", "Plugin"],
        "ZooModels": ["Network", "Layers", "Adapter", "Tokenizer", "Tabular", "CausalLM", "FlowImage", "Folders", "Export"],
        "ZooPlugins": ["Workers", "Host", "Description", "Loading", "Conformance"],
        "ZooRecipe": ["Node", "Schema", "Recipe", "Loading"],
        "ZooServices": [
            "Store", "Ranks", "Programs", "Modality", "Text", "Table", "Images", "Models", "Content", "Server", "Stage",
        ],
        "ZooRun": ["Setup", "Measuring", "Training", "Logging", "Control", "Forecast", "Probe", "Tools", "Workers"],
        "ZooReport": ["Statistics", "Tables", "TensorBoard", "Results", "Runs", "Algorithms", "Page"],
    ]

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A source file: its room ("" for the ground), and its text without comments and the words of strings.
    struct File {
        var path: String
        var room: String
        var code: String
    }

    /// The files of these languages below a folder of the repository, without those that the kit of plugin authors gives away.
    static func files(_ folder: String, endings: [String] = [".swift"]) throws -> [File] {
        let base = root.appending(path: folder, directoryHint: .isDirectory)
        return try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { path in
            endings.contains(where: path.hasSuffix) && !path.hasPrefix("kit/")
        }
        .sorted().map {
            path in
            let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
            let parts = path.split(separator: "/")
            return File(path: "\(folder)/\(path)", room: parts.count > 1 ? String(parts[0]) : "", code: code(of: text))
        }
    }

    /// A text without comments, and of strings only what they interpolate.
    private static func code(of text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var kept: [UInt8] = []
            // Open parentheses of each interpolation; a string is open where the last entry is nil.
            var open: [Int?] = []
            var bytes = Array(line.utf8)[...]
            while let byte = bytes.popFirst() {
                let isInString = !open.isEmpty && open[open.count - 1] == nil
                switch byte {
                case UInt8(ascii: "\\") where isInString:
                    if bytes.popFirst() == UInt8(ascii: "(") { open.append(0) }
                    kept.append(UInt8(ascii: " "))
                case UInt8(ascii: "\""):
                    if isInString { open.removeLast() } else { open.append(nil) }
                    kept.append(UInt8(ascii: " "))
                case _ where isInString: break
                case UInt8(ascii: "/") where bytes.first == UInt8(ascii: "/"): bytes = []
                case UInt8(ascii: "("), UInt8(ascii: ")"):
                    kept.append(byte)
                    guard let depth = open.last ?? nil else { break }
                    if byte == UInt8(ascii: "(") {
                        open[open.count - 1] = depth + 1
                    } else if depth == 0 {
                        open.removeLast()
                    } else {
                        open[open.count - 1] = depth - 1
                    }
                default: kept.append(byte)
                }
            }
            return String(decoding: kept, as: UTF8.self)
        }.joined(separator: "\n")
    }

    /// The types and functions that a text declares outside of others.
    static func declared(in code: String) -> Set<String> {
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "actor", "func", "let", "var"]
        let before: Set<Substring> = ["public", "package", "final", "indirect"]
        return Set(
            code.split(separator: "\n").compactMap { line in
                guard line.first != " ", line.first != "}" else { return nil }
                let words = line.split(separator: " ").drop { before.contains($0) }
                guard let kind = words.first, kinds.contains(kind), let name = words.dropFirst().first else { return nil }
                return Self.words(of: String(name)).isEmpty
                    ? nil : String(name.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
            })
    }

    /// The words of a text.
    static func words(of code: String) -> Set<Substring> {
        Set(
            code.utf8.split { byte in
                !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) && byte != UInt8(ascii: "_")
            }.map { Substring($0) })
    }
}
