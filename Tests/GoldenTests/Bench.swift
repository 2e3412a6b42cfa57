import Foundation
import Testing
import ZooHost
import ZooKit

/// Runs one step of a built plugin against a scripted host, through the ABI.
func step(_ library: String, _ id: String, _ parameters: String, _ script: ScriptedHost.Script) throws -> ScriptedHost.Record {
    let host = ScriptedHost(script)
    let algorithm = try builtPlugin(library).create(id, host: HostTable(host), parameters: parameters)
    try algorithm.step()
    return host.record
}

/// A plugin of this package, beside the test's executable.
func builtPlugin(_ library: String) throws -> Plugin {
    #if os(macOS)
        let file = "lib\(library).dylib"
    #else
        let file = "lib\(library).so"
    #endif
    let folder = try #require(Bundle.main.executableURL).deletingLastPathComponent()
    return try Plugin(path: folder.appending(path: file).path)
}

/// Sampled sequences of a golden case: its rows, with everything that a rollout carries.
struct Samples {
    /// Per step, with the mask of the padding.
    var batch: Batch
    var count: Int { batch.sequenceCount }

    /// - Parameters:
    ///   - mask: Rows of equal width; 0 is a step that is no action.
    ///   - behaviour: Log-probabilities of sampling, in the same rows.
    init(mask: [[Double]], behaviour: [[Double]], groups: [Int]? = nil) {
        var offsets = [0]
        for row in mask { offsets.append(offsets[offsets.count - 1] + row.count) }
        let actions = mask.flatMap { $0.map { $0 != 0 } }
        batch = Batch(offsets: offsets, tokens: actions.map { _ in 0 }, mask: actions)
        batch.set("behaviour_logp", perStep: zip(behaviour.flatMap { $0 }, actions).map { $1 ? $0 : 0 })
        batch.set(Column("group", perStep: false, .i64((groups ?? Array(mask.indices)).map(Int64.init))))
        batch.set(Column("finished", perStep: false, .u8(mask.map { _ in 1 })))
        batch.set(Column("policy_version", perStep: false, .i64(mask.map { _ in 0 })))
        batch.set("temperature", perSequence: mask.map { _ in 1 })
    }

    /// One action a sequence, sampled with probability 1.
    init(groups: [Int]) {
        self.init(mask: groups.map { _ in [1] }, behaviour: groups.map { _ in [0] }, groups: groups)
    }

    /// Adds a sequence of one context step, in the group of the first.
    mutating func addSequenceWithoutAction() throws {
        let groups = try batch.integers("group")
        let longer = Samples(
            mask: (0..<count).map { batch.steps(of: $0).map { batch.mask[$0] ? 1 : 0 } } + [[0]],
            behaviour: try (0..<count).map { Array(try batch.steps("behaviour_logp")[batch.steps(of: $0)]) } + [[0]],
            groups: groups + [groups[0]])
        self = longer
    }

    /// A host that samples these sequences, rewards them so, and gives these outputs in turn by role and name: the last of them again
    /// and again. Where the mask is false every output is 0.
    func script(rewards: [Double], outputs: [String: [[Double]]]) -> ScriptedHost.Script {
        var script = ScriptedHost.Script()
        let batch = batch
        let turns = Turns()
        script.prompts = { n in
            Batch(offsets: Array(0...n), tokens: Array(repeating: 0, count: n), mask: Array(repeating: false, count: n))
        }
        script.generate = { _, _, _ in batch }
        script.rewards = { _ in [Column("reward", perStep: false, .f64(rewards))] }
        script.outputs = { role, batch, wanted in
            try Dictionary(
                uniqueKeysWithValues: wanted.map { name in
                    guard let answers = outputs["\(role).\(name)"] else {
                        if name == "entropy" { return (name, batch.mask.map { _ in 0 }) }
                        throw GoldenError(description: "the case has no \(role).\(name)")
                    }
                    let turn = turns.next("\(role).\(name)")
                    return (name, zip(answers[min(turn, answers.count - 1)], batch.mask).map { $1 ? $0 : 0 })
                })
        }
        return script
    }

    private final class Turns {
        private var taken: [String: Int] = [:]
        func next(_ key: String) -> Int {
            defer { taken[key, default: 0] += 1 }
            return taken[key, default: 0]
        }
    }
}

/// Holds numbers against the case's, within its tolerance.
func expect(_ found: [Double], _ expected: [Double], _ what: String, in golden: GoldenCase) {
    guard found.count == expected.count else {
        Issue.record("\(golden.name): \(what) has \(found.count) numbers; expected \(expected.count)")
        return
    }
    for (index, (found, expected)) in zip(found, expected).enumerated() where !(abs(found - expected) <= golden.tolerance) {
        Issue.record("\(golden.name): \(what)[\(index)] is \(found); expected \(expected)")
    }
}
