import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// Probes a recipe: the same frozen samples to every variant of its comparison, in a worker process.
public struct ProbeController: Sendable {
    private let controller: RunController
    private let probe: Probe
    private let variants: [Variant]
    /// Variants that cannot be probed, each with the reason.
    public let leftOut: [(name: String, reason: String)]

    /// - Parameter names: Variants of the comparison; all where empty.
    public init(_ controller: RunController, variants names: [String] = []) throws {
        let file = controller.recipe.file.path
        guard let probe = controller.recipe.probe, let comparison = controller.recipe.compare else {
            throw ZooError(.invalidArgument, "\(file) has no 'probe': name the variant to freeze there, such as {driver: ppo}")
        }
        if controller.recipe.stages.last?.environment != nil {
            throw ZooError(
                .invalidArgument,
                "\(file): a probe continues samples from states on the way, and an environment cannot be put back into one; remove "
                    + "'environment', or compare runs instead")
        }
        let known = comparison.variants.map(\.name)
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw ZooError(.invalidArgument, "\(file) has no variant '\(unknown)'; it has: \(known.joined(separator: ", "))")
        }
        self.controller = controller
        self.probe = probe
        let wanted = comparison.variants.filter { names.isEmpty || names.contains($0.name) }
        leftOut = try wanted.compactMap { variant in
            try Self.objection(to: variant, controller).map { (variant.name, $0) }
        }
        let refused = leftOut.map(\.name)
        variants = wanted.filter { !refused.contains($0.name) }
        guard !variants.isEmpty else {
            throw ZooError(
                .invalidArgument, "\(file): none of the variants can be probed: \(leftOut.map(\.reason).joined(separator: "; "))")
        }
    }

    /// Why a variant cannot be probed on the driver's networks; nil if it can.
    private static func objection(to variant: Variant, _ controller: RunController) throws -> String? {
        guard variant.set.keys.allSatisfy({ $0.hasPrefix("evaluation.") }) else {
            return
                "\(variant.name) changes \(variant.set.keys.sorted().joined(separator: ", ")), which the driver's networks do not have"
        }
        let needs = try controller.plugins.offer(variant.algorithm).algorithm.needs
        guard needs.data.contains(.prompts) || needs.data.contains(.pairs) else {
            return "\(variant.name) learns from examples, but a probe has only samples"
        }
        return nil
    }

    /// Probes into a folder of its own; an unfinished probe in the named folder starts over.
    public func run(into place: RunPlace, seed: UInt64) async throws -> (folder: ProbeFolder, result: ProbeResult) {
        try Launch.refuse(for: "zoo probe")
        try place.refuseTaken(except: "probe-spec.json")
        try controller.checkData(
            controller.recipe.compare?.variants.filter { $0.name == probe.driver }.map { try controller.recipe.applying($0) })
        let models = try await controller.artifacts()
        guard let driver = controller.recipe.compare?.variants.first(where: { $0.name == probe.driver }),
            let stage = try controller.recipe.applying(driver).stages.last
        else {
            throw ZooError(.invalidArgument, "\(controller.recipe.file.path): probe.driver '\(probe.driver)' is not a variant")
        }
        let spec = ProbeSpec(
            run: try controller.spec(stage, seed: seed, models: models, evaluates: false), probe: probe,
            algorithms: try variants.map(item))
        let (url, lock) = try place.take("probe", being: "made")
        let folder = ProbeFolder(url)
        guard !FileManager.default.fileExists(atPath: folder.result.path) else {
            throw ZooError(.alreadyExists, "\(url.path) already contains a probe; choose another folder")
        }
        Leftovers.sweep(url)
        try folder.create(spec, recipe: controller.recipe)
        for variant in variants {
            guard let stage = try controller.recipe.applying(variant).stages.last else { continue }
            try controller.announce(stage, as: variant.name)
        }
        try await controller.work(["probe", url.path], in: url, lock, name: "probe")
        return (folder, try folder.readResult())
    }

    /// A variant with the probe's batch in place of its own. With nothing updated, a second pass over the same samples would be the
    /// first again, so one is made.
    private func item(_ variant: Variant) throws -> ProbeSpec.Item {
        let offer = try controller.plugins.offer(variant.algorithm)
        let resolved = try controller.recipe.applying(variant).stages.last.map { try controller.resolved($0) }
        var parameters = resolved?.stage.parameters[variant.algorithm] ?? [:]
        let samples = offer.algorithm.parameter(counting: .samplesPerPrompt) == nil ? 1 : probe.samples
        let batch: [(ParameterDescription.Counted, Int)] = [
            (.prompts, probe.prompts * probe.samples / samples), (.samplesPerPrompt, samples), (.pairs, probe.prompts),
            (.examples, 2 * probe.prompts), (.passes, 1), (.minibatches, 1),
        ]
        for (counted, value) in batch {
            if let parameter = offer.algorithm.parameter(counting: counted) {
                parameters[parameter.name] = .number(Double(value))
            }
        }
        return ProbeSpec.Item(
            name: resolved?.preset?.title(of: variant.name) ?? variant.name, algorithm: offer.algorithm.id,
            plugin: offer.plugin.path, copy: try PluginStore.keep(offer.plugin.path, sha256: offer.plugin.sha256).path,
            preset: resolved?.preset, parameters: parameters)
    }
}
