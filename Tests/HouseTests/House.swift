import Foundation

/// What may know what: the modules of `Sources`, and the rooms (folders) of each, from the ground up.
///
/// `Sources/README.md` says why.
enum House {
    /// A module may import the modules that it lists, and nothing else of this package.
    static let imports: [String: [String]] = [
        "CZoo": [], "CTorch": [], "CLtdl": [], "CPNG": [],
        "ZooKit": ["CZoo"],
        "ZooBase": [],
        "ZooTensor": ["CTorch", "ZooBase"],
        "ZooModels": ["ZooTensor", "ZooBase"],
        "ZooData": ["CPNG", "ZooBase"],
        "ZooPlugins": ["CZoo", "ZooKit", "CLtdl", "ZooBase", "ZooData"],
        "ZooRecipe": ["ZooPlugins", "ZooKit", "ZooData", "ZooModels", "ZooBase"],
        "ZooRecords": ["ZooRecipe", "ZooPlugins", "ZooKit", "CZoo", "ZooData", "ZooBase"],
        "ZooRun": [
            "ZooRecords", "ZooRecipe", "ZooPlugins", "CZoo", "ZooKit", "ZooTensor", "ZooModels", "ZooData", "ZooBase",
        ],
        "ZooReport": ["ZooRecords", "ZooRecipe", "ZooPlugins", "ZooKit", "ZooData", "ZooBase"],
        "zoo": ["ZooRun", "ZooRecords", "ZooRecipe", "ZooPlugins", "ZooReport", "ZooKit", "ZooData", "ZooBase"],
    ]

    /// The rooms of a module, from the ground up: a file may name what its own room and those before it declare. Files outside of
    /// rooms are the ground.
    static let rooms: [String: [String]] = [
        "ZooBase": ["Errors", "Numbers", "Text", "Files", "JSON"],
        "ZooData": ["Images", "Conversations", "ChatTemplate", "Rows", "Rewards", "Tasks"],
        "ZooKit": ["Maths", "Parameters", "Services", "Plugin"],
        "ZooModels": ["Network", "Layers", "Adapter", "Tokenizer", "Tabular", "CausalLM", "FlowImage", "Folders"],
        "ZooPlugins": ["Workers", "Host", "Description", "Loading", "Conformance"],
        "ZooRecipe": ["Node", "Schema", "Recipe", "Loading"],
        "ZooRun": [
            "Store", "Modality", "Text", "Table", "Images", "Models", "Content", "Services", "Setup", "Measuring", "Training",
            "Control", "Probe", "Tools", "Workers",
        ],
        "ZooReport": ["Statistics", "Tables", "TensorBoard", "Results", "Algorithms", "Page"],
    ]

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A source file: its room ("" for the ground), and its text without comments and the words of strings.
    struct File {
        var path: String
        var room: String
        var code: String
    }

    /// The Swift files below a folder of the repository.
    static func files(_ folder: String) throws -> [File] {
        let base = root.appending(path: folder, directoryHint: .isDirectory)
        return try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { $0.hasSuffix(".swift") }.sorted().map {
            path in
            let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
            let parts = path.split(separator: "/")
            return File(path: "\(folder)/\(path)", room: parts.count > 1 ? String(parts[0]) : "", code: code(of: text))
        }
    }

    /// A text without comments, and of strings only what they interpolate.
    private static func code(of text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.replacing(/"([^"\\]|\\.)*"/) { string in
                string.output.0.matches(of: /\\\(([^()]*(?:\([^()]*\)[^()]*)*)\)/).map { String($0.output.1) }.joined(
                    separator: " ")
            }.replacing(/\/\/.*/, with: "")
        }.joined(separator: "\n")
    }

    /// The types and functions that a text declares outside of others.
    static func declared(in code: String) -> Set<String> {
        let pattern =
            /^(?:public |package )?(?:final |indirect )?(?:struct|class|enum|protocol|typealias|actor|func|let|var) (\w+)/
            .anchorsMatchLineEndings()
        return Set(code.matches(of: pattern).map { String($0.output.1) })
    }

    /// The words of a text.
    static func words(of code: String) -> Set<Substring> { Set(code.matches(of: /[A-Za-z_]\w*/).map(\.output)) }
}
