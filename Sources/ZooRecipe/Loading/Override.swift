import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// A change of one value of a recipe by its dotted path, as `--set optimizer.learning_rate=1e-4` says it.
///
/// A path that begins with a key of the whole recipe (`seed`, `evaluation.count`, …) means that key; `stages.NAME.…` means a
/// stage by name; every other path begins in the last stage. `parameters.NAME` means the parameter of the stage's algorithm.
/// A number picks an element of a list, from 0: `rewards.0.weight=2`.
public struct Override: Sendable, Equatable {
    let path: [String]
    let value: RecipeNode
    /// The user's wording, for errors.
    let place: String

    /// Reads `key=value`; the value is YAML, so `{seconds: 60}` and `[0, 1]` work too.
    ///
    /// - Throws: ``RecipeError`` if there is no `=`, no path, or the value is not YAML.
    public init(_ argument: String) throws {
        let place = "--set \(argument)"
        guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
            throw RecipeError(place, "expected KEY=VALUE, such as budget.updates=10")
        }
        let text = argument[argument.index(after: equals)...]
        let value =
            text.allSatisfy(\.isWhitespace)
            ? RecipeNode(.scalar(.null), place: place) : try RecipeNode.parse(String(text)) { _ in place }
        try self.init(String(argument[..<equals]), value, place: place)
    }

    init(_ path: String, _ value: RecipeNode, place: String) throws {
        self.path = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        self.value = value
        self.place = place
        guard !self.path.contains("") else { throw RecipeError(place, "the path '\(path)' has an empty part") }
    }
}

extension RecipeNode {
    /// The recipe with one value changed. A parameter is found by whatever name the recipe and the change use for it.
    package func applying(_ change: Override, _ names: ParameterNames = ParameterNames()) throws -> RecipeNode {
        var root = self
        var path = change.path
        if change.path[0] == "stages", change.path.count > 1 {
            let index = try stageIndex(named: change.path[1], place: change.place)
            path = ["stages", "\(index)"] + stagePath(Array(path.dropFirst(2)), stage: index)
        } else if !Recipe.keys.contains(path[0]) {
            let last = stages.count - 1
            guard last >= 0 else { throw RecipeError(place, path: "stages", "expected at least one stage, found none") }
            path = ["stages", "\(last)"] + stagePath(path, stage: last)
        }
        if path.count == 5, path[0] == "stages", path[2] == "parameters" {
            let algorithm = path[3]
            root.rename(below: path[..<4]) { names.own($0, of: algorithm) }
            path[4] = names.own(path[4], of: algorithm)
        }
        try root.set(path, change)
        return root
    }

    /// The recipe with another algorithm in its last stage.
    func settingAlgorithm(_ id: String, place: String) throws -> RecipeNode {
        try applying(Override("algorithm", RecipeNode(.scalar(.string(id)), place: place), place: place))
    }

    /// The recipe with that algorithm among the variants of its comparison, unless one is called so.
    func addingVariant(_ algorithm: String) throws -> RecipeNode {
        guard self["compare"]?["variants"]?[algorithm] == nil else { return self }
        let place = "--algorithm \(algorithm)"
        let name = RecipeNode(.scalar(.string(algorithm)), place: place)
        return try applying(Override("compare.variants.\(algorithm).algorithm", name, place: place))
    }

    /// The mapping without some of its keys.
    func without(_ keys: String...) -> RecipeNode {
        guard case .map(let entries) = content else { return self }
        var rest = self
        rest.content = .map(entries.filter { !keys.contains($0.key) })
        return rest
    }

    private subscript(key: String) -> RecipeNode? {
        guard case .map(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    private var stages: [RecipeNode] {
        guard case .list(let stages) = self["stages"]?.content else { return [] }
        return stages
    }

    private func stageIndex(named name: String, place: String) throws -> Int {
        let names = stages.map { $0["name"]?.json.string ?? "" }
        if let index = names.firstIndex(of: name) { return index }
        let fix = nearest(name, among: names).map { "did you mean '\($0)'?" } ?? "the stages are \(names.joined(separator: ", "))"
        throw RecipeError(place, "there is no stage '\(name)'; \(fix)")
    }

    /// `parameters.beta` means `parameters.ALGORITHM.beta`.
    private func stagePath(_ path: [String], stage: Int) -> [String] {
        guard path.count == 2, path[0] == "parameters", let algorithm = stages[stage]["algorithm"]?.json.string else {
            return path
        }
        return ["parameters", algorithm, path[1]]
    }

    /// Other names for the keys of one map, if there is no key of that name yet.
    private mutating func rename(below path: ArraySlice<String>, _ name: (String) -> String) {
        switch content {
        case .list(var items):
            guard let index = path.first.flatMap({ Int($0) }), items.indices.contains(index) else { return }
            items[index].rename(below: path.dropFirst(), name)
            content = .list(items)
        case .map(var entries):
            if let key = path.first {
                guard let index = entries.firstIndex(where: { $0.key == key }) else { return }
                entries[index].value.rename(below: path.dropFirst(), name)
            } else {
                for (index, entry) in entries.enumerated() where !entries.contains(where: { $0.key == name(entry.key) }) {
                    entries[index] = Entry(key: name(entry.key), place: entry.place, value: entry.value)
                }
            }
            content = .map(entries)
        case .scalar: return
        }
    }

    private mutating func set(_ path: [String], _ change: Override) throws {
        guard let key = path.first else {
            self = change.value
            return
        }
        let rest = Array(path.dropFirst())
        switch content {
        case .list(var items):
            guard let index = Int(key), items.indices.contains(index) else {
                throw RecipeError(change.place, "expected the number of an element from 0 to \(items.count - 1), found '\(key)'")
            }
            try items[index].set(rest, change)
            content = .list(items)
        case .map(var entries):
            try Self.set(key, rest, in: &entries, change)
            content = .map(entries)
        case .scalar(.null):
            content = .map([])
            try set(path, change)
        case .scalar: throw RecipeError(change.place, "'\(key)' lies inside \(found), which has no keys")
        }
    }

    private static func set(_ key: String, _ rest: [String], in entries: inout [Entry], _ change: Override) throws {
        // A budget has one limit: naming another replaces it.
        if rest.isEmpty, change.path.dropLast().last == "budget", Budget.Axis(rawValue: key) != nil {
            entries.removeAll { $0.key != key }
        }
        if let index = entries.firstIndex(where: { $0.key == key }) {
            try entries[index].value.set(rest, change)
        } else {
            var value = RecipeNode(.map([]), place: change.place)
            try value.set(rest, change)
            entries.append(Entry(key: key, place: change.place, value: value))
        }
    }
}
