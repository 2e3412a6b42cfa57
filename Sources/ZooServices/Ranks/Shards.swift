import ZooTensor

/// Which rank holds which parameter's optimizer state and moves that parameter, for the others too. Stage 1 of ZeRO (Rajbhandari et al.
/// 2020, section 5.1), by whole tensors: so every number is moved as one process would move it.
package struct Shards {
    /// By parameter.
    package let owners: [Int]

    /// The largest tensors first, each to the rank that has least so far.
    init(of parameters: [NamedTensor], ranks: Int) {
        var owners = [Int](repeating: 0, count: parameters.count)
        var held = [Int](repeating: 0, count: ranks)
        let sizes = parameters.map(\.tensor.count)
        for index in parameters.indices.sorted(by: { (-sizes[$0], $0) < (-sizes[$1], $1) }) {
            let least = held.indices.min { (held[$0], $0) < (held[$1], $1) } ?? 0
            owners[index] = least
            held[least] += sizes[index]
        }
        self.owners = owners
    }

    /// What a rank owns of these.
    func part<Element>(of all: [Element], _ rank: Int) -> [Element] { zip(all, owners).filter { $1 == rank }.map(\.0) }
}

extension Ranks {
    /// Makes parameters, each of which one rank has moved, the same everywhere.
    func share(_ parameters: [NamedTensor], _ shards: Shards, _ call: String) throws {
        guard let group else { return }
        try timed(call) { try group.share(parameters.map(\.tensor), owners: shards.owners, call) }
    }

    /// On rank 0 the tensors of `owner`, by name; nothing elsewhere. All ranks call it.
    package func collect(_ own: [String: Tensor], from owner: Int, _ call: String) throws -> [NamedTensor] {
        let held = own.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }
        guard let group else { return held }
        var message = RankMessage()
        if rank == owner {
            message.put(held.count)
            for tensor in held {
                message.put(tensor.name)
                message.put(tensor.tensor.shape)
            }
        }
        var list = try gather(message, call)[owner]
        let names = try (0..<list.number()).map { _ in (try list.text(), try list.numbers(Int.self)) }
        let parts = rank == owner ? held : rank == 0 ? names.map { NamedTensor($0, .zeros($1)) } : []
        try timed(call) { try group.move(parts.map(\.tensor), from: owner, to: 0, call) }
        return rank == 0 ? parts : []
    }
}
