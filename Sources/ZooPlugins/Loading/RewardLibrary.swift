import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit

/// The rewards that a library offers: "zoo.reward-function/1".
public struct RewardLibrary {
    /// In the library's order.
    public let rewards: [RewardDescription]
    private let path: String
    private let functions: UnsafePointer<zoo_reward_functions_v1>

    /// Loads the file and checks what it declares. Throws one sentence that names the file.
    ///
    /// - Parameter origin: the file's path as messages name it, if this one is a copy.
    public init(path: String, as origin: String? = nil) throws {
        let plugin = try Plugin(path: path, as: origin)
        self.path = origin ?? path
        guard let found = plugin.getExtension(ZOO_REWARD_FUNCTION_ID) else {
            throw ZooError(
                .notFound,
                "\(self.path): offers no rewards: its get_extension knows no '\(ZOO_REWARD_FUNCTION_ID)' (zoo/reward_function.h)")
        }
        functions = found.assumingMemoryBound(to: zoo_reward_functions_v1.self)
        do { rewards = try Self.read(functions) } catch let error as ZooError {
            throw ZooError(error.code, "\(self.path): \(error.message)")
        }
    }

    /// Loads the file by a copy of its content, so that what happens to it afterwards does no harm.
    ///
    /// - Throws: also where others than the user and root may have written the file.
    package init(keeping file: String) throws {
        guard let sha256 = PluginStore.hash(of: file) else { throw ZooError(.notFound, "\(file): cannot be read") }
        try PluginStore.requireTrust(in: file)
        try self.init(path: PluginStore.keep(file, sha256: sha256).path, as: file)
    }

    private static func read(_ functions: UnsafePointer<zoo_reward_functions_v1>) throws -> [RewardDescription] {
        guard let known = Sized(functions), known[\.create] != nil else {
            throw ZooError(.failedPrecondition, "its table of rewards is truncated or has no create function")
        }
        let count = known[\.n_rewards] ?? 0
        guard (1...1000).contains(count), let list = known[\.rewards] else {
            throw ZooError(.failedPrecondition, "it declares \(count) rewards; expected 1 to 1000")
        }
        var rewards: [RewardDescription] = []
        for index in 0..<Int(count) {
            guard let info = list[index] else { throw ZooError(.failedPrecondition, "its reward number \(index) is NULL") }
            let reward = try RewardDescription(info: info)
            guard !rewards.contains(where: { $0.id == reward.id }) else {
                throw ZooError(.failedPrecondition, "it declares the reward '\(reward.id)' twice")
            }
            rewards.append(reward)
        }
        return rewards
    }

    /// The reward of that id; without one, the only one.
    public func reward(_ id: String?) throws -> RewardDescription {
        let known = rewards.map(\.id)
        guard let id = id ?? (known.count == 1 ? known[0] : nil) else {
            throw ZooError(
                .invalidArgument, "\(path) offers several rewards, so one has to be named: \(known.joined(separator: ", "))")
        }
        guard let reward = rewards.first(where: { $0.id == id }) else {
            throw ZooError(
                .invalidArgument,
                "\(path) has no reward '\(id)'\(didYouMean(id, among: known)); it has: \(known.joined(separator: ", "))")
        }
        return reward
    }

    /// Makes a reward.
    ///
    /// - Parameters:
    ///   - log: gets the library's messages, from any thread.
    ///   - makeArena: makes the memory of everything that it is lent.
    public func create(
        _ id: String?, parameters: [String: JSONValue], makeArena: @escaping () -> Arena = { Arena() },
        log: @escaping @Sendable (_ level: Int32, _ message: String) -> Void
    ) throws -> RewardInstance {
        let reward = try reward(id)
        let host = HostTable(NoServices(log))
        host.parameters = try GivenParameters(parameters, of: reward, recipe: path)
        var made: UnsafeMutablePointer<zoo_reward_function_v1>?
        let arena = makeArena()
        let id = arena.lend(reward.id, as: "the id for create")
        let text = try arena.lend(JSONValue.object(parameters).text(), as: "the parameters for create")
        try withExtendedLifetime(arena) {
            try ZooError.check("\(path): create '\(reward.id)'") { error in
                host.gate.during(.create) { functions.pointee.create(id, host.table, text, &made, error) }
            }
        }
        guard let made else {
            throw ZooError(.failedPrecondition, "\(path): create '\(reward.id)' returned OK but created nothing")
        }
        return try RewardInstance(table: made, name: "\(path): reward '\(reward.id)'", host: host, makeArena)
    }
}

/// One reward of one run, from `create` to `destroy`. All calls belong to one thread.
public final class RewardInstance {
    private let table: UnsafeMutablePointer<zoo_reward_function_v1>
    private let name: String
    /// The library may call its host's table until `destroy` has returned.
    private let host: HostTable
    private let makeArena: () -> Arena

    init(
        table: UnsafeMutablePointer<zoo_reward_function_v1>, name: String, host: HostTable, _ makeArena: @escaping () -> Arena
    ) throws {
        let known = Sized(UnsafePointer(table))
        guard let known, known[\.destroy] != nil, known[\.score] != nil else {
            throw ZooError(.failedPrecondition, "\(name): its table lacks score or destroy")
        }
        (self.table, self.name, self.host, self.makeArena) = (table, name, host, makeArena)
    }

    deinit { host.gate.during(.destroy) { table.pointee.destroy(table.pointee.`self`) } }

    /// The rewards of the samples, [n], NaN where it cannot score one, and the part that came at each step, [steps].
    ///
    /// - Parameter samples: with the columns of zoo/reward_function.h.
    public func score(_ samples: Batch) throws -> (totals: [Double], steps: [Double]) {
        let arena = makeArena()
        let batch = arena.batch(samples)
        func zeros(_ name: String, perStep: Bool, _ count: Int) -> UnsafeMutablePointer<zoo_array> {
            arena.array(Column(name, perStep: perStep, .f64(Array(repeating: 0, count: count))))
        }
        let reward = zeros("reward", perStep: false, samples.sequenceCount)
        let steps = zeros("step_reward", perStep: true, samples.stepCount)
        let call = arena.make(zoo_reward_call()) {
            $0.samples = UnsafePointer(batch)
            $0.reward = reward
            $0.step_reward = steps
        }
        (arena as? any LentMemory)?.lend(UnsafePointer(call))
        return try withExtendedLifetime(arena) {
            try ZooError.check("\(name): score") { error in
                host.gate.during(.score) { table.pointee.score(table.pointee.`self`, call, error) }
            }
            if let misuse = host.gate.takeMisuse() {
                throw ZooError(.failedPrecondition, "\(name): score broke the plugins' contract: \(misuse)")
            }
            func read(_ array: UnsafeMutablePointer<zoo_array>) throws -> [Double] {
                try Column(copying: UnsafePointer(array), sequences: samples.sequenceCount, steps: samples.stepCount).doubles
            }
            let (totals, parts) = (try read(reward), try read(steps))
            guard !totals.contains(where: \.isInfinite), parts.allSatisfy(\.isFinite) else {
                throw ZooError(
                    .dataLoss, "\(name): score gave a number that is not finite; expected finite ones, or NaN for a reward")
            }
            return (totals, parts)
        }
    }
}

/// A host without services, for rewards: it takes messages.
private final class NoServices: HostServices {
    private let note: @Sendable (Int32, String) -> Void

    init(_ note: @escaping @Sendable (Int32, String) -> Void) { self.note = note }

    private let absent = ZooError(.unavailable, "a reward is offered no services but zoo.parameters/1")

    func prompts(_ n: Int) throws -> Batch { throw absent }
    func pairs(_ n: Int) throws -> Batch { throw absent }
    func examples(_ n: Int) throws -> Batch { throw absent }
    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch { throw absent }
    func score(_ rollout: Batch) throws -> [Column] { throw absent }
    func supports(role: String, output: String) throws -> OutputInfo { throw absent }
    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] { throw absent }
    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        throw absent
    }
    func optimizerStep(role: String) throws -> UpdateInfo { throw absent }
    func discard(role: String) throws { throw absent }
    func blend(destination: String, source: String, weight: Double) throws { throw absent }
    var position: RunPosition { RunPosition() }
    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws { throw absent }
    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws { throw absent }
    func log(level: Int32, message: String) { note(level, message) }
    var isCancelled: Bool { false }
}
