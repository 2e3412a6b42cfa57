/// The keys of one mapping of a recipe, for people.
package struct KeyTable: Sendable {
    package struct Row: Sendable, Equatable {
        package var key: String
        package var standard: String
        /// The values that it takes.
        package var takes: String
        package var doc: String
    }

    /// `stages.NAME.optimizer`; empty for a whole recipe. Words in capitals stand for names and numbers.
    package var path: String
    package var rows: [Row]

    /// The tables of a shape, from the outside in. A mapping whose keys are those of an earlier one has no table of its own.
    static func all(of shape: Shape) -> [KeyTable] {
        var tables: [(path: String, groups: [[KeyDescription]])] = []
        var others: [String: String] = [:]
        collect(shape, "", &tables, &others)
        return tables.map { table in
            KeyTable(path: table.path, rows: table.groups.flatMap { rows(of: $0, at: table.path, others) })
        }
    }

    private static func collect(
        _ shape: Shape, _ path: String, _ tables: inout [(path: String, groups: [[KeyDescription]])],
        _ others: inout [String: String]
    ) {
        switch shape {
        case .keys(let groups):
            if let same = tables.first(where: { $0.groups == groups }) {
                others[path] = same.path
                return
            }
            tables.append((path, groups))
            for key in groups.flatMap(\.self) { collect(key.shape, below(path, key.name), &tables, &others) }
        case .list(let element, let place), .named(let element, let place):
            collect(element, below(path, place), &tables, &others)
        case .either(let shapes): for shape in shapes { collect(shape, path, &tables, &others) }
        default: break
        }
    }

    /// The rows of keys of which one, or at most one, is given, or of a single key.
    private static func rows(of group: [KeyDescription], at path: String, _ others: [String: String]) -> [Row] {
        group.map { key in
            let own = below(path, key.name)
            let other = others[own]
            let listed = others.first { $0.key.hasPrefix(own + ".") && $0.key.dropFirst(own.count + 1).isPlace }?.value
            let isOneOf = group.count > 1 && key.isRequired
            let standard = isOneOf ? "one of these" : key.isRequired ? "required" : key.standard ?? "none"
            return Row(
                key: key.name, standard: standard, takes: key.shape.words(keys: words(other), listed: words(listed)), doc: key.doc
            )
        }
    }

    private static func words(_ other: String?) -> String { other.map { "keys, as of \($0)" } ?? "keys" }

    fileprivate static func below(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

extension Collection<KeyTable> {
    /// The tables at and below a path, as a recipe or `--set` writes it; or the rows of a key that has no table.
    package func found(at path: String) -> [KeyTable] {
        let wanted = path.split(separator: ".").map(String.init)
        let below = filter { table in table.path.ways.contains { $0.begins(wanted) } }
        guard below.isEmpty else { return below }
        return compactMap { table in
            let rows = table.rows.filter { row in
                KeyTable.below(table.path, row.key).ways.contains { $0.count == wanted.count && $0.begins(wanted) }
            }
            return rows.isEmpty ? nil : KeyTable(path: table.path, rows: rows)
        }
    }

    /// All paths, for suggestions.
    package var paths: [String] {
        flatMap { table in
            table.rows.flatMap { KeyTable.below(table.path, $0.key).ways.map { $0.joined(separator: ".") } }
        }
    }
}

extension String {
    /// The path, and where it lies in a stage the path in the last one.
    fileprivate var ways: [[String]] {
        let parts = split(separator: ".").map(String.init)
        return parts.first == "stages" && parts.count > 2 ? [parts, Array(parts.dropFirst(2))] : [parts]
    }
}

extension StringProtocol {
    /// Whether this stands for a name or number in paths.
    fileprivate var isPlace: Bool { !isEmpty && allSatisfy(\.isUppercase) }
}

extension [String] {
    fileprivate func begins(_ wanted: [String]) -> Bool {
        count >= wanted.count && zip(self, wanted).allSatisfy { $0 == $1 || $0.isPlace }
    }
}
