import Foundation
import ZooBase
import ZooKit
import ZooServices
import ZooTensor

// The optimizers' states: `ROLE.optimizer.safetensors`, or, where ranks share one out, a file of each rank's part, the first of three being
// `ROLE.optimizer-00001-of-00003.safetensors`. Any number of ranks reads either.

extension Checkpoint {
    /// Writes the states. Rank 0 is given what other ranks hold, one rank's part at a time; those call this without a folder.
    func writeOptimizers(_ model: NetworkService, to part: URL?) throws {
        guard settings.optimizer else { return }
        for (name, role) in model.roles.built.sorted(by: { $0.key < $1.key }) {
            guard let optimizer = role.optimizer else { continue }
            guard let ranks = model.ranks, role.shards != nil else {
                let state = optimizer.state.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }
                if let part { try Safetensors.write(state, to: part.appending(path: "\(name).optimizer.safetensors")) }
                continue
            }
            for owner in 0..<ranks.size {
                let own = ranks.rank == owner ? optimizer.state : [:]
                let state = try ranks.collect(own, from: owner, "state of \(name), rank \(owner)")
                let file = "\(name).optimizer-\(Self.digits(owner + 1))-of-\(Self.digits(ranks.size)).safetensors"
                if let part { try Safetensors.write(state, to: part.appending(path: file)) }
            }
        }
    }

    private static func digits(_ number: Int) -> String { String(format: "%05d", number) }

    /// Continues with the state of a checkpoint's folder; of a state that is shared out, with this rank's part.
    func restoreOptimizer(_ role: RoleNetwork, from part: URL) throws {
        guard let optimizer = role.optimizer else { return }
        let (prefix, suffix) = ("\(role.name).optimizer", ".safetensors")
        let files = try InputFolder.files(in: part).filter {
            $0.hasPrefix(prefix) && $0.hasSuffix(suffix) && [".", "-"].contains($0.dropFirst(prefix.count).prefix(1))
        }
        guard !files.isEmpty else {
            throw ZooError(.dataLoss, "the checkpoint \(part.path) lacks the optimizer's state of role '\(role.name)'")
        }
        let others = role.others
        var state: [String: Tensor] = [:]
        for file in files {
            let found = try Safetensors.read(part.appending(path: file)) { name in
                !others.contains(String(name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex)))
            }
            state.merge(found) { $1 }
        }
        try optimizer.restore(state)
    }
}
