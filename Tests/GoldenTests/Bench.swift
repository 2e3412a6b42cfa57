import Foundation
import Testing
import ZooKit
import ZooPlugins

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
    return try LoadedPlugins.shared.plugin(folder.appending(path: file).path)
}

/// Each plugin is loaded once: its whole file is hashed at that, which takes a debug build seconds.
private final class LoadedPlugins: @unchecked Sendable {
    static let shared = LoadedPlugins()
    private let lock = NSLock()
    private var plugins: [String: Plugin] = [:]

    func plugin(_ path: String) throws -> Plugin {
        try lock.withLock {
            if let known = plugins[path] { return known }
            let plugin = try Plugin(path: path)
            plugins[path] = plugin
            return plugin
        }
    }
}

/// Sampled sequences of a golden case: its rows, with everything that a rollout carries.
struct Samples {
    /// Per step, with the mask of the padding.
    var batch: Batch
    var count: Int { batch.sequenceCount }

    /// - Parameters:
    ///   - mask: Rows, of equal width or not; 0 is a step that is no action.
    ///   - behaviour: Log-probabilities of sampling, in the same rows.
    ///   - finished: 0 for a sequence that was cut at the length limit.
    init(mask: [[Double]], behaviour: [[Double]], groups: [Int]? = nil, finished: [UInt8]? = nil) {
        var offsets = [0]
        for row in mask { offsets.append(offsets[offsets.count - 1] + row.count) }
        let actions = mask.flatMap { $0.map { $0 != 0 } }
        batch = Batch(offsets: offsets, tokens: actions.map { _ in 0 }, mask: actions)
        batch.set("behaviour_logp", perStep: zip(behaviour.flatMap { $0 }, actions).map { $1 ? $0 : 0 })
        batch.set(Column("group", perStep: false, .i64((groups ?? Array(mask.indices)).map(Int64.init))))
        batch.set(Column("finished", perStep: false, .u8(finished ?? mask.map { _ in 1 })))
        batch.set(Column("policy_version", perStep: false, .i64(mask.map { _ in 0 })))
        batch.set("temperature", perSequence: mask.map { _ in 1 })
    }

    /// One action a sequence, sampled with probability 1.
    init(groups: [Int]) {
        self.init(mask: groups.map { _ in [1] }, behaviour: groups.map { _ in [0] }, groups: groups)
    }

    /// A host that samples these sequences, rewards them so, and gives these outputs in turn by role and name: the last of them again
    /// and again. Where the mask is false every output is 0. `components` are of the reward, [n] each, with their weights.
    func script(
        rewards: [Double], components: [(values: [Double], weight: Double)] = [], outputs: [String: [[Double]]]
    ) -> ScriptedHost.Script {
        var script = ScriptedHost.Script()
        let batch = batch
        let turns = Turns()
        script.prompts = { n in
            Batch(offsets: Array(0...n), tokens: Array(repeating: 0, count: n), mask: Array(repeating: false, count: n))
        }
        script.generate = { _, _, _ in batch }
        let columns = components.enumerated().flatMap { index, component in
            [
                Column("reward/\(index)", perStep: false, .f64(component.values)),
                Column("weight/\(index)", perStep: false, .f64(component.values.map { _ in component.weight })),
            ]
        }
        script.rewards = { _ in [Column("reward", perStep: false, .f64(rewards))] + columns }
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

    /// Of numbers per step those at the first action of each sequence.
    func firsts(_ values: [Double]) -> [Double] {
        (0..<count).map { sequence in batch.steps(of: sequence).first { batch.mask[$0] }.map { values[$0] } ?? 0 }
    }

    private final class Turns {
        private var taken: [String: Int] = [:]
        func next(_ key: String) -> Int {
            defer { taken[key, default: 0] += 1 }
            return taken[key, default: 0]
        }
    }
}

/// Parameters by name, each as JSON.
typealias Settings = [String: String]

extension Settings {
    /// The parameters as one JSON object.
    var object: String { "{\(sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", "))}" }

    /// The parameters of "grpo@verl", and in their place the changes.
    static func preset(_ library: String, _ name: String, _ changes: Settings = [:]) throws -> Settings {
        let name = AlgorithmName(name)
        let description = try #require(try builtPlugin(library).description.algorithm(name.id))
        let preset = try #require(description.preset(name.preset ?? ""))
        return try preset.parameters.mapValues { try $0.text() }.with(changes)
    }

    /// These, and where both name one, the other's.
    func with(_ other: Settings) -> Settings { merging(other) { $1 } }
}

/// A JSON string.
func text(_ value: String) -> String { "\"\(value)\"" }

/// A JSON number, or null.
func json(_ value: Double?) -> String { value.map { $0 == $0.rounded() && abs($0) < 1e9 ? "\(Int($0))" : "\($0)" } ?? "null" }

/// Holds numbers against the case's, within its tolerance.
func expect(_ found: [Double], _ expected: [Double], _ what: String, in golden: GoldenCase) {
    guard found.count == expected.count else {
        Issue.record("\(golden.name): \(what) has \(found.count) numbers; expected \(expected.count)")
        return
    }
    for (index, (found, expected)) in zip(found, expected).enumerated() where !(abs(found - expected) <= golden.tolerance) {
        Issue.record("\(golden.name): \(what)[\(index)] is \(found); expected \(expected). It has \(golden.keys)")
    }
}
