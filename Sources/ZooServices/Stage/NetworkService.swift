import CZoo
import Foundation
import ZooBase
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// The model service: the networks' outputs for a batch, and back-propagation of a loss's gradient into them.
package final class NetworkService {
    package let roles: Roles
    /// Steps in one forward and backward pass.
    let microbatchTokens: Int
    /// Bytes that the activations of such a pass may take; nil: 1 GiB, or one sequence.
    private let activations: Int?
    /// Where the networks are.
    package let device: Device
    /// Reports surprising facts.
    package var notice: (String) -> Void = { _ in }
    /// The share of the budget spent so far, for the learning rate's schedule; read at every update.
    package var progress: () -> Double = { 0 }
    package var ledger = Ledger()
    /// Where rollouts lag behind training.
    package internal(set) var past: PastPolicies?
    /// Is told each pass that is charged: the role and what it did, from when to when, and its operations and steps.
    package var observe: ((_ pass: String, _ start: Double, _ end: Double, _ flops: Double, _ steps: Int) -> Void)?
    let modality: any Modality
    /// Those that share the passes; nil: this process makes them all, one after the other.
    package var ranks: Ranks?
    /// Takes rank 0's clock, before an update asks for it.
    package var takeClock: (() throws -> Void)?
    /// What was charged since the ranks last told each other; nil: nobody else is told.
    var charges: [Charge]?
    /// By role, what the exact sums of its gradient have come to.
    var sums: [String: ExactSums] = [:]
    /// Scores of the frozen reference by content: DPO's pairs recur each epoch, and the reference's scores do not change.
    package var referenceScores: [[Int32]: Double] = [:]

    package init(
        roles: Roles, _ modality: any Modality, microbatchTokens: Int, activations: Int? = nil, device: Device = .cpu
    ) {
        (self.activations, self.device) = (activations, device)
        self.roles = roles
        self.modality = modality
        self.microbatchTokens = microbatchTokens
    }

    func supports(role: String, output: String) throws -> OutputInfo {
        let wanted = try Self.output(output)
        guard try roles.outputs(of: role).contains(wanted) else {
            throw RoleRules.noOutput(output, of: role)
        }
        return modality.info(wanted)
    }

    // MARK: - Forward

    func forward(role name: String, batch: Batch, outputs: [String]) throws -> [Column] {
        let wanted = try outputs.map(Self.output)
        let role = try roles.role(name)
        if name == "reference", wanted == [.score], modality.repeatsScores { return [try cachedScores(role, batch)] }
        return try forward(role, batch, wanted)
    }

    func forward(_ role: RoleNetwork, _ batch: Batch, _ wanted: [NetworkOutput]) throws -> [Column] {
        try RoleRules.requireSequences(batch)
        if let ranks { return try forward(role, batch, wanted, ranks) }
        var values = wanted.map { [Double](repeating: 0, count: $0 == .score ? batch.sequenceCount : batch.stepCount) }
        for part in Slices.bySteps(batch, limit: microbatchTokens, costs: modality.costs(batch)) {
            let slice = batch.selecting(part)
            let columns = try transient(role) { try withoutGrad { try evaluate(role, slice, wanted).columns } }
            for (index, column) in columns.enumerated() {
                Slices.scatter(column, of: part, in: batch, into: &values[index])
            }
        }
        return zip(wanted, values).map { Column($0.rawValue, perStep: $0 != .score, .f64($1)) }
    }

    private func cachedScores(_ role: RoleNetwork, _ batch: Batch) throws -> Column {
        let keys = batch.tokenKeys
        let missing = keys.indices.filter { referenceScores[keys[$0]] == nil }
        if !missing.isEmpty {
            let scores = try forward(role, batch.selecting(missing), [.score])[0].doubles
            for (sequence, score) in zip(missing, scores) { referenceScores[keys[sequence]] = score }
        }
        return Column(NetworkOutput.score.rawValue, perStep: false, .f64(keys.map { referenceScores[$0] ?? .nan }))
    }

    /// One forward pass: the packed tensors, and the same as columns.
    func evaluate(_ role: RoleNetwork, _ slice: Batch, _ wanted: [NetworkOutput]) throws -> (
        tensors: [Tensor], columns: [Column]
    ) {
        let sequences = try modality.sequences(slice)
        let start = secondsNow()
        let tensors = try MemoryUse.noting(.forward(role: role.name, steps: slice.stepCount)) {
            wanted.contains(.klReference)
                ? try withDivergence(role, sequences, wanted) : try role.network.forward(sequences, wanted)
        }
        let columns = try zip(wanted, tensors).map { output, tensor in
            let packed = tensor.floats.map(Double.init)
            guard packed.allSatisfy(\.isFinite) else {
                throw ZooError(
                    .dataLoss,
                    "'\(output.rawValue)' of role '\(role.name)' is not finite: the network has diverged; lower its learning rate"
                )
            }
            return Column(
                output.rawValue, perStep: output != .score, .f64(output == .score ? packed : Slices.unpack(packed, slice.mask)))
        }
        charge(role, .forward, since: start, flops: role.network.forwardFLOPs(sequences, wanted), steps: slice.stepCount)
        return (tensors, columns)
    }

    /// The same with the KL to the reference, which is evaluated in the middle of the policy's pass.
    private func withDivergence(_ role: RoleNetwork, _ sequences: Sequences, _ wanted: [NetworkOutput]) throws -> [Tensor] {
        let reference = try roles.role("reference")
        guard let found = try modality.forward(role.network, klTo: reference.network, sequences, wanted) else {
            throw RoleRules.noOutput(NetworkOutput.klReference.rawValue, of: role.name)
        }
        count(reference.name, .forward, seconds: 0, flops: found.referenceFLOPs, steps: sequences.stepCount)
        return found.tensors
    }

    // MARK: - Gradients

    package func accumulate(role name: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        try RoleRules.requireSequences(batch)
        let wanted = try outputs.map(Self.output)
        let role = try roles.role(name)
        guard role.optimizer != nil else {
            throw RoleRules.frozen(name)
        }
        role.hasGradient = true
        let costs = modality.costs(batch)
        let limit = limit(role, costs ?? (0..<batch.sequenceCount).map { batch.steps(of: $0).count })
        if let ranks { return try accumulate(role, batch, wanted, flags, limit, loss, ranks) }
        let whole = try Slices.cut(batch, flags: flags, limit: limit, costs: costs)
        guard !whole.isEmpty else { return try accumulateWhole(role, batch, wanted, limit, loss) }
        var total = 0.0
        for part in whole {
            let slice = part.count == batch.sequenceCount ? batch : batch.selecting(part)
            total += try transient(role) {
                let (tensors, columns) = try evaluate(role, slice, wanted)
                let (value, gradients) = try loss(slice, columns)
                try requireFinite(value, role)
                try backward(role, slice, wanted, tensors, gradients)
                return value
            }
        }
        return total
    }

    /// Steps of a pass with gradient: as many as the recipe's, and as their activations may take. If a sequence is longer than that, its
    /// network's blocks compute theirs again from now on, which changes no bit.
    package func limit(role name: String, costs: [Int]) throws -> Int { limit(try roles.role(name), costs) }

    private func limit(_ role: RoleNetwork, _ costs: [Int]) -> Int {
        let network = role.network
        guard network.activationBytes > 0 else { return microbatchTokens }
        let longest = costs.max() ?? 0
        var bytes: Int { network.activationBytes + longest * network.pairBytes }
        if let activations, longest * bytes > activations, let blocks = network as? any RecomputingNetwork, !blocks.recomputes {
            notice(
                "\(role.name): the activations of \(longest) tokens would take \(memorySize(longest * bytes)), more than "
                    + "memory.activations (\(memorySize(activations))): its blocks compute theirs again in the backward pass")
            blocks.recomputes = true
        }
        return max(1, min(microbatchTokens, (activations ?? 1 << 30) / bytes))
    }

    /// The loss sees everything at once; the passes are split, first without and then with gradient.
    private func accumulateWhole(
        _ role: RoleNetwork, _ batch: Batch, _ wanted: [NetworkOutput], _ limit: Int, _ loss: LossCall
    ) throws -> Double {
        let columns = try forward(role, batch, wanted)
        let (total, gradients) = try loss(batch, columns)
        try requireFinite(total, role)
        for part in Slices.bySteps(batch, limit: limit, costs: modality.costs(batch)) {
            let slice = batch.selecting(part)
            let parts = zip(wanted, gradients).map { Slices.gather($1, perStep: $0 != .score, of: part, in: batch) }
            try transient(role) { try backward(role, slice, wanted, evaluate(role, slice, wanted).tensors, parts) }
        }
        return total
    }

    func requireFinite(_ loss: Double, _ role: RoleNetwork) throws {
        guard !loss.isFinite else { return }
        empty(role)  // an update that the plugin asks for all the same has nothing to apply
        throw ZooError(
            .dataLoss,
            "the loss of role '\(role.name)' is \(loss) in iteration \(ledger.algorithmSteps + 1); expected a finite number: the "
                + "gradients of such a loss mean nothing, so nothing was updated")
    }

    func backward(
        _ role: RoleNetwork, _ slice: Batch, _ wanted: [NetworkOutput], _ tensors: [Tensor], _ gradients: [[Double]]
    ) throws {
        let start = secondsNow()
        var roots: [Tensor] = []
        var seeds: [Tensor] = []
        for (index, output) in wanted.enumerated() {
            let packed = output == .score ? gradients[index] : try Slices.pack(gradients[index], slice.mask, output.rawValue)
            guard packed.allSatisfy(\.isFinite) else {
                throw ZooError(.dataLoss, "the loss's gradient of '\(output.rawValue)' is not finite")
            }
            // Outputs that the loss only reads need no backward pass, nor do outputs that depend on no weight.
            guard packed.contains(where: { $0 != 0 }), tensors[index].requiresGrad else { continue }
            roots.append(tensors[index])
            seeds.append(Tensor(packed.map(Float.init), shape: [packed.count], device: tensors[index].device))
        }
        guard !roots.isEmpty else { return }
        MemoryUse.noting(.backward(role: role.name, steps: slice.stepCount)) { ZooTensor.backward(roots, gradients: seeds) }
        let sequences = try modality.sequences(slice)
        let recomputing = (role.network as? any RecomputingNetwork).flatMap { $0.recomputes ? $0 : nil }
        let again = recomputing?.recomputedFLOPs(sequences, wanted) ?? 0
        charge(
            role, .backward, since: start, flops: role.network.backwardFLOPs(sequences, wanted) + again, steps: slice.stepCount)
    }

    func optimizerStep(role name: String) throws -> UpdateInfo {
        let role = try roles.role(name)
        guard let optimizer = role.optimizer, role.hasGradient else {
            throw RoleRules.noGradient(name)
        }
        if let ranks { try sum(role, ranks) }
        let start = secondsNow()
        let limit = role.settings.maxGradientNorm
        let norm =
            limit > 0 ? clipGradientNorm(role.network.parameters, maxNorm: limit) : gradientNorm(role.network.parameters)
        guard norm.isFinite else {
            empty(role)
            throw ZooError(.dataLoss, "the gradient of role '\(name)' is not finite (norm \(norm)); nothing was updated")
        }
        let rate = role.learningRate(at: progress())
        MemoryUse.noting(.update(role: name)) { optimizer.step(learningRate: rate) }
        empty(role)
        role.version += 1
        charge(role, .optimize, since: start, flops: 0, steps: 0)
        if let ranks, let shards = role.shards { try share(role, shards, ranks) }
        return UpdateInfo(gradientNorm: norm, learningRate: rate, version: role.version)
    }

    /// Empties the role's gradient, without building the role.
    package func discard(role name: String) throws {
        guard let role = try roles.known(name) else { return }
        empty(role)
    }

    private func empty(_ role: RoleNetwork) {
        // Of all parameters: an optimizer may be that of a part of them.
        if role.optimizer != nil { for parameter in role.network.parameters { parameter.tensor.clearGradient() } }
        sums[role.name] = nil
        role.hasGradient = false
    }

    func blend(destination: String, source: String, weight: Double) throws {
        let from = try roles.role(source)
        let start = secondsNow()
        roles.addCopy(destination, of: from)
        let to = try roles.role(destination)
        guard to.optimizer == nil else {
            throw RoleRules.trained(destination)
        }
        if from.network.isAdapted || to.network.isAdapted {
            guard weight == 1 else {
                throw ZooError(
                    .invalidArgument,
                    """
                    role '\(source)' is an adapter: a mix of two is not an adapter of that rank; role '\(destination)' can only be \
                    blended with weight 1, not \(weight), unless policy.lora is left out
                    """)
            }
            // The base is unchanged: others use it.
            to.become(copyOf: from)
            return finishBlend(to, from, since: start)
        }
        guard to.network.parameters.count == from.network.parameters.count else {
            throw RoleRules.different(destination, source)
        }
        withoutGrad {
            for (into, out) in zip(to.network.parameters, from.network.parameters) {
                into.tensor.copy(from: weight == 1 ? out.tensor : into.tensor * (1 - weight) + out.tensor * weight)
            }
        }
        finishBlend(to, from, since: start)
    }

    private func finishBlend(_ to: RoleNetwork, _ from: RoleNetwork, since start: Double) {
        to.version = from.version
        if to.name == "reference" { referenceScores = [:] }
        charge(to, .optimize, since: start, flops: 0, steps: 0)
    }

    // MARK: - The account

    /// Charges the time since `start`; what a GPU was asked for is done then.
    func charge(_ role: RoleNetwork, _ activity: Ledger.Activity, since start: Double, flops: Double, steps: Int) {
        device.synchronize()
        charge(role, activity, from: start, to: secondsNow(), flops: flops, steps: steps)
    }

    func charge(
        _ role: RoleNetwork, _ activity: Ledger.Activity, from start: Double, to end: Double, flops: Double, steps: Int
    ) {
        count(role.name, activity, seconds: end - start, flops: flops, steps: steps)
        observe?("\(activity.rawValue) \(role.name)", start, end, flops, steps)
    }

    /// Runs a pass and records its transient memory.
    func transient<Result>(_ role: RoleNetwork, _ pass: () throws -> Result) throws -> Result {
        let (result, bytes) = try device.transientBytes(of: pass)
        ledger.note(role.name, transientBytes: bytes)
        return result
    }

    /// The ledger with the current memory of the roles.
    package func ledgerWithBytes() -> Ledger {
        var ledger = ledger
        // Shared weights are counted once: for the policy, else for the first role by name.
        var counted: Set<ObjectIdentifier> = []
        func count(_ tensors: [NamedTensor]) -> Int { tensors.reduce(0) { $0 + $1.tensor.count } }
        func bytes(_ tensors: [NamedTensor]) -> Int { tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.size } }
        for name in roles.built.keys.sorted(by: { ($0 == "policy" ? 0 : 1, $0) < ($1 == "policy" ? 0 : 1, $1) }) {
            guard let role = roles.built[name] else { continue }
            let all = role.network.parameters + role.network.frozen
            let held = all.filter { counted.insert(ObjectIdentifier($0.tensor)).inserted }
            var account = ledger.roles[name] ?? Ledger.Account()
            account.parameters = count(held)
            account.weightBytes = bytes(held) + role.network.copyBytes
            account.gradientBytes = role.optimizer == nil ? 0 : count(role.network.parameters) * MemoryLayout<Float>.size
            account.optimizerBytes = role.optimizer?.bytes ?? 0
            ledger.roles[name] = account
        }
        if let past, let policy = roles.built["policy"] { ledger.note(past, of: policy) }
        return ledger
    }

    private static func output(_ name: String) throws -> NetworkOutput {
        guard let output = NetworkOutput(rawValue: name) else {
            throw ZooError(
                .notFound,
                "there is no output '\(name)'; known are: \(NetworkOutput.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return output
    }
}
