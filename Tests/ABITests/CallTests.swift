import CZoo
import Foundation
import Synchronization
import Testing
import ZooKit
import ZooPlugins

/// What the host's functions refuse, seen by calling its tables as a plugin does.
@Suite("calls of the host")
struct CallTests {
    private let scripted: ScriptedHost
    private let host: HostTable

    init() {
        scripted = ScriptedHost(Fixture.script, seed: 5)
        host = HostTable(scripted)
    }

    private func table<T>(_ id: String, _: T.Type) throws -> UnsafePointer<T> {
        try #require(host.service(id)).assumingMemoryBound(to: T.self)
    }

    /// The status and the message of a call.
    private func outcome(_ body: (UnsafeMutablePointer<zoo_error>) -> Int32) -> (status: Int32, message: String) {
        do {
            try ZooError.check("the call", body)
            return (ZOO_OK, "")
        } catch {
            return ((error as? ZooError)?.code.rawValue ?? -1, "\(error)")
        }
    }

    private func prompts(_ n: UInt64, flags: UInt32 = 0, size: UInt32 = 16) throws -> (status: Int32, message: String) {
        let data = try table(ZOO_DATA_ID, zoo_data_v1.self)
        var args = zoo_rows_args(size: size, flags: flags, n: n)
        var out: UnsafePointer<zoo_batch>? = UnsafePointer(bitPattern: 8)
        let found = outcome { data.pointee.prompts(data.pointee.ctx, &args, &out, $0) }
        #expect((found.status == ZOO_OK) == (out != nil), "what would be handed out is NULL on an error")
        if let out { host.table.pointee.release(host.table.pointee.ctx, out) }
        return found
    }

    /// Accumulates on three sequences with this loss; the call's arguments may be changed first.
    private func accumulate(
        context: UnsafeMutableRawPointer? = nil, change: (inout zoo_accumulate_args) -> Void = { _ in },
        loss: @escaping zoo_loss_fn
    ) throws -> (status: Int32, message: String) {
        let model = try table(ZOO_MODEL_ID, zoo_model_v1.self)
        let batch = try Fixture.script.generate("policy", Fixture.script.prompts(3), 1)
        return "policy".withZooString { role in
            "logp".withZooString { output in
                batch.withCBatch { batch in
                    withUnsafePointer(to: output) { want in
                        var args = zoo_accumulate_args()
                        args.size = UInt32(MemoryLayout<zoo_accumulate_args>.size)
                        (args.role, args.batch, args.want, args.n_want) = (role, batch, want, 1)
                        (args.loss, args.loss_ctx) = (loss, context)
                        change(&args)
                        return outcome { model.pointee.accumulate(model.pointee.ctx, &args, nil, $0) }
                    }
                }
            }
        }
    }

    private func update(size: UInt32 = 32) throws -> (status: Int32, message: String, info: zoo_step_info) {
        let model = try table(ZOO_MODEL_ID, zoo_model_v1.self)
        var info = zoo_step_info(size: size, flags: 0, gradient_norm: -7, learning_rate: -7, policy_version: 99)
        let found = "policy".withZooString { role in
            var args = zoo_update_args(size: UInt32(MemoryLayout<zoo_update_args>.size), flags: 0, role: role)
            return outcome { model.pointee.optimizer_step(model.pointee.ctx, &args, &info, $0) }
        }
        return (found.status, found.message, info)
    }

    // MARK: - When and where

    @Test("services answer only while step runs, and on its thread")
    func moments() throws {
        #expect(try prompts(1).status == ZOO_FAILED_PRECONDITION)
        #expect(try host.gate.during(.step) { try prompts(1).status } == ZOO_OK)
        for phase in [JobGate.Phase.create, .save, .load, .destroy] {
            let found = try host.gate.during(phase) { try prompts(1) }
            #expect(found.status == ZOO_FAILED_PRECONDITION)
            #expect(found.message.hasPrefix("zoo.data/1 prompts was called in \(phase.rawValue); expected in step"))
        }
        let other = Mutex<(status: Int32, message: String)>((0, ""))
        let unsafeSelf = UncheckedBox(self)
        host.gate.during(.step) {
            let thread = Thread {
                let found = (try? unsafeSelf.value.prompts(1)) ?? (-1, "")
                other.withLock { $0 = found }
            }
            thread.start()
            while !thread.isFinished { usleep(1000) }
        }
        #expect(other.withLock { $0 }.status == ZOO_FAILED_PRECONDITION)
        #expect(other.withLock { $0 }.message.contains("called on another thread"))
    }

    @Test("a loss may call what any thread may, and nothing else")
    func insideLoss() throws {
        let context = Unmanaged.passUnretained(host).toOpaque()
        let found = try host.gate.during(.step) {
            try accumulate(context: context) { context, call, error in
                guard let context else { return ZOO_INTERNAL }
                let host = Unmanaged<HostTable>.fromOpaque(context).takeUnretainedValue()
                let table = host.table
                "from a loss".withZooString { table.pointee.log(table.pointee.ctx, ZOO_LEVEL_INFO, $0) }
                guard table.pointee.cancelled(table.pointee.ctx) == 0,
                    let rng = table.pointee.get_extension(table.pointee.ctx, ZOO_RNG_ID)?.assumingMemoryBound(to: zoo_rng_v1.self)
                else { return ZOO_INTERNAL }
                var number: UInt64 = 0
                call?.pointee.loss = 0
                return rng.pointee.fill(rng.pointee.ctx, &number, 1, error)
            }
        }
        #expect(found.status == ZOO_FAILED_PRECONDITION && found.message.contains("zoo.rng/1 fill was called inside a loss"))
        #expect(scripted.record.messages == ["from a loss"])
        #expect(try host.gate.during(.step) { try prompts(1).status } == ZOO_OK, "the loss has ended")
    }

    @Test("a release of what is not held fails the call that it happened in")
    func releases() throws {
        let data = try table(ZOO_DATA_ID, zoo_data_v1.self)
        let release = host.table.pointee.release
        var args = zoo_rows_args(size: 16, flags: 0, n: 1)
        var out: UnsafePointer<zoo_batch>?
        host.gate.during(.step) {
            #expect(data.pointee.prompts(data.pointee.ctx, &args, &out, nil) == ZOO_OK)
            release?(host.table.pointee.ctx, out)
            release?(host.table.pointee.ctx, nil)
            #expect(host.gate.takeMisuse() == nil)
            release?(host.table.pointee.ctx, out)
        }
        #expect(host.gate.takeMisuse()?.contains("released an object that is not its own") == true)
    }

    // MARK: - Arguments

    @Test("unknown flags are refused wherever something is asked for")
    func flags() throws {
        try host.gate.during(.step) {
            let found = try prompts(1, flags: 4)
            #expect(found.status == ZOO_INVALID_ARGUMENT)
            #expect(found.message == "zoo_rows_args.flags has the unknown bits 0x4; expected 0")
            for flags: UInt32 in [4, 128, 512, 1 << 31] {
                let found = try accumulate(change: { $0.flags = flags }) { _, _, _ in ZOO_OK }
                #expect(found.status == ZOO_INVALID_ARGUMENT && found.message.contains("unknown bits"))
            }
            let cut = try accumulate(change: { $0.flags = 3 }) { _, _, _ in ZOO_OK }
            #expect(cut.status == ZOO_INVALID_ARGUMENT && cut.message.contains("has the cut 3"))
            #expect(scripted.record.losses.isEmpty)
        }
    }

    @Test("an argument struct may be longer than this version's, and no shorter than its fields")
    func sizes() throws {
        try host.gate.during(.step) {
            #expect(try prompts(1, size: 4096).status == ZOO_OK)
            let found = try prompts(1, size: 15)
            #expect(found.message == "zoo_rows_args is 15 bytes long; expected at least 16")
            #expect(found.status == ZOO_INVALID_ARGUMENT)
        }
    }

    @Test("counts that nothing can hold are refused")
    func counts() throws {
        try host.gate.during(.step) {
            for n: UInt64 in [0, (1 << 24) + 1, 1 << 63, .max] { #expect(try prompts(n).status == ZOO_INVALID_ARGUMENT) }
            for n: UInt64 in [0, 65, 1 << 60, .max] {
                #expect(try accumulate(change: { $0.n_want = n }) { _, _, _ in ZOO_OK }.status == ZOO_INVALID_ARGUMENT)
            }
            let rng = try table(ZOO_RNG_ID, zoo_rng_v1.self)
            var number: UInt64 = 1
            for n: UInt64 in [1 << 33, 1 << 63, .max] {
                #expect(rng.pointee.fill(rng.pointee.ctx, &number, n, nil) == ZOO_INVALID_ARGUMENT && number == 1)
            }
            #expect(rng.pointee.fill(rng.pointee.ctx, nil, 1, nil) == ZOO_INVALID_ARGUMENT)
        }
    }

    // MARK: - Gradients

    private static let good: zoo_loss_fn = { _, call, _ in
        call?.pointee.loss = 0.5
        return ZOO_OK
    }

    @Test("an update checks its arguments before it changes a weight, and fills what the caller's struct holds")
    func updates() throws {
        try host.gate.during(.step) {
            #expect(try accumulate(loss: Self.good).status == ZOO_OK)
            let short = try update(size: 4)
            #expect(short.status == ZOO_INVALID_ARGUMENT && scripted.record.updates.isEmpty)
            let first = try update(size: 16)
            #expect(first.status == ZOO_OK && first.info.gradient_norm == 1)
            #expect(
                first.info.learning_rate == -7 && first.info.policy_version == 99, "nothing is written past the caller's size")
            #expect(scripted.record.updates == ["policy"])
            #expect(try update().status == ZOO_FAILED_PRECONDITION, "nothing was accumulated since")
        }
    }

    @Test("after a loss that fails, and after discard, there is no gradient")
    func discarded() throws {
        try host.gate.during(.step) {
            #expect(try accumulate(loss: Self.good).status == ZOO_OK)
            let failing = try accumulate { _, _, error in ZooError.status(error) { throw ZooError(.aborted, "as the loss says") }
            }
            #expect(failing.status == ZOO_ABORTED && failing.message == "as the loss says")
            #expect(try update().status == ZOO_FAILED_PRECONDITION)

            let model = try table(ZOO_MODEL_ID, zoo_model_v1.self)
            #expect(try accumulate(loss: Self.good).status == ZOO_OK)
            #expect("policy".withZooString { model.pointee.discard(model.pointee.ctx, $0, nil) } == ZOO_OK)
            #expect(try update().status == ZOO_FAILED_PRECONDITION)
        }
    }

    @Test("a loss that is not finite is refused, though its gradients are")
    func notFinite() throws {
        try host.gate.during(.step) {
            let found = try accumulate { _, call, _ in
                call?.pointee.loss = .nan
                return ZOO_OK
            }
            #expect(found.status == ZOO_DATA_LOSS && found.message.hasPrefix("the loss of role 'policy' is nan"))
        }
    }

    // MARK: - Names

    @Test("names that begin with 'zoo.' are the host's")
    func names() throws {
        try host.gate.during(.step) {
            let log = try table(ZOO_LOG_ID, zoo_log_v1.self)
            for name in ["zoo.mine", "budget/updates", "lr/policy", "step", ""] {
                let status = name.withZooString { log.pointee.metric(log.pointee.ctx, $0, 1, 1, ZOO_METRIC_MEAN, nil) }
                #expect(status == ZOO_INVALID_ARGUMENT, "\(name)")
            }
            let model = try table(ZOO_MODEL_ID, zoo_model_v1.self)
            let blended = "zoo.role".withZooString { name in
                "policy".withZooString { model.pointee.blend(model.pointee.ctx, name, $0, 1, nil) }
            }
            #expect(blended == ZOO_INVALID_ARGUMENT)
            let reward = try table(ZOO_REWARD_ID, zoo_reward_v1.self)
            var batch = Batch(offsets: [0, 1], mask: [true])
            batch.set("zoo.column", perSequence: [1])
            var out: UnsafePointer<zoo_list>?
            let scored = batch.withCBatch { batch in
                var args = zoo_score_args(size: 16, flags: 0, rollout: batch)
                return outcome { reward.pointee.score(reward.pointee.ctx, &args, &out, $0) }
            }
            #expect(scored.message == "the batch has a column 'zoo.column'; names that begin with 'zoo.' are the host's")
        }
    }
}

/// Carries a value to a thread that ends before the value does.
private struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
