import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// One value that two recipes disagree on: `parameters.ppo.baseline: critic → batch_mean`.
public struct RecipeDifference: Sendable, Equatable, CustomStringConvertible {
    /// As `--set` takes it.
    public var path: String
    /// In YAML; nil if the recipe has no such value.
    public var before: String?
    public var after: String?

    public init(_ path: String, _ before: String?, _ after: String?) {
        self.path = path
        self.before = before
        self.after = after
    }

    public var description: String { "\(path): \(before ?? "–") → \(after ?? "–")" }
}

/// The defaults of algorithms' parameters, by algorithm and parameter.
public typealias ParameterDefaults = [String: [String: JSONValue]]

extension Recipe {
    /// The changes that turn this recipe into `other`, as paths of `--set`. Names, descriptions and comparisons do not
    /// count, nor do parameters of algorithms that the last stage does not run.
    ///
    /// - Parameter defaults: what a parameter is that the recipe does not name.
    public func differences(to other: Recipe, defaults: ParameterDefaults = [:]) -> [RecipeDifference] {
        let ignored = ["name", "about", "stages", "compare"]
        var result = node.without(ignored).differences(to: other.node.without(ignored))
        for stage in stages.dropLast() {
            let counterpart = other.stages.dropLast().first { $0.name == stage.name }
            result += RecipeNode.differences(stage.node, counterpart?.node, below: "stages.\(stage.name)")
        }
        for stage in other.stages.dropLast() where !stages.dropLast().contains(where: { $0.name == stage.name }) {
            result += RecipeNode.differences(nil, stage.node, below: "stages.\(stage.name)")
        }
        guard let last = stages.last, let otherLast = other.stages.last else { return result }
        return result + last.differences(to: otherLast, defaults: defaults)
    }
}

extension Stage {
    /// The changes that turn this stage into `other`. Parameters of algorithms that neither runs do not count.
    ///
    /// Both are as they run, presets written out. Where the algorithms differ, `parameters` stands for those that each side sets apart from its defaults, but for those that both
    /// have alike.
    public func differences(to other: Stage, defaults: ParameterDefaults = [:]) -> [RecipeDifference] {
        let ignored = ["parameters", "algorithm"]
        return parameterDifferences(to: other, defaults)
            + node.without(ignored).differences(to: other.node.without(ignored))
    }

    private func parameterDifferences(to other: Stage, _ defaults: ParameterDefaults) -> [RecipeDifference] {
        let (own, its) = (effective(defaults), other.effective(defaults))
        let swap = algorithm == other.algorithm ? [] : [RecipeDifference("algorithm", algorithm, other.algorithm)]
        if algorithmID == other.algorithmID {
            let path = swap.isEmpty ? "parameters.\(algorithm)" : "parameters"
            return swap
                + Set(own.keys).union(its.keys).sorted().compactMap { name in
                    own[name] == its[name] ? nil : RecipeDifference("\(path).\(name)", own[name]?.yaml, its[name]?.yaml)
                }
        }
        func shown(_ stage: Stage, _ values: [String: JSONValue], beside others: [String: JSONValue]) -> String {
            let set = values.filter { $0.value != defaults[stage.algorithmID]?[$0.key] && $0.value != others[$0.key] }
            return JSONValue.object(set).yaml
        }
        let (before, after) = (shown(self, own, beside: its), shown(other, its, beside: own))
        return swap + (before == "{}" && after == "{}" ? [] : [RecipeDifference("parameters", before, after)])
    }

    /// The parameters that the stage's algorithm runs with.
    private func effective(_ defaults: ParameterDefaults) -> [String: JSONValue] {
        (defaults[algorithmID] ?? [:]).merging(parameters[algorithm] ?? [:]) { $1 }
    }
}

extension RecipeNode {
    fileprivate func without(_ keys: [String]) -> RecipeNode {
        guard case .map(let entries) = content else { return self }
        return RecipeNode(.map(entries.filter { !keys.contains($0.key) }), place: place)
    }

    /// The paths at which two pieces of a recipe differ, in their order.
    package func differences(to other: RecipeNode) -> [RecipeDifference] { Self.differences(self, other, below: "") }

    fileprivate static func differences(_ before: RecipeNode?, _ after: RecipeNode?, below path: String) -> [RecipeDifference] {
        let (old, new) = (before?.leaves(path) ?? [], after?.leaves(path) ?? [])
        let (oldByPath, newByPath) = (Dictionary(uniqueKeysWithValues: old), Dictionary(uniqueKeysWithValues: new))
        let paths = old.map(\.0) + new.map(\.0).filter { oldByPath[$0] == nil }
        return paths.compactMap { path in
            oldByPath[path] == newByPath[path] ? nil : RecipeDifference(path, oldByPath[path], newByPath[path])
        }
    }

    /// Every single value with its path.
    private func leaves(_ path: String) -> [(String, String)] {
        func below(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch content {
        case .scalar(let value): return [(path, value.yaml)]
        case .list(let items): return items.enumerated().flatMap { $1.leaves(below("\($0)")) }
        case .map(let entries): return entries.flatMap { $0.value.leaves(below($0.key)) }
        }
    }
}
