import ZooKit
import ZooPlugins
import ZooRecords

/// The services of a run, each call of which is a span of a profile.
final class ProfilingServices: HostServices {
    private let live: any HostServices
    private let profile: Profile

    init(_ live: any HostServices, _ profile: Profile) { (self.live, self.profile) = (live, profile) }

    private func call<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        try profile.time(name, .calls, body)
    }

    func prompts(_ n: Int) throws -> Batch { try call("prompts") { try live.prompts(n) } }
    func pairs(_ n: Int) throws -> Batch { try call("pairs") { try live.pairs(n) } }
    func examples(_ n: Int) throws -> Batch { try call("examples") { try live.examples(n) } }

    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        try call("generate \(role)") { try live.generate(role: role, prompts: prompts, samples: samples) }
    }

    func score(_ rollout: Batch) throws -> [Column] { try call("score") { try live.score(rollout) } }

    func supports(role: String, output: String) throws -> OutputInfo { try live.supports(role: role, output: output) }

    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        try call("forward \(role)") { try live.forward(role: role, batch: batch, outputs: outputs) }
    }

    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        let timed = LossCall { [profile] slice, columns in
            try profile.time("loss \(role)", .plugin) { try loss(slice, columns) }
        }
        return try call("accumulate \(role)") {
            try live.accumulate(role: role, batch: batch, outputs: outputs, flags: flags, loss: timed)
        }
    }

    func optimizerStep(role: String) throws -> UpdateInfo {
        try call("optimizer_step \(role)") { try live.optimizerStep(role: role) }
    }

    func discard(role: String) throws { try call("discard \(role)") { try live.discard(role: role) } }

    func blend(destination: String, source: String, weight: Double) throws {
        try call("blend \(destination)") { try live.blend(destination: destination, source: source, weight: weight) }
    }

    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        try live.metric(name: name, value: value, weight: weight, normaliser: normaliser)
    }

    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws { try call("fill") { try live.fill(numbers) } }

    var position: RunPosition { live.position }
    func log(level: Int32, message: String) { live.log(level: level, message: message) }
    var isCancelled: Bool { live.isCancelled }
}
