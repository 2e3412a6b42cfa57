import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// The complete state of a run between two iterations, in `checkpoints/step-N/`: only safetensors and JSON.
///
/// It is written under a temporary name, flushed and renamed, so a checkpoint with its proper name is complete. Its manifest
/// lists what it consists of, and is fully verified before anything is read. The newest two are kept unless the recipe says otherwise: if
/// the newest was damaged since, the one before it is there.
struct Checkpoint {
    /// What is not a tensor.
    struct State: Codable {
        var step: Int
        /// Versions of the built roles.
        var versions: [String: Int]
        /// Roles that the algorithm made itself by `blend`, and are frozen.
        var frozen: [String]
        var cursors: [String: DataPosition]
        var random: SplitMix64
        var sampling: Data
        var ledger: Ledger
        var schedule: EvaluationSchedule?
        /// Whether the optimizers' states are there.
        var hasOptimizers: Bool?
        /// Policies that coming rollouts are drawn with; their weights are in `past-ITERATION.safetensors`.
        var past: [Past]?

        struct Past: Codable {
            var iteration: Int
            var version: Int
        }
    }

    let folder: RunFolder
    var settings = CheckpointSettings()

    /// The newest checkpoint's iteration, after verifying every byte of it; nil if there is none.
    ///
    /// - Throws: `.dataLoss` if it is damaged, with the fault and the checkpoint to use instead.
    func newest() throws -> Int? {
        let steps = try steps()
        guard let step = steps.last else { return nil }
        guard let fault = try fault(in: step) else { return step }
        let before = try steps.dropLast().last { try self.fault(in: $0) == nil }
        let way =
            before.map {
                "remove that folder (rm -r \(url(step).path)) and resume again, which then continues from the previous checkpoint, step-\($0)"
            } ?? "no earlier checkpoint is intact: start again in another folder"
        throw ZooError(.dataLoss, "the checkpoint \(url(step).path) is damaged: \(fault); \(way)")
    }

    /// The iterations of all checkpoints, in order.
    private func steps() throws -> [Int] {
        guard FileManager.default.fileExists(atPath: folder.checkpoints.path) else { return [] }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints.path)
        return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
    }

    /// The fault of a checkpoint, in a few words; nil if it is unchanged.
    private func fault(in step: Int) throws -> String? {
        let part = url(step)
        let manifest: Manifest
        do { manifest = try Manifest(reading: part.appending(path: Self.manifest)) } catch {
            return "its \(Self.manifest) is missing or was changed"
        }
        guard manifest.step == step else {
            return "its manifest says step \(manifest.step.map(String.init) ?? "none")"
        }
        let found = try FileManager.default.subpathsOfDirectory(atPath: part.path)
        if let extra = found.sorted().first(where: { $0 != Self.manifest && manifest.files[$0] == nil }) {
            return "\(extra) does not belong to it"
        }
        return manifest.fault(in: part)
    }

    private static let manifest = "manifest.json"

    private func url(_ step: Int) -> URL { folder.checkpoints.appending(path: "step-\(step)", directoryHint: .isDirectory) }

    // MARK: - Size

    /// Bytes that a checkpoint of these services takes.
    static func bytes(_ services: RunServices, _ settings: CheckpointSettings) -> Int {
        let copies = services.model.past.flatMap { past in
            services.model.roles.built["policy"].map { past.lag * $0.numbers * MemoryLayout<Float>.size }
        }
        return services.model.roles.built.values.filter(\.isSaved).reduce(copies ?? 0) { sum, role in
            sum + role.numbers * MemoryLayout<Float>.size
                + (settings.optimizer ? role.shards.map { _ in role.stateBytes } ?? role.optimizer?.bytes ?? 0 : 0)
        }
    }

    /// Checkpoints that lie on the disk at once: those that are kept, and the one that is being written.
    static func kept(_ settings: CheckpointSettings, _ iterations: Int) -> Int {
        let written = settings.every > 0 ? iterations / settings.every : 0
        return min(settings.keep + 1, max(written, settings.afterEnd ? 1 : 0))
    }

    /// Says before the first checkpoint what they take, if that is much or more than the disk has.
    func announce(_ settings: CheckpointSettings, of services: RunServices) {
        guard settings.every > 0 else { return }
        let bytes = Self.bytes(services, settings)
        // The one that is being written comes to those that stay.
        let most = bytes * (settings.keep + 1)
        let system = try? FileManager.default.attributesOfFileSystem(forPath: folder.url.path)
        let free = (system?[.systemFreeSize] as? NSNumber)?.intValue
        let isScarce = free.map { $0 < most } ?? false
        guard bytes >= 256 << 20 || isScarce else { return }
        var sentence =
            "a checkpoint takes \(memorySize(bytes)), every \(settings.every) iterations; \(settings.keep) are kept, and \(memorySize(most)) taken "
            + "while one is written"
        if let free, isScarce {
            sentence +=
                "; the disk of \(folder.url.path) has \(memorySize(free)): set checkpoints.keep or checkpoints.optimizer, or checkpoints.every to 0"
        }
        RunEvent.send(.message(sentence))
    }

    // MARK: - Writing

    /// Rank 0 writes; every rank must hold the same before the checkpoint gets its name.
    func save(step: Int, services: RunServices, algorithm: AlgorithmInstance) throws {
        func agree() throws {
            guard let ranks = services.model.ranks, ranks.areSeveral else { return }
            try ranks.agree(print(services, algorithm), "checkpoint of iteration \(step)")
        }
        guard services.model.ranks?.writes ?? true else {
            try writeOptimizers(services.model, to: nil)
            return try agree()
        }
        do {
            try OutputFolder.write(url(step), existing: .replace) { part in
                try write(to: part, step: step, services: services, algorithm: algorithm)
                try agree()
            }
        } catch {
            let reason = ZooError(plain: error)
            throw ZooError(
                reason.code, "the checkpoint of iteration \(step) in \(folder.checkpoints.path) could not be written: \(reason)")
        }
        for old in try steps().filter({ $0 < step }).dropLast(settings.keep - 1) { OutputFolder.discard(url(old)) }
    }

    /// What all ranks must hold after the same iterations.
    private func print(_ services: RunServices, _ algorithm: AlgorithmInstance) throws -> RankPrint {
        var print = RankPrint()
        print.add("the position in the data", Array(try JSON.encode(services.data.cursors)))
        print.add("the generator of samples", services.sampling.state)
        print.add("the plugin's random numbers", Array(try JSON.encode(services.random)))
        print.add("the plugin's state", Array(try algorithm.save()))
        for (name, role) in services.model.roles.built.sorted(by: { $0.key < $1.key }) {
            print.add("the version of '\(name)'", [role.version])
            guard role.optimizer != nil else { continue }
            for parameter in role.network.parameters { print.add("'\(name)', \(parameter.name)", parameter.tensor.floats) }
        }
        return print
    }

    private func write(to part: URL, step: Int, services: RunServices, algorithm: AlgorithmInstance) throws {
        let roles = services.model.roles.built
        let saved = roles.filter { $0.value.isSaved }
        for (name, role) in saved {
            try Safetensors.write(role.network.parameters, to: part.appending(path: "\(name).safetensors"))
        }
        try writeOptimizers(services.model, to: part)
        let past = services.model.past?.needed(after: step)
        for past in past ?? [] {
            try Safetensors.write(past.network.parameters, to: part.appending(path: Self.file(ofPast: past.iteration)))
        }
        try Safetensors.write(packed(services.model.referenceScores), to: part.appending(path: "reference-scores.safetensors"))
        try OutputFile.write(algorithm.save(), to: part.appending(path: "algorithm.bin"))
        let state = State(
            step: step, versions: roles.mapValues(\.version),
            frozen: roles.filter { $0.value.optimizer == nil }.map(\.key).sorted(),
            cursors: services.data.cursors, random: services.random, sampling: Data(services.sampling.state),
            ledger: services.model.ledgerWithBytes(), schedule: services.schedule, hasOptimizers: settings.optimizer,
            past: past?.map { State.Past(iteration: $0.iteration, version: $0.version) })
        try OutputFile.write(JSON.encode(state), to: part.appending(path: "state.json"))
        try Manifest(of: part, files: InputFolder.files(in: part), step: step, roles: saved.keys.sorted())
            .write(to: part.appending(path: Self.manifest))
    }

    private static func file(ofPast iteration: Int) -> String { "past-\(iteration).safetensors" }

    // MARK: - Reading

    /// Restores the state of iteration `step` into new services and the algorithm. Returns the iteration.
    func restore(_ step: Int, into services: RunServices, algorithm: AlgorithmInstance) throws {
        let part = url(step)
        let saved = try Manifest(reading: part.appending(path: Self.manifest)).roles
        let state = try JSON.decode(State.self, from: part.appending(path: "state.json"))
        // Roles of the recipe come first: those that the algorithm made are copies of them.
        for (name, version) in state.versions.sorted(by: {
            (state.frozen.contains($0.key) ? 1 : 0, $0.key) < (state.frozen.contains($1.key) ? 1 : 0, $1.key)
        }) {
            if (try? services.model.roles.outputs(of: name)) == nil {
                services.model.roles.addCopy(name, of: try services.model.roles.role("policy"))
            }
            let role = try services.model.roles.role(name)
            role.version = version
            let weights = part.appending(path: "\(name).safetensors")
            guard saved.contains(name) else {
                guard !role.isSaved else {
                    throw ZooError(.dataLoss, "the checkpoint \(part.path) lacks the weights of role '\(name)'")
                }
                continue
            }
            let tensors = try Safetensors.read(weights)
            // A reference that was the plain base has become a copy of the policy's adapter.
            if role.optimizer == nil, let policy = services.model.roles.built["policy"], policy.network.isAdapted,
                policy.network.parameters.allSatisfy({ tensors[$0.name] != nil })
            {
                role.become(copyOf: policy)
            }
            try role.network.parameters.assign(tensors, file: weights)
            if state.hasOptimizers != false { try restoreOptimizer(role, from: part) }
        }
        if state.hasOptimizers == false {
            RunEvent.send(
                .message(
                    "the checkpoint has no optimizer state (checkpoints.optimizer: false): the optimizer begins anew, so that the run is "
                        + "not what it would have been without the stop"))
        }
        if let past = services.model.past {
            let policy = try services.model.roles.role("policy")
            try past.restore((state.past ?? []).map { ($0.iteration, $0.version) }, copying: policy) { iteration, network in
                let file = part.appending(path: Self.file(ofPast: iteration))
                try network.parameters.assign(Safetensors.read(file), file: file)
            }
        }
        services.model.referenceScores = try unpacked(Safetensors.read(part.appending(path: "reference-scores.safetensors")))
        services.model.ledger = state.ledger
        services.random = state.random
        services.schedule = state.schedule
        try services.sampling.restore(Array(state.sampling))
        try services.data.restore(state.cursors)
        try algorithm.load(InputFile.data(part.appending(path: "algorithm.bin")))
    }

    // MARK: - The reference's scores

    private func packed(_ scores: [[Int32]: Double]) -> [NamedTensor] {
        let entries = scores.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        guard !entries.isEmpty else { return [] }
        return [
            NamedTensor("lengths", Tensor(entries.map(\.key.count))),
            NamedTensor("keys", Tensor(entries.flatMap { $0.key.map(Int.init) })),
            // The bits of the doubles: integers cross every format unchanged.
            NamedTensor("scores", Tensor(entries.map { Int(Int64(bitPattern: $0.value.bitPattern)) })),
        ]
    }

    private func unpacked(_ tensors: [String: Tensor]) throws -> [[Int32]: Double] {
        guard let lengths = tensors["lengths"]?.integers, let keys = tensors["keys"]?.integers,
            let scores = tensors["scores"]?.integers
        else { return [:] }
        guard lengths.count == scores.count, lengths.reduce(0, +) == keys.count else {
            throw ZooError(.dataLoss, "reference-scores.safetensors in \(folder.checkpoints.path) is inconsistent")
        }
        var result: [[Int32]: Double] = [:]
        var start = 0
        for (length, score) in zip(lengths, scores) {
            let end = start + length
            result[keys[start..<end].map { Int32(truncatingIfNeeded: $0) }] = Double(bitPattern: UInt64(bitPattern: Int64(score)))
            start = end
        }
        return result
    }
}

extension RoleNetwork {
    /// Numbers of its own, without a frozen base that it adapts.
    var numbers: Int { network.parameters.reduce(0) { $0 + $1.tensor.count } }
}

extension RoleNetwork {
    /// Whether a checkpoint has its weights: not if they never differ from the recipe's model.
    fileprivate var isSaved: Bool { optimizer != nil || version > 0 || !["reference", "teacher"].contains(name) }
}

extension [NamedTensor] {
    /// Copies tensors of a file into these, by name.
    func assign(_ tensors: [String: Tensor], file: URL) throws {
        for parameter in self {
            guard let saved = tensors[parameter.name] else {
                throw ZooError(.dataLoss, "\(file.path) has no tensor '\(parameter.name)'")
            }
            guard saved.shape == parameter.tensor.shape else {
                throw ZooError(
                    .dataLoss,
                    "\(file.path): tensor '\(parameter.name)' has shape \(saved.shape); expected \(parameter.tensor.shape)")
            }
            parameter.tensor.copy(from: saved)
        }
    }
}
