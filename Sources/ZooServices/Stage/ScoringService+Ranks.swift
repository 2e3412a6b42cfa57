import ZooKit
import ZooRecords

extension Ranks {
    /// The scores of a batch, of which each rank asks for some: neighbouring sequences.
    func share(_ batch: Batch, _ reward: String, _ ledger: inout Ledger, _ score: (Range<Int>) throws -> ProgramScores) throws
        -> ProgramScores
    {
        let own = part(of: batch.sequenceCount)
        let scores = own.isEmpty ? ProgramScores(totals: [], components: [], steps: []) : try score(own)
        var message = RankMessage()
        message.put(scores.totals)
        message.put(scores.components.count)
        for component in scores.components {
            message.put(component.name)
            message.put(component.values)
        }
        for steps in scores.steps {
            message.put(steps == nil ? 0 : 1)
            message.put(steps ?? [])
        }
        var found = try exchange(message, batch, reward, &ledger)
        var all = ProgramScores(totals: [], components: [], steps: [])
        for rank in found.indices {
            let before = all.totals.count
            let totals = try found[rank].numbers(Double.self)
            all.totals += totals
            for _ in 0..<(try found[rank].number()) {
                let (name, values) = (try found[rank].text(), try found[rank].numbers(Double.self))
                let place = all.components.firstIndex { $0.name == name }
                if place == nil { all.components.append((name, Array(repeating: .nan, count: before))) }
                all.components[place ?? all.components.count - 1].values += values
            }
            // A part that another rank's answer has and this one's has not.
            for place in all.components.indices where all.components[place].values.count < all.totals.count {
                all.components[place].values += Array(repeating: .nan, count: totals.count)
            }
            for _ in totals {
                let isGiven = try found[rank].number() != 0
                let steps = try found[rank].numbers(Double.self)
                all.steps.append(isGiven ? steps : nil)
            }
        }
        return all
    }

    /// A reward model's scores, from those of the parts that this rank has evaluated.
    func join(_ own: [Double], of parts: [[Int]], _ batch: Batch, _ reward: String, _ ledger: inout Ledger) throws -> [Double] {
        var message = RankMessage()
        message.put(own)
        var found = try exchange(message, batch, reward, &ledger)
        let scores = try found.indices.map { try found[$0].numbers(Double.self) }
        var next = Array(repeating: 0, count: size)
        return parts.enumerated().flatMap { index, part in
            let rank = index % size
            defer { next[rank] += part.count }
            return scores[rank][next[rank]..<next[rank] + part.count]
        }
    }

    private func exchange(_ message: RankMessage, _ batch: Batch, _ reward: String, _ ledger: inout Ledger) throws -> [RankReader]
    {
        let (before, call) = (seconds, "reward \(reward)")
        defer { ledger.communicate(seconds - before) }
        var whole = RankMessage()
        whole.put(RankPrint(batch, asked: [call]))
        whole.put(message.bytes)
        var found = try gather(whole, call)
        try Self.require(found.indices.map { try found[$0].print() }, call)
        return try found.indices.map { RankReader(try found[$0].numbers(UInt8.self)) }
    }
}
