import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// Reads `compare`: the variants, each point of a sweep as a variant of its own.
struct ComparisonReader {
    /// The ids that plugins offer; nil: not known.
    let knownAlgorithms: [String]?
    let names: ParameterNames
    /// Of the recipe.
    let stages: [Stage]

    var comparison: Expectation<Comparison> {
        .section("variants and seeds") { section throws -> Comparison in
            let shared = try section.optional("sweep", sweep)
            let variants: [Variant] = try section("variants", .section("variants by name") { try self.variants($0, shared) })
            var comparison = Comparison(variants: variants)
            comparison.seeds = try section("seeds", .list(of: .seed), else: comparison.seeds)
            comparison.bases = try section("bases", .whole(from: 1, to: RecipeLimits.jobs), else: comparison.bases)
            comparison.jobs = try section("jobs", .whole(from: 1, to: RecipeLimits.jobs), else: comparison.jobs)
            comparison.ladder = try section("ladder", .flag, else: comparison.ladder)
            guard !variants.isEmpty, !comparison.seeds.isEmpty else {
                throw section.field.error("expected at least one variant and one seed")
            }
            try section.refuseTwice(comparison.seeds.map(String.init), of: "seeds")
            try section.refuseTwice(variants.map(\.name), of: "variants")
            return comparison
        }
    }

    private func variants(_ section: Section, _ shared: Sweep?) throws -> [Variant] {
        try section.keys.flatMap { name in
            guard let field = section.field(name) else {
                throw section.field.error("\(name): expected a variant, such as {algorithm: ppo}")
            }
            _ = try Expectation<String>.name(
                Field(node: RecipeNode(.scalar(.string(name)), place: field.node.place), path: field.path))
            return try variant(name, shared)(field)
        }
    }

    /// A variant, or all points of its sweep.
    private func variant(_ name: String, _ shared: Sweep?) -> Expectation<[Variant]> {
        .section("a variant, such as {algorithm: ppo}") { section in
            var variant = Variant(name: name, algorithm: try section("algorithm", .algorithm(among: knownAlgorithms)))
            variant.parameters = try names.own(
                section("parameters", .values, else: [:]), of: variant.algorithm, in: section.field)
            variant.set = Dictionary(
                try section("set", .values, else: [:]).map { (path($0.key, variant), $0.value) }, uniquingKeysWith: { $1 })
            variant.series = try section.optional("series", .name)
            variant.axis = try section.optional("axis", .text("the path of a value"))
            variant.value = try section.optional("value", .finite)
            variant.exceptTasks = try section("except_tasks", .list(of: .choice(Tasks.names)), else: [])
            let given = try section.optional("sweep", sweep)
            guard given == nil || shared == nil else {
                throw section.field.error("has its own sweep in addition to 'compare.sweep'; expected one axis at a time")
            }
            guard let sweep = given ?? shared else { return [variant] }
            let own = Sweep(paths: sweep.paths.map { (path($0.path, variant), $0.values) })
            return try own.points(of: variant, in: section)
        }
    }

    /// A path as a variant means it, with the parameter that it ends in by its own name.
    private func path(_ path: String, _ variant: Variant) -> String {
        names.own(
            path: path, algorithm: variant.algorithm,
            algorithms: Dictionary(stages.dropLast().map { ($0.name, $0.algorithm) }, uniquingKeysWith: { $1 }))
    }

    private var sweep: Expectation<Sweep> {
        .section("values by path, such as {parameters.beta: [0.1, 0.2]}") { section in
            let paths = try section.keys.map { path in
                let values = try section(path, .list(of: .finite))
                try section.refuseTwice(values.map { JSONValue.number($0).yaml }, of: path)
                return (path: path, values: values)
            }
            guard let axis = paths.first, !axis.values.isEmpty else {
                throw section.field.error("expected at least one path with at least one value")
            }
            for other in paths where other.values.count != axis.values.count {
                throw section.field.error(
                    "'\(other.path)' has \(other.values.count) values and '\(axis.path)' has \(axis.values.count); all paths of one "
                        + "sweep move together: expected equally many values")
            }
            return Sweep(paths: paths)
        }
    }
}

/// Values by path, one variant a point. All paths move together, and the first is the axis.
private struct Sweep {
    let paths: [(path: String, values: [Double])]

    func points(of variant: Variant, in section: Section) throws -> [Variant] {
        let parameters = variant.parameters.keys.map { "parameters.\($0)" }
        if let twice = paths.first(where: { variant.set[$0.path] != nil || parameters.contains($0.path) }) {
            throw section.field.error("both sets and sweeps '\(twice.path)'; expected only one of them")
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
