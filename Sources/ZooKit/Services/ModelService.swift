import CZoo

/// Networks by role, what they say of a batch, and their gradients.
public struct ModelService {
    private let service: Service<zoo_model_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_MODEL_ID, host: host) { field($0, \.ctx) }
    }

    /// What an update did.
    public struct StepInfo: Sendable, Equatable {
        /// Before clipping.
        public let gradientNorm: Double
        /// Of the update just made.
        public let learningRate: Double
    }

    /// What an accumulation came to: the loss, and the outputs of the whole batch that it was taken at.
    public struct Accumulated: Sendable {
        public let loss: Double
        public let outputs: Outputs
    }

    /// What an update came to: the loss and the outputs of the whole batch that it was taken at, and what the optimizer did.
    public struct Update: Sendable {
        public let loss: Double
        public let outputs: Outputs
        /// Before clipping.
        public let gradientNorm: Double
        public let learningRate: Double
    }

    /// Whether `role` gives `output`; asking does not build the role.
    public func supports(_ role: Role, _ output: Output) throws -> Bool {
        let function = try service.function("supports", \.supports)
        do {
            try role.name.withZooString { role in
                try output.name.withZooString { output in
                    try ZooError.check("\(service.id) supports") { function(service.context, role, output, nil, $0) }
                }
            }
            return true
        } catch let error as ZooError where error.code == .notFound {
            return false
        }
    }

    /// The wanted outputs, without gradient. Throws `.dataLoss` where one is not finite.
    public func forward(_ role: Role, _ batch: Batch, _ wanted: [Output]) throws -> Outputs {
        let function = try service.function("forward", \.forward)
        let columns = try withNames(role, wanted) { role, names in
            try batch.withCBatch { batch in
                try service.columns(
                    "forward", sequences: Int(batch.pointee.n_sequences), steps: Int(batch.pointee.n_steps)
                ) {
                    var args = zoo_forward_args()
                    args.size = UInt32(MemoryLayout<zoo_forward_args>.size)
                    args.role = role
                    args.batch = batch
                    args.want = names.baseAddress
                    args.n_want = UInt64(names.count)
                    return function(service.context, &args, $0, $1)
                }
            }
        }
        return try Outputs(columns).checked(wanted, of: role)
    }

    /// One update of the role by the loss of a batch: `accumulate`, then `step`.
    @discardableResult
    public func update(
        _ role: Role, _ batch: Batch, _ wanted: [Output], _ cut: Cut, stopsGradient: Bool = false,
        loss: (Batch, Outputs) throws -> Loss
    ) throws -> Update {
        let accumulated = try accumulate(role, batch, wanted, cut, stopsGradient: stopsGradient, loss: loss)
        let info = try step(role)
        return Update(
            loss: accumulated.loss, outputs: accumulated.outputs, gradientNorm: info.gradientNorm,
            learningRate: info.learningRate)
    }

    /// Runs the role forward, takes the loss and back-propagates into the role's gradient, which adds up until `step`: for an update
    /// by several losses or batches.
    ///
    /// `loss` is a pure function of a slice of the batch and its outputs: the host may call it more than once, on slices of its own
    /// choice within `cut`. It returns the slice's part of the WHOLE update's loss, so denominators come from outside the slice; a
    /// step whose mask is false gets a derivative of exactly 0. An error that it throws is thrown from here.
    ///
    /// `stopsGradient` says that the gradients are by design not the derivative of the value, as where a weight counts as a constant.
    @discardableResult
    public func accumulate(
        _ role: Role, _ batch: Batch, _ wanted: [Output], _ cut: Cut, stopsGradient: Bool = false,
        loss: (Batch, Outputs) throws -> Loss
    ) throws -> Accumulated {
        let function = try service.function("accumulate", \.accumulate)
        return try withoutActuallyEscaping(loss) { loss in
            let call = LossCallback(role: role, wanted: wanted, batch: batch, loss: loss)
            var info = zoo_loss_info()
            info.size = UInt32(MemoryLayout<zoo_loss_info>.size)
            do {
                try withNames(role, wanted) { role, names in
                    try call.numbered.withCBatch { batch in
                        var args = zoo_accumulate_args()
                        args.size = UInt32(MemoryLayout<zoo_accumulate_args>.size)
                        args.flags = cut.flags | (stopsGradient ? ZOO_LOSS_STOP_GRADIENT : 0)
                        args.role = role
                        args.batch = batch
                        args.want = names.baseAddress
                        args.n_want = UInt64(names.count)
                        args.loss = LossCallback.function
                        args.loss_ctx = Unmanaged.passUnretained(call).toOpaque()
                        try ZooError.check("\(service.id) accumulate") { function(service.context, &args, &info, $0) }
                    }
                }
            } catch {
                // The plugin's own error, in full, rather than what is left of it after the boundary.
                throw call.thrown ?? error
            }
            return Accumulated(loss: info.loss, outputs: call.outputs)
        }
    }

    /// Clips the role's gradient to the recipe's norm, updates its weights and zeroes the gradient.
    @discardableResult
    public func step(_ role: Role) throws -> StepInfo {
        let function = try service.function("optimizer_step", \.optimizer_step)
        var info = zoo_step_info()
        info.size = UInt32(MemoryLayout<zoo_step_info>.size)
        try role.name.withZooString { role in
            var args = zoo_update_args()
            args.size = UInt32(MemoryLayout<zoo_update_args>.size)
            args.role = role
            try ZooError.check("\(service.id) optimizer_step") { function(service.context, &args, &info, $0) }
        }
        return StepInfo(gradientNorm: info.gradient_norm, learningRate: info.learning_rate)
    }

    /// Empties the role's gradient without an update.
    public func discard(_ role: Role) throws {
        let function = try service.function("discard", \.discard)
        try role.name.withZooString { role in
            try ZooError.check("\(service.id) discard") { function(service.context, role, $0) }
        }
    }

    /// `destination = (1 − weight) · destination + weight · source`. Weight 1 copies; a destination that is not yet there is made
    /// as a frozen copy.
    public func blend(_ destination: Role, from source: Role, weight: Double = 1) throws {
        let function = try service.function("blend", \.blend)
        try destination.name.withZooString { destination in
            try source.name.withZooString { source in
                try ZooError.check("\(service.id) blend") { function(service.context, destination, source, weight, $0) }
            }
        }
    }

    private func withNames<R>(
        _ role: Role, _ wanted: [Output], _ body: (zoo_str, UnsafeBufferPointer<zoo_str>) throws -> R
    ) throws -> R {
        func collect(_ index: Int, _ names: [zoo_str]) throws -> R {
            guard index < wanted.count else {
                return try names.withUnsafeBufferPointer { names in try role.name.withZooString { try body($0, names) } }
            }
            return try wanted[index].name.withZooString { try collect(index + 1, names + [$0]) }
        }
        return try collect(0, [])
    }
}
