import CZoo
import ZooKit

/// The C tables of the plugin ABI on top of a `HostServices`.
///
/// Lives at least as long as the algorithm that was created with it. What the services hand out is retained until the plugin
/// releases it; anything unreleased is freed with the table.
public final class HostTable: PluginHost {
    let services: any HostServices
    private var handedOut: [UnsafeRawPointer: HandedOut] = [:]

    private let host: UnsafeMutablePointer<zoo_host_v1>
    private let data: UnsafeMutablePointer<zoo_data_v1>
    private let rollout: UnsafeMutablePointer<zoo_rollout_v1>
    private let reward: UnsafeMutablePointer<zoo_reward_v1>
    private let model: UnsafeMutablePointer<zoo_model_v1>
    private let logging: UnsafeMutablePointer<zoo_log_v1>
    private let random: UnsafeMutablePointer<zoo_rng_v1>

    public init(_ services: any HostServices) {
        self.services = services
        func table<T>(_ value: T) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
            pointer.initialize(to: value)
            return pointer
        }
        host = table(zoo_host_v1())
        data = table(zoo_data_v1())
        rollout = table(zoo_rollout_v1())
        reward = table(zoo_reward_v1())
        model = table(zoo_model_v1())
        logging = table(zoo_log_v1())
        random = table(zoo_rng_v1())
        fillHost()
        fillData()
        fillSampling()
        fillModel()
        fillSmall()
    }

    deinit {
        for object in handedOut.values { object.free() }
        host.deallocate()
        data.deallocate()
        rollout.deallocate()
        reward.deallocate()
        model.deallocate()
        logging.deallocate()
        random.deallocate()
    }

    /// The host table for `create`.
    public var table: UnsafePointer<zoo_host_v1> { UnsafePointer(host) }

    /// The table of a service by its id; nil for an unknown one.
    public func service(_ id: String) -> UnsafeRawPointer? {
        switch id {
        case ZOO_DATA_ID: UnsafeRawPointer(data)
        case ZOO_ROLLOUT_ID: UnsafeRawPointer(rollout)
        case ZOO_REWARD_ID: UnsafeRawPointer(reward)
        case ZOO_MODEL_ID: UnsafeRawPointer(model)
        case ZOO_LOG_ID: UnsafeRawPointer(logging)
        case ZOO_RNG_ID: UnsafeRawPointer(random)
        default: nil
        }
    }

    /// Objects that the plugin holds and has not released.
    public var unreleased: Int { handedOut.count }

    // MARK: - Filling the tables

    private var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    private static func of(_ context: UnsafeMutableRawPointer?) throws -> HostTable {
        guard let context else { throw ZooError(.invalidArgument, "the table's ctx is NULL") }
        return Unmanaged<HostTable>.fromOpaque(context).takeUnretainedValue()
    }

    private func fillHost() {
        host.pointee.size = UInt32(MemoryLayout<zoo_host_v1>.size)
        host.pointee.abi_minor = UInt32(ZOO_ABI_MINOR)
        host.pointee.ctx = context
        host.pointee.get_extension = { context, id in
            guard let table = try? HostTable.of(context), let id else { return nil }
            return table.service(String(cString: id))
        }
        host.pointee.log = { context, level, message in
            guard let table = try? HostTable.of(context) else { return }
            table.services.log(level: level, message: message.string ?? "(a message that is not UTF-8)")
        }
        host.pointee.cancelled = { context in
            guard let table = try? HostTable.of(context) else { return 1 }
            return table.services.isCancelled ? 1 : 0
        }
        host.pointee.release = { context, object in
            guard let object, let table = try? HostTable.of(context) else { return }
            guard let owned = table.handedOut.removeValue(forKey: object) else {
                return table.services.log(level: ZOO_LEVEL_ERROR, message: "the plugin released an object that it does not own")
            }
            owned.free()
        }
    }

    private func fillData() {
        data.pointee.size = UInt32(MemoryLayout<zoo_data_v1>.size)
        data.pointee.ctx = context
        data.pointee.prompts = { context, n, out, error in
            HostTable.give(context, out, error) { try $0.prompts(HostTable.count(n, "rows")) }
        }
        data.pointee.pairs = { context, n, out, error in
            HostTable.give(context, out, error) { try $0.pairs(HostTable.count(n, "pairs")) }
        }
        data.pointee.examples = { context, n, out, error in
            HostTable.give(context, out, error) { try $0.examples(HostTable.count(n, "rows")) }
        }
    }

    private func fillSampling() {
        rollout.pointee.size = UInt32(MemoryLayout<zoo_rollout_v1>.size)
        rollout.pointee.ctx = context
        rollout.pointee.generate = { context, role, prompts, samples, out, error in
            HostTable.give(context, out, error) {
                try $0.generate(
                    role: HostTable.text(role, "role"), prompts: Batch(copying: prompts),
                    samples: HostTable.count(samples, "samples"))
            }
        }
        reward.pointee.size = UInt32(MemoryLayout<zoo_reward_v1>.size)
        reward.pointee.ctx = context
        reward.pointee.score = { context, batch, out, error in
            HostTable.give(context, out, error) { try $0.score(Batch(copying: batch)) }
        }
    }

    private func fillModel() {
        model.pointee.size = UInt32(MemoryLayout<zoo_model_v1>.size)
        model.pointee.ctx = context
        model.pointee.supports = { context, role, output, info, error in
            ZooError.status(error) {
                let found = try HostTable.of(context).services.supports(
                    role: HostTable.text(role, "role"), output: HostTable.text(output, "output"))
                guard let info else { return }
                try HostTable.requireSize(info.pointee.size, MemoryLayout<zoo_output_info>.size, "zoo_output_info")
                info.pointee.per_step = found.perStep ? 1 : 0
                info.pointee.reduction = found.reduction
                info.pointee.dimensions = UInt64(found.dimensions)
            }
        }
        model.pointee.forward = { context, role, batch, want, count, out, error in
            HostTable.give(context, out, error) {
                try $0.forward(
                    role: HostTable.text(role, "role"), batch: Batch(copying: batch), outputs: HostTable.names(want, count))
            }
        }
        model.pointee.accumulate = { context, role, batch, want, count, loss, lossContext, flags, total, error in
            ZooError.status(error) {
                guard let loss else { throw ZooError(.invalidArgument, "accumulate was called without a loss function") }
                let sum = try HostTable.of(context).services.accumulate(
                    role: HostTable.text(role, "role"), batch: Batch(copying: batch), outputs: HostTable.names(want, count),
                    flags: flags, loss: LossCall(function: loss, context: lossContext))
                total?.pointee = sum
            }
        }
        model.pointee.optimizer_step = { context, role, info, error in
            ZooError.status(error) {
                let update = try HostTable.of(context).services.optimizerStep(role: HostTable.text(role, "role"))
                guard let info else { return }
                try HostTable.requireSize(info.pointee.size, MemoryLayout<zoo_step_info>.size, "zoo_step_info")
                info.pointee.gradient_norm = update.gradientNorm
                info.pointee.learning_rate = update.learningRate
                info.pointee.policy_version = UInt64(update.version)
            }
        }
        model.pointee.blend = { context, destination, source, weight, error in
            ZooError.status(error) {
                guard weight >= 0, weight <= 1 else {
                    throw ZooError(.invalidArgument, "blend's weight is \(weight); expected 0 to 1")
                }
                try HostTable.of(context).services.blend(
                    destination: HostTable.text(destination, "role"), source: HostTable.text(source, "role"), weight: weight)
            }
        }
    }

    private func fillSmall() {
        logging.pointee.size = UInt32(MemoryLayout<zoo_log_v1>.size)
        logging.pointee.ctx = context
        logging.pointee.metric = { context, name, value, weight, normaliser, error in
            ZooError.status(error) {
                try HostTable.of(context).services.metric(
                    name: HostTable.text(name, "metric"), value: value, weight: weight, normaliser: normaliser)
            }
        }
        random.pointee.size = UInt32(MemoryLayout<zoo_rng_v1>.size)
        random.pointee.ctx = context
        random.pointee.fill = { context, out, n, error in
            ZooError.status(error) {
                guard n == 0 || out != nil else { throw ZooError(.invalidArgument, "fill was called without memory") }
                try HostTable.of(context).services.fill(UnsafeMutableBufferPointer(start: out, count: Int(n)))
            }
        }
    }

    // MARK: - Arguments and results

    private static func text(_ value: zoo_str, _ what: String) throws -> String {
        guard let text = value.string, !text.isEmpty else {
            throw ZooError(.invalidArgument, "the name of the \(what) is empty or not UTF-8")
        }
        return text
    }

    private static func count(_ value: UInt64, _ what: String) throws -> Int {
        guard value > 0, value <= 1 << 24 else {
            throw ZooError(.invalidArgument, "\(value) \(what) were requested; expected 1 to \(1 << 24)")
        }
        return Int(value)
    }

    private static func names(_ want: UnsafePointer<zoo_str>?, _ count: UInt64) throws -> [String] {
        guard let want, count > 0, count <= 64 else {
            throw ZooError(.invalidArgument, "\(count) outputs were requested; expected 1 to 64")
        }
        return try (0..<Int(count)).map { try text(want[$0], "output") }
    }

    private static func requireSize(_ size: UInt32, _ expected: Int, _ name: String) throws {
        guard size >= UInt32(expected) else {
            throw ZooError(.invalidArgument, "\(name).size is \(size); expected at least \(expected)")
        }
    }

    private static func give(
        _ context: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<UnsafePointer<zoo_batch>?>?,
        _ error: UnsafeMutablePointer<zoo_error>?, _ make: (any HostServices) throws -> Batch
    ) -> Int32 {
        ZooError.status(error) {
            guard let out else { throw ZooError(.invalidArgument, "the pointer for the result is NULL") }
            out.pointee = nil
            let table = try of(context)
            let batch = HandedOutBatch(try make(table.services))
            table.handedOut[UnsafeRawPointer(batch.pointer)] = batch
            out.pointee = UnsafePointer(batch.pointer)
        }
    }

    private static func give(
        _ context: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<UnsafePointer<zoo_list>?>?,
        _ error: UnsafeMutablePointer<zoo_error>?, _ make: (any HostServices) throws -> [Column]
    ) -> Int32 {
        ZooError.status(error) {
            guard let out else { throw ZooError(.invalidArgument, "the pointer for the result is NULL") }
            out.pointee = nil
            let table = try of(context)
            let list = HandedOutList(try make(table.services))
            table.handedOut[UnsafeRawPointer(list.pointer)] = list
            out.pointee = UnsafePointer(list.pointer)
        }
    }
}
