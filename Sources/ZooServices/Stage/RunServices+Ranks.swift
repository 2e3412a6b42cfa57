import ZooKit
import ZooModels
import ZooPlugins
import ZooRecords
import ZooTensor

extension RunServices {
    /// Samples, whole prompts of which are drawn by one rank each. All ranks draw the random numbers of all samples, so that a sample does
    /// not depend on who draws it.
    func drawn(
        _ request: SamplingRequest, _ role: RoleNetwork, past: PastPolicies.Past?, _ generator: Generator, _ ranks: Ranks
    ) throws -> Drawn {
        let (state, call) = (generator.state, "generate \(role.name)")
        let parts = ranks.parts(ofPrompts: request.prompts.sequenceCount, samples: request.samples)
        return try model.shared {
            var (message, draws, after) = (RankMessage(), 0, state)
            for (index, part) in parts.enumerated() where ranks.does(index) {
                try generator.restore(state)
                let own = try draw(request.choosing(part), role, past: past, generator)
                try message.put(own)
                if own.draws > draws { (draws, after) = (own.draws, generator.state) }
            }
            message.put(draws)
            message.put(after)
            let print = RankPrint(request.prompts, asked: [call, "\(request.samples) samples of each prompt"])
            var found = try model.exchange(ranks, message, call, print)
            var all: [Drawn] = []
            for index in parts.indices { all.append(try found[index % ranks.size].drawn()) }
            let ends = try found.indices.map { (draws: try found[$0].number(), state: try found[$0].numbers(UInt8.self)) }
            if let last = ends.max(by: { $0.draws < $1.draws }) { try generator.restore(last.state) }
            guard !all.isEmpty else { return try draw(request, role, past: past, generator) }
            return Drawn(joining: all)
        }
    }
}

extension Drawn {
    /// Samples of neighbouring prompts, as one call would have drawn them.
    fileprivate init(joining parts: [Drawn]) {
        let batches = parts.map { part in
            var batch = part.batch
            for column in part.columns { batch.set(column) }
            return batch
        }
        let all = Batch.concatenated(batches)
        self.init(
            batch: Batch(offsets: all.offsets, tokens: all.tokens, mask: all.mask), logp: parts.flatMap(\.logp),
            finished: parts.flatMap(\.finished), columns: all.columns, flops: 0, steps: 0)
    }
}

extension RankMessage {
    /// What one rank drew; what it cost is told apart.
    fileprivate mutating func put(_ drawn: Drawn) throws {
        try put(drawn.batch)
        put(drawn.logp)
        put(drawn.finished.map { $0 ? UInt8(1) : 0 })
        put(drawn.columns.count)
        for column in drawn.columns { try put(column) }
    }
}

extension RankReader {
    fileprivate mutating func drawn() throws -> Drawn {
        let (batch, logp) = (try batch(), try numbers(Float.self))
        let finished = try numbers(UInt8.self).map { $0 != 0 }
        let columns = try (0..<number()).map { _ in try column() }
        return Drawn(batch: batch, logp: logp, finished: finished, columns: columns, flops: 0, steps: 0)
    }
}
