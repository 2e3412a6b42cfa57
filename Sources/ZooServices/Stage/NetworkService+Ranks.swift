import CZoo
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecords
import ZooTensor

// The same passes, shared by several processes: each makes some of them, and all see the outputs of all.

extension NetworkService {
    /// What a pass came to, for the ledgers of all ranks.
    struct Charge {
        var role: String
        var activity: Ledger.Activity
        var flops: Double
        var steps: Int
    }

    /// Counts a pass. Its operations and steps are counted on every rank, its seconds where they were spent.
    func count(_ role: String, _ activity: Ledger.Activity, seconds: Double, flops: Double, steps: Int) {
        guard charges != nil else { return ledger.charge(role, activity, seconds: seconds, flops: flops, steps: steps) }
        ledger.charge(role, activity, seconds: seconds, flops: 0, steps: 0)
        charges?.append(Charge(role: role, activity: activity, flops: flops, steps: steps))
    }

    /// Runs `body`, whose passes are some of those of all ranks.
    func shared<Result>(_ body: () throws -> Result) rethrows -> Result {
        charges = []
        defer { charges = nil }
        return try body()
    }

    /// Every rank's message after what it was charged, which is charged here too.
    ///
    /// - Parameter print: what every rank must hold, the first time; nil: it was compared before.
    func exchange(_ ranks: Ranks, _ message: RankMessage, _ call: String, _ print: RankPrint? = nil) throws -> [RankReader] {
        var whole = RankMessage()
        whole.put(print == nil ? 0 : 1)
        if let print { whole.put(print) }
        whole.put(charges?.count ?? 0)
        for charge in charges ?? [] {
            whole.put(charge.role)
            whole.put(charge.activity.rawValue)
            whole.put([charge.flops])
            whole.put(charge.steps)
        }
        whole.put(message.bytes)
        charges = []
        let before = ranks.seconds
        let found = try ranks.gather(whole, call)
        ledger.communicate(ranks.seconds - before)
        var prints: [RankPrint] = []
        let rests = try found.map { found in
            var reader = found
            if try reader.number() != 0 { prints.append(try reader.print()) }
            for _ in 0..<(try reader.number()) {
                let (role, activity) = (try reader.text(), Ledger.Activity(rawValue: try reader.text()))
                let (flops, steps) = (try reader.numbers(Double.self)[0], try reader.number())
                if let activity { ledger.charge(role, activity, seconds: 0, flops: flops, steps: steps) }
            }
            return RankReader(try reader.numbers(UInt8.self))
        }
        try Ranks.require(prints, call)
        return rests
    }

    // MARK: - Forward

    /// Outputs of a batch, each part of it evaluated by one rank.
    func forward(_ role: RoleNetwork, _ batch: Batch, _ wanted: [NetworkOutput], _ ranks: Ranks) throws -> [Column] {
        var values = wanted.map { [Double](repeating: 0, count: $0 == .score ? batch.sequenceCount : batch.stepCount) }
        let parts = try parts(batch, flags: ZOO_LOSS_SEPARABLE, limit: microbatchTokens, ranks)
        let call = "forward \(role.name)"
        try shared {
            var message = RankMessage()
            for (index, part) in parts.enumerated() where ranks.does(index) {
                let slice = batch.selecting(part)
                let columns = try transient(role) { try withoutGrad { try evaluate(role, slice, wanted).columns } }
                for column in columns { message.put(column.doubles) }
            }
            let print = RankPrint(batch, asked: [call] + wanted.map(\.rawValue))
            var found = try exchange(ranks, message, call, print)
            for (index, part) in parts.enumerated() {
                for (place, output) in wanted.enumerated() {
                    let own = try found[index % ranks.size].numbers(Double.self)
                    let column = Column(output.rawValue, perStep: output != .score, .f64(own))
                    Slices.scatter(column, of: part, in: batch, into: &values[place])
                }
            }
        }
        return zip(wanted, values).map { Column($0.rawValue, perStep: $0 != .score, .f64($1)) }
    }

    /// The parts of a batch that are passed together. Where bits must not depend on the number of ranks, neither do they; else each rank
    /// gets some.
    private func parts(_ batch: Batch, flags: UInt32, limit: Int, _ ranks: Ranks) throws -> [[Int]] {
        let costs = modality.costs(batch)
        guard ranks.areSeveral, !ranks.isReproducible else {
            return try Slices.cut(batch, flags: flags, limit: limit, costs: costs)
        }
        return try Slices.shares(batch, flags: flags, limit: limit, costs: costs, workers: ranks.size)
    }

    // MARK: - Gradients

    /// In rounds: each rank evaluates a part, all gather the outputs, and every rank calls the loss on all parts in order and
    /// back-propagates that of its own.
    func accumulate(
        _ role: RoleNetwork, _ batch: Batch, _ wanted: [NetworkOutput], _ flags: UInt32, _ limit: Int, _ loss: LossCall,
        _ ranks: Ranks
    ) throws -> Double {
        let parts = try parts(batch, flags: flags, limit: limit, ranks)
        guard !parts.isEmpty else { return try accumulateWhole(role, batch, wanted, limit, loss, ranks) }
        let call = "accumulate \(role.name)"
        var total = 0.0
        try shared {
            for first in stride(from: 0, to: parts.count, by: ranks.size) {
                let round = parts[first..<min(parts.count, first + ranks.size)].map {
                    $0.count == batch.sequenceCount ? batch : batch.selecting($0)
                }
                try transient(role) {
                    var message = RankMessage()
                    var tensors: [Tensor] = []
                    if ranks.rank < round.count {
                        let own = try evaluate(role, round[ranks.rank], wanted)
                        tensors = own.tensors
                        for column in own.columns { message.put(column.doubles) }
                    }
                    let print = first == 0 ? RankPrint(batch, asked: [call] + wanted.map(\.rawValue)) : nil
                    var found = try exchange(ranks, message, call, print)
                    for (rank, slice) in round.enumerated() {
                        let columns = try wanted.map { output in
                            Column(output.rawValue, perStep: output != .score, .f64(try found[rank].numbers(Double.self)))
                        }
                        let (value, gradients) = try loss(slice, columns)
                        try requireFinite(value, role)
                        total += value
                        if rank == ranks.rank {
                            try backward(role, slice, wanted, tensors, gradients)
                            try take(ranks)
                        }
                    }
                }
            }
            _ = try exchange(ranks, RankMessage(), call + ", the end")
        }
        return total
    }

    /// The loss sees everything at once; then each rank back-propagates some parts of it.
    private func accumulateWhole(
        _ role: RoleNetwork, _ batch: Batch, _ wanted: [NetworkOutput], _ limit: Int, _ loss: LossCall, _ ranks: Ranks
    ) throws -> Double {
        let columns = try forward(role, batch, wanted, ranks)
        let (total, gradients) = try loss(batch, columns)
        try requireFinite(total, role)
        try shared {
            for (index, part) in try parts(batch, flags: ZOO_LOSS_SEPARABLE, limit: limit, ranks).enumerated()
            where ranks.does(index) {
                let slice = batch.selecting(part)
                let own = zip(wanted, gradients).map { Slices.gather($1, perStep: $0 != .score, of: part, in: batch) }
                try transient(role) { try backward(role, slice, wanted, evaluate(role, slice, wanted).tensors, own) }
                try take(ranks)
            }
            _ = try exchange(ranks, RankMessage(), "accumulate \(role.name), the end")
        }
        return total
    }

    /// Moves what a pass has added to gradients into the exact sums, where bits must not depend on the number of ranks: also those of
    /// other roles, whose weights a pass may have gone through.
    private func take(_ ranks: Ranks) throws {
        guard ranks.isReproducible else { return }
        for (name, role) in roles.built where role.optimizer != nil {
            let own = sums[name] ?? ExactSums(of: role.network.parameters)
            sums[name] = own
            do { try own.take() } catch { throw ZooError(.dataLoss, "role '\(name)': \(error)") }
        }
    }

    /// Makes the role's gradient the sum over all ranks.
    func sum(_ role: RoleNetwork, _ ranks: Ranks) throws {
        let (before, call) = (ranks.seconds, "gradient of \(role.name)")
        if ranks.isReproducible {
            try ranks.give(sums[role.name] ?? ExactSums(of: role.network.parameters), call)
        } else {
            try ranks.sum(role.network.parameters, call)
        }
        try takeClock?()
        ledger.communicate(ranks.seconds - before)
    }

    /// Tells the others the parameters that this rank has moved, and takes theirs.
    func share(_ role: RoleNetwork, _ shards: Shards, _ ranks: Ranks) throws {
        let before = ranks.seconds
        try ranks.share(role.network.parameters, shards, "weights of \(role.name)")
        ledger.communicate(ranks.seconds - before)
    }
}
