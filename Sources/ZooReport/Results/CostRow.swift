import ZooRecords

/// One row of a run's costs, in reading order: totals first, then their parts.
package struct CostRow {
    package var title: String
    /// The formatted value.
    package var text: @Sendable (Double) -> String
    /// nil if the run has no such cost.
    package var value: @Sendable (Ledger) -> Double?
    /// The total that the row is a part of; nil for a total.
    package var part: Part?

    package enum Part: String, CaseIterable { case flops, seconds, outside, bytes, device }

    /// The rows relevant to these runs: roles that one of them built, without parts that are 0 in all of them.
    package static func rows(for ledgers: [Ledger]) -> [CostRow] {
        let roles = sortedRoles(Set(ledgers.flatMap(\.roles.keys)))
        return (work(roles) + seconds(roles) + process + bytes(roles)).filter { row in
            ledgers.contains { row.value($0).map { row.part == nil || $0 != 0 } ?? false }
        }
    }

    /// The order of the roles everywhere.
    static func sortedRoles(_ roles: Set<String>) -> [String] {
        let known = ["policy", "reference", "critic", "reward"]
        return known.filter(roles.contains) + roles.subtracting(known).sorted()
    }

    private static func work(_ roles: [String]) -> [CostRow] {
        [
            CostRow(title: "sampled steps", text: Quantity.count) { Double($0.sampledSteps) },
            CostRow(title: "reward queries", text: Quantity.count) { Double($0.rewardQueries) },
            CostRow(title: "updates", text: Quantity.count) { Double($0.updates) },
            CostRow(title: "floating-point operations", text: Quantity.count) { $0.totalFLOPs },
        ]
            + roles.map { role in
                CostRow(title: "operations, \(role)", text: Quantity.count, value: { $0.roles[role]?.totalFLOPs }, part: .flops)
            }
    }

    /// Within iterations.
    private static func seconds(_ roles: [String]) -> [CostRow] {
        func row(_ title: String, _ value: @escaping @Sendable (Ledger) -> Double?) -> CostRow {
            CostRow(title: "seconds, \(title)", text: Quantity.seconds, value: value, part: .seconds)
        }
        return [CostRow(title: "seconds", text: Quantity.seconds) { $0.seconds }]
            + roles.map { role in row(role) { $0.roles[role]?.totalSeconds } }
            + [
                row("reward functions") { $0.rewardSeconds }, row("environment") { $0.environmentSeconds },
                row("data") { $0.dataSeconds }, row("communication") { $0.communicationSeconds },
                row("the algorithm itself") { $0.algorithmSeconds },
            ]
    }

    /// Outside of them.
    private static var process: [CostRow] {
        func row(_ title: String, _ value: @escaping @Sendable (Ledger) -> Double?) -> CostRow {
            CostRow(title: "seconds, \(title)", text: Quantity.seconds, value: value, part: .outside)
        }
        return [
            CostRow(title: "seconds of the process", text: Quantity.seconds) { $0.wallSeconds > 0 ? $0.wallSeconds : nil }
        ]
            + Ledger.Phase.allCases.map { phase in row(phase.rawValue) { $0.phases[phase.rawValue] } }
            + [row("not accounted for") { $0.wallSeconds > 0 ? $0.remainingSeconds : nil }]
    }

    private static func bytes(_ roles: [String]) -> [CostRow] {
        func row(_ title: String, _ value: @escaping @Sendable (Ledger) -> Double?) -> CostRow {
            CostRow(title: "bytes, \(title)", text: Quantity.bytes, value: value, part: .bytes)
        }
        func ofDevice(_ title: String, _ value: @escaping @Sendable (Ledger) -> Double?) -> CostRow {
            CostRow(title: "device bytes, \(title)", text: Quantity.bytes, value: value, part: .device)
        }
        /// What networks take, which is the process's memory where there is no other.
        func networks(_ title: String, _ value: @escaping @Sendable (Ledger) -> Int?) -> (own: CostRow, device: CostRow) {
            (
                row(title) { $0.device == nil ? value($0).map(Double.init) : nil },
                ofDevice(title) { $0.device == nil ? nil : value($0).map(Double.init) }
            )
        }
        let held = roles.map { role in networks(role) { $0.roles[role]?.heldBytes } }
        let pass = networks("largest pass") { $0.transientBytes }
        let gold = networks("gold rewards") { $0.goldBytes }
        let process: [CostRow] = [
            pass.own, row("program") { Double($0.programBytes) }, row("data") { Double($0.dataBytes) }, gold.own,
            row("kept by the allocator") { Double($0.keptBytes) },
            // What the others leave is an account only where they were all taken.
            row("not accounted for") { $0.programBytes > 0 ? Double($0.remainingBytes) : nil },
            CostRow(title: "peak bytes, device", text: Quantity.bytes) { $0.device.map { Double($0.peakBytes) } },
        ]
        let device: [CostRow] = [
            pass.device, gold.device, ofDevice("kept by its allocator") { $0.remainingDeviceBytes.map(Double.init) },
        ]
        let peak = CostRow(title: "peak bytes, process", text: Quantity.bytes) { Double($0.processPeakBytes) }
        let ranks: [CostRow] = [
            CostRow(title: "peak bytes, all ranks", text: Quantity.bytes) {
                $0.ranks.map { ranks in Double(ranks.reduce(0) { $0 + $1.peakBytes }) }
            },
            CostRow(title: "optimizer bytes, all ranks", text: Quantity.bytes) {
                $0.ranks.map { ranks in Double(ranks.reduce(0) { $0 + $1.optimizerBytes }) }
            },
        ]
        return [peak] + ranks + held.map(\.own) + process + held.map(\.device) + device
    }
}
