import CZoo
import ZooKit

/// The services of a host in Swift; `HostTable` puts them behind the C tables of the plugin ABI.
///
/// Implemented by the live run (`RunServices`) and by the scripted host of the conformance bench. All calls come from
/// the job thread, except `log` and `isCancelled`.
public protocol HostServices: AnyObject {
    /// The next `n` prompts; see `zoo/data.h` for the columns.
    func prompts(_ n: Int) throws -> Batch
    func pairs(_ n: Int) throws -> Batch
    func examples(_ n: Int) throws -> Batch

    /// `samples` sequences per prompt, prompt-major; see `zoo/rollout.h`.
    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch

    /// `reward` and its components, each [n_sequences]; see `zoo/reward.h`.
    func score(_ rollout: Batch) throws -> [Column]

    /// How `role` provides `output`; throws `.notFound` if it does not.
    func supports(role: String, output: String) throws -> OutputInfo
    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column]
    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double
    func optimizerStep(role: String) throws -> UpdateInfo
    /// Empties the role's gradient; nothing where there is none.
    func discard(role: String) throws
    func blend(destination: String, source: String, weight: Double) throws

    /// How far the run has come.
    var position: RunPosition { get }

    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws
    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws
    func log(level: Int32, message: String)
    var isCancelled: Bool { get }
}

/// The shape and reduction of an output, `zoo_output_info`.
public struct OutputInfo: Sendable, Equatable {
    public var perStep: Bool
    public var reduction: UInt32
    /// Numbers in one action.
    public var dimensions: Int

    public init(perStep: Bool, reduction: UInt32 = ZOO_REDUCTION_SUM, dimensions: Int = 1) {
        self.perStep = perStep
        self.reduction = reduction
        self.dimensions = dimensions
    }
}

/// How far the run has come, `zoo_run_info`.
public struct RunPosition: Sendable, Equatable {
    /// The share of the budget that is spent, in [0, 1].
    public var progress: Double
    /// Calls of `step` that are done.
    public var iteration: Int
    /// The recipe's.
    public var seed: UInt64

    public init(progress: Double = 0, iteration: Int = 0, seed: UInt64 = 0) {
        (self.progress, self.iteration, self.seed) = (progress, iteration, seed)
    }
}

/// The result of an update, `zoo_step_info`.
public struct UpdateInfo: Sendable, Equatable {
    /// Before clipping.
    public var gradientNorm: Double
    public var learningRate: Double
    /// Updates of the role so far.
    public var version: Int

    public init(gradientNorm: Double, learningRate: Double, version: Int) {
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.version = version
    }
}

/// A loss function: the plugin's, callable from Swift, or the host's own.
public struct LossCall {
    /// The loss of a slice and dLoss/d(output) for each of the outputs, in the same shapes.
    public typealias Result = (loss: Double, gradients: [[Double]])

    private let body: (_ slice: Batch, _ outputs: [Column]) throws -> Result

    package init(_ body: @escaping (_ slice: Batch, _ outputs: [Column]) throws -> Result) { self.body = body }

    /// The plugin's.
    ///
    /// - Parameter makeArena: Makes the memory of each call.
    init(
        function: @escaping zoo_loss_fn, context: UnsafeMutableRawPointer?, gate: JobGate, makeArena: @escaping () -> Arena
    ) {
        self.init { slice, outputs in
            try gate.inLoss { try Self.call(function, context, slice, outputs, makeArena()) }
        }
    }

    public func callAsFunction(_ slice: Batch, _ outputs: [Column]) throws -> Result { try body(slice, outputs) }

    private static func call(
        _ function: zoo_loss_fn, _ context: UnsafeMutableRawPointer?, _ slice: Batch, _ outputs: [Column], _ arena: Arena
    ) throws -> Result {
        let zeros = outputs.map { Column($0.name, perStep: $0.perStep, .f64(Array(repeating: 0, count: $0.doubles.count))) }
        let gradients = arena.arrays(zeros)
        let given = Arena.constant(arena.arrays(outputs))
        let batch = arena.batch(slice)
        let call = arena.make(zoo_loss_call()) {
            $0.slice = UnsafePointer(batch)
            $0.outputs = given
            $0.gradients = UnsafePointer(gradients)
            $0.n_outputs = UInt64(outputs.count)
        }
        (arena as? any LentMemory)?.lend(UnsafePointer(call))
        return try withExtendedLifetime(arena) {
            try ZooError.check("the loss") { function(context, call, $0) }
            let loss = call.pointee.loss
            let written = try zeros.indices.map { index in
                let array = gradients[index].map { UnsafePointer($0) }
                return try Column(copying: array, sequences: slice.sequenceCount, steps: slice.stepCount).doubles
            }
            return (loss, written)
        }
    }
}
