import ZooBase
import ZooData
import ZooPlugins

/// Other names that recipes may give to algorithms' parameters, and the parameters' own.
///
/// They are replaced where a recipe is read, in stages, variants, sweeps and `--set`, so that nothing else knows of them.
public struct ParameterNames: Sendable {
    /// By algorithm and other name.
    private let own: [String: [String: String]]

    public init(_ own: [String: [String: String]] = [:]) { self.own = own }

    /// The parameter's own name; a name that no parameter declares stays what it is.
    func own(_ name: String, of algorithm: String) -> String { own[AlgorithmName(algorithm).id]?[name] ?? name }

    /// Values by the parameters' own names.
    ///
    /// - Throws: a sentence with both names where a parameter is given by two of them.
    func own(_ values: [String: JSONValue], of algorithm: String, in field: Field) throws -> [String: JSONValue] {
        var result: [String: JSONValue] = [:]
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            let parameter = own(name, of: algorithm)
            guard result[parameter] == nil else {
                let names = values.keys.filter { own($0, of: algorithm) == parameter }.sorted()
                throw field.error("'\(names.joined(separator: "' and '"))' are one parameter, '\(parameter)'; keep one of them")
            }
            result[parameter] = value
        }
        return result
    }

    /// A path as `--set` takes it, with the parameter that it ends in by its own name.
    ///
    /// - Parameters:
    ///   - algorithm: of the last stage.
    ///   - stages: all of them.
    func own(path: String, algorithm: String, stages: [Reading.Known]) -> String {
        var parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let inStage = parts.first == "stages" && parts.count > 2 ? Array(parts.dropFirst(2)) : parts
        guard inStage.first == "parameters", (2...3).contains(inStage.count) else { return path }
        let stage = inStage.count == parts.count ? algorithm : stages.first { $0.name == parts[1] }?.algorithm ?? algorithm
        parts[parts.count - 1] = own(inStage[inStage.count - 1], of: inStage.count == 3 ? inStage[1] : stage)
        return parts.joined(separator: ".")
    }
}

extension PluginCatalog {
    /// What recipes may call the parameters of these algorithms.
    public var parameterNames: ParameterNames {
        ParameterNames(
            plugins.flatMap(\.algorithms).reduce(into: [:]) { names, algorithm in
                for parameter in algorithm.parameters {
                    for alias in parameter.aliases { names[algorithm.id, default: [:]][alias] = parameter.name }
                }
            })
    }
}
