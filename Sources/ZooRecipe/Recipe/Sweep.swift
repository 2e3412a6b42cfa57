import ZooBase
import ZooData

/// Values by path, one variant a point. All paths move together, and the first is the axis.
struct Sweep: Sendable {
    private var paths: [(path: String, values: [Double])]

    static let codec = Codec<Sweep>(
        "values by path, such as {parameters.beta: [0.1, 0.2]}",
        .named(.list(.number(NumberRange(from: -.infinity, to: .infinity)), place: "N"), place: "PATH")
    ) { field in
        guard case .map = field.node.content else { return nil }
        let section = try Section(field)
        let paths = try section.keys.map { path in
            let values = try section.required(path, .list(of: Codec<Double>.finite))
            try section.refuseTwice(values.map { JSONValue.number($0).yaml }, of: path)
            return (path: path, values: values)
        }
        guard let axis = paths.first, !axis.values.isEmpty else {
            throw field.error("expected at least one path with at least one value")
        }
        for other in paths where other.values.count != axis.values.count {
            throw field.error(
                "'\(other.path)' has \(other.values.count) values and '\(axis.path)' has \(axis.values.count); all paths of one "
                    + "sweep move together: expected equally many values")
        }
        return Sweep(paths: paths)
    } write: {
        .map($0.paths.map { ($0.path, .list($0.values.map { .number($0) })) })
    }

    /// The sweep with other words for its paths.
    func renamed(_ own: (String) -> String) -> Sweep { Sweep(paths: paths.map { (own($0.path), $0.values) }) }

    func points(of variant: Variant, in field: Field) throws -> [Variant] {
        let parameters = variant.parameters.keys.map { "parameters.\($0)" }
        if let twice = paths.first(where: { variant.set[$0.path] != nil || parameters.contains($0.path) }) {
            throw field.error("both sets and sweeps '\(twice.path)'; expected only one of them")
        }
        let axis = paths[0]
        return axis.values.enumerated().map { index, value in
            var point = variant
            point.name = "\(variant.name)-\(axis.path.split(separator: ".").last ?? "")-\(Self.word(value))"
            for (path, values) in paths {
                let parts = path.split(separator: ".")
                if parts.count == 2, parts[0] == "parameters" {
                    point.parameters[String(parts[1])] = .number(values[index])
                } else {
                    point.set[path] = .number(values[index])
                }
            }
            (point.series, point.axis, point.value) = (variant.name, axis.path, value)
            return point
        }
    }

    /// The number as part of a folder's name.
    private static func word(_ value: Double) -> String { JSONValue.number(value).yaml.replacing("+", with: "") }
}
