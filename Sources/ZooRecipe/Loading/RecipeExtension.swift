import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// Recipes that build on another: `extends: sentiment.yaml` inherits all of it, its own keys replace the base's, and `set`
/// changes single values by path.
struct RecipeExtension {
    /// The keys that are resolved and removed.
    private static let keys = Recipe.fileKeys.map(\.name)

    /// Recipes that build on one another.
    private static let deepest = 32

    /// Takes the place of the recipe's own `extends`; nil: none does.
    let base: URL?
    let names: ParameterNames

    /// The recipe of `file` in one piece.
    ///
    /// - Throws: ``RecipeError`` if a base is missing or circular, or `--base` has nothing to replace.
    func whole(_ root: RecipeNode, file: URL) throws -> RecipeNode {
        guard let base else { return try whole(root, file: file, chain: [file]) }
        try refuseSlips(root)
        guard let own = root.value("extends") else {
            throw RecipeError(
                file.relativePath, "has no 'extends', so there is no base that --base \(base.relativePath) could replace")
        }
        var other = root
        other.remove("extends")
        let isOwn = try same(baseFile(own, of: file), base)
        let below = try read(base, chain: [file], place: "--base \(base.relativePath)")
        var result = try merge(other, onto: below)
        if !isOwn, let name = other.value("name")?.text, let base = below.value("name")?.text {
            result.replace("name", with: RecipeNode(.scalar(.string("\(name)-\(base)")), place: own.place))
        }
        return result
    }

    private func whole(_ root: RecipeNode, file: URL, chain: [URL]) throws -> RecipeNode {
        try refuseSlips(root)
        guard let own = root.value("extends") else {
            guard let changes = root.value("set") else { return root }
            throw RecipeError(
                changes.place, path: "set",
                "changes the recipe that 'extends' names, but there is none; write the values directly")
        }
        var rest = root
        rest.remove("extends")
        return try merge(rest, onto: read(baseFile(own, of: file), chain: chain, place: own.place))
    }

    /// Reads a complete base; `place` names who extends it.
    private func read(_ file: URL, chain: [URL], place: String) throws -> RecipeNode {
        guard !chain.contains(where: { same($0, file) }) else {
            let circle = (chain + [file]).map(\.lastPathComponent).joined(separator: " → ")
            throw RecipeError(place, path: "extends", "is circular: \(circle)")
        }
        guard chain.count <= Self.deepest else {
            throw RecipeError(
                place, path: "extends", "more than \(Self.deepest) recipes extend one another; merge some of them")
        }
        let text: String
        do { text = try Recipe.text(of: file) } catch {
            throw RecipeError(place, path: "extends", plainWords(error))
        }
        return try whole(RecipeNode.parse(text, file: file), file: file, chain: chain + [file])
    }

    private func baseFile(_ node: RecipeNode, of file: URL) throws -> URL {
        guard let text = node.text, !text.isEmpty else {
            throw RecipeError(
                node.place, path: "extends", "expected the path of a recipe, such as sentiment.yaml, found \(node.found)")
        }
        let folder = (file.relativePath as NSString).deletingLastPathComponent
        let path = (text as NSString).expandingTildeInPath
        return URL(
            fileURLWithPath: path.hasPrefix("/") ? path : (folder as NSString).appendingPathComponent(path),
            relativeTo: file.baseURL)
    }

    private func same(_ a: URL, _ b: URL) -> Bool {
        a.resolvingSymlinksInPath().standardizedFileURL.path == b.resolvingSymlinksInPath().standardizedFileURL.path
    }

    /// The keys of `own` over those of `base`, and then its `set`.
    private func merge(_ own: RecipeNode, onto base: RecipeNode) throws -> RecipeNode {
        guard case .map(let entries) = own.content else { return own }
        var result = base
        // A probe refers to its recipe's variants and is dropped with them.
        let compare = own.value("compare")
        if own.value("probe") == nil, compare?.value("variants") != nil || compare?.value("sweep") != nil {
            result.remove("probe")
        }
        for entry in entries where entry.key != "set" {
            guard Recipe.mergedKeys.contains(entry.key), var below = result.value(entry.key),
                case .map(let parts) = entry.value.content,
                case .map = below.content
            else {
                result.replace(entry.key, with: entry.value, place: entry.place)
                continue
            }
            for part in parts { below.replace(part.key, with: part.value, place: part.place) }
            below.place = entry.value.place
            result.replace(entry.key, with: below, place: entry.place)
        }
        guard let changes = own.value("set") else { return result }
        guard case .map(let changes) = changes.content else {
            throw RecipeError(
                changes.place, path: "set", "expected values by path, such as {budget.updates: 10}, found \(changes.found)")
        }
        for change in changes {
            result = try result.applying(Override(change.key, change.value, place: "\(change.place): set.\(change.key)"), names)
        }
        return result
    }

    /// A typo in `extends` or `set` must not be reported as a recipe without stages.
    private func refuseSlips(_ root: RecipeNode) throws {
        guard case .map(let entries) = root.content else { return }
        let known = Recipe.keys + Self.keys
        for entry in entries where !known.contains(entry.key) {
            guard let meant = nearest(entry.key, among: known), Self.keys.contains(meant) else { continue }
            throw RecipeError(entry.place, path: entry.key, "is not a key here; did you mean '\(meant)'?")
        }
    }
}

extension RecipeNode {
    /// Reads the text of a recipe; relative paths in it begin in the file's folder.
    package static func parse(_ yaml: String, file: URL) throws -> RecipeNode {
        try parse(yaml) { "\(file.relativePath):\($0)" }.in(folder: file.deletingLastPathComponent())
    }

    /// The value of a key; nil if it is left out or has no value.
    fileprivate func value(_ key: String) -> RecipeNode? {
        guard case .map(let entries) = content, let value = entries.first(where: { $0.key == key })?.value,
            value.content != .scalar(.null)
        else { return nil }
        return value
    }

    fileprivate var text: String? { json.string }

    fileprivate mutating func remove(_ key: String) {
        guard case .map(let entries) = content else { return }
        content = .map(entries.filter { $0.key != key })
    }

    /// Puts a value in the place of a key's, or adds it.
    fileprivate mutating func replace(_ key: String, with value: RecipeNode, place: String? = nil) {
        guard case .map(var entries) = content else { return }
        let entry = Entry(key: key, place: place ?? value.place, value: value)
        if let index = entries.firstIndex(where: { $0.key == key }) { entries[index] = entry } else { entries.append(entry) }
        content = .map(entries)
    }
}
