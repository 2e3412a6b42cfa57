import CZoo
import ZooKit

/// The C tables of a host, in memory that lives as long as this.
struct Tables {
    let host: UnsafeMutablePointer<zoo_host_v1>
    private let data: UnsafeMutablePointer<zoo_data_v1>
    private let rollout: UnsafeMutablePointer<zoo_rollout_v1>
    private let reward: UnsafeMutablePointer<zoo_reward_v1>
    private let model: UnsafeMutablePointer<zoo_model_v1>
    private let logging: UnsafeMutablePointer<zoo_log_v1>
    private let random: UnsafeMutablePointer<zoo_rng_v1>
    private let parameters: UnsafeMutablePointer<zoo_parameters_v1>
    private let run: UnsafeMutablePointer<zoo_run_v1>
    private let arena: Arena

    init(_ arena: Arena) {
        self.arena = arena
        host = arena.make(zoo_host_v1()) { _ in }
        data = arena.make(zoo_data_v1()) { _ in }
        rollout = arena.make(zoo_rollout_v1()) { _ in }
        reward = arena.make(zoo_reward_v1()) { _ in }
        model = arena.make(zoo_model_v1()) { _ in }
        logging = arena.make(zoo_log_v1()) { _ in }
        random = arena.make(zoo_rng_v1()) { _ in }
        parameters = arena.make(zoo_parameters_v1()) { _ in }
        run = arena.make(zoo_run_v1()) { _ in }
    }

    /// The table of a service by its id; nil for an unknown one.
    func service(_ id: String) -> UnsafeRawPointer? {
        switch id {
        case ZOO_DATA_ID: UnsafeRawPointer(data)
        case ZOO_ROLLOUT_ID: UnsafeRawPointer(rollout)
        case ZOO_REWARD_ID: UnsafeRawPointer(reward)
        case ZOO_MODEL_ID: UnsafeRawPointer(model)
        case ZOO_LOG_ID: UnsafeRawPointer(logging)
        case ZOO_RNG_ID: UnsafeRawPointer(random)
        case ZOO_PARAMETERS_ID: UnsafeRawPointer(parameters)
        case ZOO_RUN_ID: UnsafeRawPointer(run)
        default: nil
        }
    }

    /// Sets every function; `context` is an unretained `HostTable`.
    func fill(_ context: UnsafeMutableRawPointer) {
        fillHost(context)
        fillData(context)
        fillSampling(context)
        fillModel(context)
        fillParameters(context)
        fillSmall(context)
    }

    private func fillHost(_ context: UnsafeMutableRawPointer) {
        host.pointee.abi_version = UInt32(ZOO_ABI_MAJOR << 16 | ZOO_ABI_MINOR)
        host.pointee.ctx = context
        host.pointee.get_extension = { context, id in
            guard let table = try? HostTable.of(context), let id else { return nil }
            let name = String(cString: id)
            table.asked.withLock { _ = $0.insert(name) }
            return table.service(name)
        }
        host.pointee.log = { context, level, message in
            guard let table = try? HostTable.of(context) else { return }
            table.log(level, message)
        }
        host.pointee.cancelled = { context in
            guard let table = try? HostTable.of(context) else { return 1 }
            return table.services.isCancelled ? 1 : 0
        }
        host.pointee.release = { context, object in
            guard let object, let table = try? HostTable.of(context) else { return }
            table.release(object)
        }
    }

    private func fillData(_ context: UnsafeMutableRawPointer) {
        data.pointee.ctx = context
        data.pointee.prompts = { context, args, out, error in
            HostTable.give("zoo.data/1 prompts", context, out, error) {
                let args = try Argument.args(args, \.n, flags: \.flags)
                return $0.handOut(try $0.services.prompts(Argument.count(args[\.n], "rows")))
            }
        }
        data.pointee.pairs = { context, args, out, error in
            HostTable.give("zoo.data/1 pairs", context, out, error) {
                let args = try Argument.args(args, \.n, flags: \.flags)
                return $0.handOut(try $0.services.pairs(Argument.count(args[\.n], "pairs")))
            }
        }
        data.pointee.examples = { context, args, out, error in
            HostTable.give("zoo.data/1 examples", context, out, error) {
                let args = try Argument.args(args, \.n, flags: \.flags)
                return $0.handOut(try $0.services.examples(Argument.count(args[\.n], "rows")))
            }
        }
    }

    private func fillSampling(_ context: UnsafeMutableRawPointer) {
        rollout.pointee.ctx = context
        rollout.pointee.generate = { context, args, out, error in
            HostTable.give("zoo.rollout/1 generate", context, out, error) {
                let args = try Argument.args(args, \.samples, flags: \.flags)
                return $0.handOut(
                    try $0.services.generate(
                        role: Argument.text(args[\.role], "role"), prompts: Argument.batch(args[\.prompts]),
                        samples: Argument.count(args[\.samples], "samples")))
            }
        }
        reward.pointee.ctx = context
        reward.pointee.score = { context, args, out, error in
            HostTable.give("zoo.reward/1 score", context, out, error) {
                let args = try Argument.args(args, \.rollout, flags: \.flags)
                return $0.handOut(try $0.services.score(Argument.batch(args[\.rollout])))
            }
        }
    }

    private func fillModel(_ context: UnsafeMutableRawPointer) {
        model.pointee.ctx = context
        model.pointee.supports = { context, role, output, info, error in
            HostTable.call("zoo.model/1 supports", context, error) { table in
                let info = try Argument.info(info)
                let found = try table.services.supports(
                    role: Argument.text(role, "role"), output: Argument.text(output, "output"))
                info?.fill(\.per_step, found.perStep ? 1 : 0)
                info?.fill(\.reduction, found.reduction)
                info?.fill(\.dimensions, UInt64(found.dimensions))
            }
        }
        model.pointee.forward = { context, args, out, error in
            HostTable.give("zoo.model/1 forward", context, out, error) {
                let args = try Argument.args(args, \.n_want, flags: \.flags)
                return $0.handOut(
                    try $0.services.forward(
                        role: Argument.text(args[\.role], "role"), batch: Argument.batch(args[\.batch]),
                        outputs: Argument.names(args[\.want], args[\.n_want])))
            }
        }
        model.pointee.accumulate = { context, args, info, error in
            HostTable.call("zoo.model/1 accumulate", context, error) { table in
                let role = try Argument.text(Sized(args)?[\.role], "role")
                do {
                    let info = try Argument.info(info)
                    let sum = try table.accumulate(args, role)
                    info?.fill(\.loss, sum)
                } catch let failure {
                    // A gradient of some slices is no gradient; the failure is what the plugin has to know of.
                    try? table.services.discard(role: role)
                    throw failure
                }
            }
        }
        model.pointee.optimizer_step = { context, args, info, error in
            HostTable.call("zoo.model/1 optimizer_step", context, error) { table in
                let args = try Argument.args(args, \.role, flags: \.flags)
                let info = try Argument.info(info)
                let update = try table.services.optimizerStep(role: Argument.text(args[\.role], "role"))
                info?.fill(\.gradient_norm, update.gradientNorm)
                info?.fill(\.learning_rate, update.learningRate)
                info?.fill(\.policy_version, UInt64(update.version))
            }
        }
        model.pointee.blend = { context, destination, source, weight, error in
            HostTable.call("zoo.model/1 blend", context, error) { table in
                guard weight >= 0, weight <= 1 else {
                    throw ZooError(.invalidArgument, "blend's weight is \(weight); expected 0 to 1")
                }
                let destination = try Argument.text(destination, "role")
                guard !destination.hasPrefix("zoo.") else {
                    throw ZooError(
                        .invalidArgument,
                        "blend was to make the role '\(destination)'; names that begin with 'zoo.' are the host's")
                }
                try table.services.blend(
                    destination: destination, source: Argument.text(source, "role"), weight: weight)
            }
        }
        model.pointee.discard = { context, role, error in
            HostTable.call("zoo.model/1 discard", context, error) {
                try $0.services.discard(role: Argument.text(role, "role"))
            }
        }
    }

    private func fillParameters(_ context: UnsafeMutableRawPointer) {
        parameters.pointee.ctx = context
        parameters.pointee.number = { context, name, out, error in
            HostTable.read("number", context, name, out, error) { try $0.number($1) }
        }
        parameters.pointee.integer = { context, name, out, error in
            HostTable.read("integer", context, name, out, error) { try $0.integer($1) }
        }
        parameters.pointee.boolean = { context, name, out, error in
            HostTable.read("boolean", context, name, out, error) { try $0.boolean($1) ? 1 : 0 }
        }
        parameters.pointee.string = { context, name, out, error in
            HostTable.read("string", context, name, out, error) { try $0.string($1) }
        }
        parameters.pointee.list = { context, name, out, error in
            HostTable.read("list", context, name, out, error) { try $0.list($1) }
        }
    }

    private func fillSmall(_ context: UnsafeMutableRawPointer) {
        logging.pointee.ctx = context
        logging.pointee.metric = { context, name, value, weight, normaliser, error in
            HostTable.call("zoo.log/1 metric", context, error) { table in
                let name = try Argument.text(name, "metric")
                try ReservedMetric.check(name)
                try table.services.metric(name: name, value: value, weight: weight, normaliser: normaliser)
            }
        }
        random.pointee.ctx = context
        random.pointee.fill = { context, out, n, error in
            HostTable.call("zoo.rng/1 fill", context, error) { table in
                guard n <= 1 << 32, n == 0 || out != nil else {
                    throw ZooError(.invalidArgument, "fill was called for \(n) numbers, or without memory; expected up to 2^32")
                }
                try table.services.fill(UnsafeMutableBufferPointer(start: out, count: Int(n)))
            }
        }
        run.pointee.ctx = context
        run.pointee.info = { context, out, error in
            HostTable.call("zoo.run/1 info", context, error) { table in
                guard let out = try Argument.info(out) else { throw ZooError(.invalidArgument, "zoo_run_info is NULL") }
                let position = table.services.position
                out.fill(\.progress, position.progress)
                out.fill(\.iteration, UInt64(position.iteration))
                out.fill(\.seed, position.seed)
            }
        }
    }
}

extension HostTable {
    fileprivate func accumulate(_ pointer: UnsafePointer<zoo_accumulate_args>?, _ role: String) throws -> Double {
        let args = try Argument.args(pointer, \.loss_ctx, flags: \.flags, known: ZOO_LOSS_CUT | ZOO_LOSS_STOP_GRADIENT)
        let flags = args[\.flags] ?? 0
        guard flags & ZOO_LOSS_CUT != ZOO_LOSS_CUT else {
            throw ZooError(
                .invalidArgument, "zoo_accumulate_args.flags has the cut 3; expected ZOO_LOSS_SEPARABLE, GROUPED or WHOLE")
        }
        guard let loss = args[\.loss] else { throw ZooError(.invalidArgument, "accumulate was called without a loss function") }
        let sum = try services.accumulate(
            role: role, batch: Argument.batch(args[\.batch]), outputs: Argument.names(args[\.want], args[\.n_want]), flags: flags,
            loss: LossCall(function: loss, context: args[\.loss_ctx], gate: gate, makeArena: makeArena))
        guard sum.isFinite else {
            throw ZooError(
                .dataLoss, "the loss of role '\(role)' is \(sum); expected a finite number, or an error of the algorithm's own")
        }
        return sum
    }

    fileprivate static func read<T>(
        _ function: String, _ context: UnsafeMutableRawPointer?, _ name: zoo_str, _ out: UnsafeMutablePointer<T>?,
        _ error: UnsafeMutablePointer<zoo_error>?, _ value: (GivenParameters, String) throws -> T
    ) -> Int32 {
        call("zoo.parameters/1 \(function)", context, error, in: Set(JobGate.Phase.allCases)) { table in
            guard let out else { throw ZooError(.invalidArgument, "zoo.parameters/1 \(function): the result's pointer is NULL") }
            out.pointee = try value(table.parameters, Argument.text(name, "parameter"))
        }
    }
}
