import CZoo
import ZooBase
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

extension RunServices {
    /// The role in the ledger of what a server does.
    static let serverRole = "server"
    /// The trainer's own log-probabilities of what a server sampled, at the same weights, per step.
    static let trainerLogp = "trainer_logp"

    /// Samples a role by a server, and compares what the server says of them with the host's own pass.
    func generate(_ request: SamplingRequest, role name: String, by server: RolloutServer) throws -> Batch {
        let role = try model.roles.role(name)
        guard let network = role.network as? any GenerativeNetwork, let modality = modality as? any TokenModality else {
            throw RoleRules.notSampled(name)
        }
        let (prompts, settings, stop) = (request.prompts, request.settings, stop)
        // As many bits as a float has, and room for the samples of a batch.
        let seed = Int(Tensor.uniform([1], generator: sampling).floats[0] * Float(1 << 24)) << 24
        let (drawn, cost) = try server.sample(
            (0..<prompts.sequenceCount).map { Array(prompts.tokens[prompts.steps(of: $0)]) }, samples: request.samples,
            SamplerSettings(
                maxNewTokens: settings.maxNewTokens, temperature: settings.temperature,
                endTokens: network.endTokens(with: modality.ends)),
            of: .init(network, named: weights(of: role)), seed: seed, isCancelled: { stop.isImmediate })
        model.ledger.charge(
            Self.serverRole, .generate, seconds: cost.seconds,
            flops: network.prefillFLOPs(drawn.sequences) + network.generationFLOPs(drawn.sequences),
            steps: drawn.sequences.tokens.count)
        if cost.handOvers > 0 {
            model.ledger.charge(Self.serverRole, .handover, seconds: cost.handOverSeconds, flops: 0, steps: 0)
            model.ledger.note(Self.serverRole, handedBytes: cost.handOverBytes)
        }
        var batch = sampled(modality.drawn(drawn, settings, with: network), of: request, version: role.version)
        try compare(&batch, by: name, with: server)
        return batch
    }

    /// A name that changes with the weights. Those of a copy that the algorithm made may change without an update.
    private func weights(of role: RoleNetwork) -> String {
        let own = "\(role.name) \(role.version)"
        return role.optimizer == nil ? "\(own), \(model.ledger.sampledSteps)" : own
    }

    /// Notes the trainer's log-probabilities beside the server's.
    ///
    /// - Throws: if they differ by more than the recipe allows.
    private func compare(_ batch: inout Batch, by role: String, with server: RolloutServer) throws {
        let sampled = try batch.steps("behaviour_logp")
        let own = try model.forward(role: role, batch: batch, outputs: ["logp"])[0].doubles
        batch.set(Self.trainerLogp, perStep: own)
        let differences = batch.mask.indices.filter { batch.mask[$0] }.map { abs(own[$0] - sampled[$0]) }
        guard let mean = differences.mean, let most = differences.max() else { return }
        // TRL's names.
        let name = "sampling/sampling_logp_difference"
        try metrics.add("\(name)/mean", mean, weight: Double(differences.count), normaliser: ZOO_METRIC_MEAN)
        try metrics.add("\(name)/max", most, weight: 1, normaliser: ZOO_METRIC_MAX)
        try server.require(mean: mean, most: most, tokens: differences.count)
    }
}
