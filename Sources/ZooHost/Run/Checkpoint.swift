import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooTensor

/// The whole state of a run between two steps, in `checkpoints/step-N/`: safetensors and JSON, nothing else.
///
/// It is written under a temporary name, flushed and renamed, so what carries its proper name is whole.
struct Checkpoint {
    /// What is not a tensor.
    struct State: Codable {
        var step: Int
        /// Versions of the built roles.
        var versions: [String: Int]
        /// Roles that the algorithm made itself by `blend`, and are frozen.
        var frozen: [String]
        var cursors: [String: DataCursor]
        var random: SplitMix64
        var sampling: Data
        var ledger: Ledger
    }

    let folder: RunFolder

    /// The newest whole checkpoint's step; nil where there is none.
    func newest() throws -> Int? {
        guard FileManager.default.fileExists(atPath: folder.checkpoints.path) else { return nil }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints.path)
        return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.max()
    }

    private func url(_ step: Int) -> URL { folder.checkpoints.appending(path: "step-\(step)", directoryHint: .isDirectory) }

    // MARK: - Writing

    func save(step: Int, services: RunServices, algorithm: AlgorithmInstance) throws {
        let files = FileManager.default
        try files.createDirectory(at: folder.checkpoints, withIntermediateDirectories: true)
        let part = folder.checkpoints.appending(path: ".step-\(step).tmp", directoryHint: .isDirectory)
        if files.fileExists(atPath: part.path) { try files.removeItem(at: part) }
        try files.createDirectory(at: part, withIntermediateDirectories: false)
        do {
            try write(to: part, step: step, services: services, algorithm: algorithm)
            if files.fileExists(atPath: url(step).path) { try files.removeItem(at: url(step)) }
            try files.moveItem(at: part, to: url(step))
        } catch {
            try? files.removeItem(at: part)  // the first error is the one that matters
            throw ZooError(
                .resourceExhausted, "the checkpoint of step \(step) in \(folder.checkpoints.path) could not be written: \(error)")
        }
        Files.synchronize(folder: folder.checkpoints)
        try removeOlder(than: step)
    }

    private func write(to part: URL, step: Int, services: RunServices, algorithm: AlgorithmInstance) throws {
        let roles = services.model.roles.built
        for (name, role) in roles {
            guard role.optimizer != nil || role.version > 0 || !["reference", "teacher"].contains(name) else { continue }
            try Safetensors.write(role.network.parameters, to: part.appending(path: "\(name).safetensors"))
            if let optimizer = role.optimizer {
                try Safetensors.write(
                    optimizer.state.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) },
                    to: part.appending(path: "\(name).optimizer.safetensors"))
            }
        }
        try Safetensors.write(packed(services.model.referenceScores), to: part.appending(path: "reference-scores.safetensors"))
        try Files.write(algorithm.save(), to: part.appending(path: "algorithm.bin"))
        let state = State(
            step: step, versions: roles.mapValues(\.version),
            frozen: roles.filter { $0.value.optimizer == nil }.map(\.key).sorted(),
            cursors: services.data.cursors, random: services.random, sampling: Data(services.sampling.state),
            ledger: services.model.ledgerWithBytes())
        try Files.write(JSON.encode(state), to: part.appending(path: "state.json"))
        Files.synchronize(folder: part)
    }

    private func removeOlder(than step: Int) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints.path) {
            guard let old = name.hasPrefix("step-") ? Int(name.dropFirst(5)) : nil, old < step else { continue }
            try FileManager.default.removeItem(at: url(old))
        }
    }

    // MARK: - Reading

    /// Puts the state of `step` into services that were just made, and into the algorithm. Returns the step.
    func restore(_ step: Int, into services: RunServices, algorithm: AlgorithmInstance) throws {
        let part = url(step)
        let state = try JSON.decode(State.self, from: part.appending(path: "state.json"))
        // Roles of the recipe come first: what the algorithm made itself are copies of them.
        for (name, version) in state.versions.sorted(by: {
            (state.frozen.contains($0.key) ? 1 : 0, $0.key) < (state.frozen.contains($1.key) ? 1 : 0, $1.key)
        }) {
            if (try? services.model.roles.outputs(of: name)) == nil {
                services.model.roles.addCopy(name, of: try services.model.roles.role("policy"))
            }
            let role = try services.model.roles.role(name)
            role.version = version
            let weights = part.appending(path: "\(name).safetensors")
            guard FileManager.default.fileExists(atPath: weights.path) else { continue }
            let saved = try Safetensors.read(weights)
            // A reference that was the base alone has become a copy of the policy's adapter.
            if role.optimizer == nil, let policy = services.model.roles.built["policy"], policy.network.isAdapted,
                policy.network.parameters.allSatisfy({ saved[$0.name] != nil })
            {
                role.become(copyOf: policy)
            }
            try role.network.parameters.assign(saved, file: weights)
            if let optimizer = role.optimizer {
                try optimizer.restore(try Safetensors.read(part.appending(path: "\(name).optimizer.safetensors")))
            }
        }
        services.model.referenceScores = try unpacked(Safetensors.read(part.appending(path: "reference-scores.safetensors")))
        services.model.ledger = state.ledger
        services.random = state.random
        try services.sampling.restore(Array(state.sampling))
        try services.data.restore(state.cursors)
        try algorithm.load(Data(contentsOf: part.appending(path: "algorithm.bin")))
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
