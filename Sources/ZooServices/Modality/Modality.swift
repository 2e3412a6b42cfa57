import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// What a sequence is: a text, an image that is denoised step by step, or the actions of a table.
///
/// Everything that depends on it is asked here: services, preparation, evaluation and probe know only this protocol. A new modality is
/// a folder beside `Text`, `Images` and `Table`, and a line in `StageSetup.modality`.
package protocol Modality {
    /// Preference pairs as they are kept.
    associatedtype Pairs: KeptPairs

    // MARK: Rows to batches

    /// What the policy is to continue, one sequence per row, with the column `row`.
    func prompts(_ rows: [Row]) throws -> Batch
    /// - Parameter position: examples handed out before; with the seed it decides whatever is random in them.
    func examples(_ rows: [Row], position: Int) throws -> Batch
    /// Two sequences per row, the chosen one first.
    func pairs(_ rows: [Row], position: Int) throws -> Batch
    /// Reads every row once as the algorithm will; nil if rows have no limits that could cut them.
    func check(_ dataset: Dataset, _ kind: DataKind) -> RowCounts?
    /// The same for data that is held out: nothing is left out at random.
    func heldOut(seed: UInt64) -> Self

    // MARK: Batches to networks

    /// A batch as the networks read it. Throws if a column is absent or of another size.
    func sequences(_ batch: Batch) throws -> Sequences
    /// What each sequence costs in a pass, in tokens of the network, `[n_sequences]`; nil for its own steps.
    func costs(_ batch: Batch) -> [Int]?
    /// What a policy gives.
    var outputs: Set<NetworkOutput> { get }
    /// What one number of an output stands for.
    func info(_ output: NetworkOutput) -> OutputInfo
    /// What tells the sequences of a batch apart, `[n_sequences]`: what a network sees of each.
    func keys(of batch: Batch) -> [[Int32]]
    /// Whether a frozen network gives the same score whenever it sees the same sequence.
    var repeatsScores: Bool { get }
    /// The wanted outputs with the KL to a reference, which is evaluated in the middle of the policy's pass; nil if this modality has
    /// no exact KL.
    ///
    /// - Returns: the outputs in the order asked, and the floating-point operations of the reference.
    func forward(_ policy: any Network, klTo reference: any Network, _ sequences: Sequences, _ wanted: [NetworkOutput]) throws
        -> (tensors: [Tensor], referenceFLOPs: Double)?

    // MARK: Sampling

    /// `samples` sequences per prompt, prompt-major.
    ///
    /// nil if the network is not one that can be sampled from.
    /// - Parameter iteration: iterations so far.
    func generate(
        _ request: SamplingRequest, with network: any Network, generator: Generator, iteration: Int, isCancelled: () -> Bool
    ) throws -> Drawn?
    /// The prompts of sampled sequences, as a dataset gives them.
    func prompts(of batch: Batch) throws -> Batch
    /// Neighbouring sampled sequences as the pairs of a dataset.
    func pairs(of batch: Batch) throws -> Batch
    /// Where the policy's state before each of some steps is: the same number means that these can be continued in one call.
    func place(of step: Int, in steps: Range<Int>, of batch: Batch) -> Int
    /// A request that continues sampled sequences from the state before some steps, all at one place.
    ///
    /// - Returns: the request, and how many actions before its own a reward should see.
    func continuing(_ batch: Batch, at states: [(step: Int, sequence: Int)], place: Int, samples: Int, settings: RolloutSettings)
        throws -> (request: SamplingRequest, actionsBefore: Int)

    // MARK: Rewards

    /// The sequences as reward functions see them.
    func items(_ batch: Batch, _ row: (Int) -> Row?) throws -> [RewardItem]
    /// The sequences for a reward model that reads differently than the policy.
    func reread(_ batch: Batch, _ items: [RewardItem], _ row: (Int) -> Row?, by reader: any Reader) throws -> Batch

    // MARK: Evaluation

    /// Samples a role on held-out prompts and measures what needs no reward.
    ///
    /// - Returns: the samples, for the rewards.
    func measure(
        _ role: String, on prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess, into measured: inout Measured
    )
        throws -> Batch
    /// The first samples for people, before training and after.
    func shown(before: Measured, after: Measured, _ plan: MeasuringPlan) -> (
        samples: [EvaluationResult.Sample], images: ImageGrid?
    )

    // MARK: Preference pairs

    /// Builds pairs from samples; the cost has the steps sampled, and the caller adds the rest.
    func build(_ building: PairBuilding, _ plan: PairPlan, from source: any PairSource) throws -> Pairs
    /// The rows to train on.
    func dataset(_ pairs: Pairs, prompts: () throws -> Dataset) throws -> Dataset
}

/// A request for samples.
package struct SamplingRequest {
    var prompts: Batch
    var samples: Int
    var settings: RolloutSettings
    /// Where denoising begins in place of noise.
    var start: ImageStart?
    /// The rows that the prompts' column `row` counts, for what answers the policy.
    var row: (Int) -> Row?
    /// Where the prompts are some of several whose samples are drawn in other calls: the first one's place, and how many there are.
    var part: (first: Int, of: Int)?

    package init(
        prompts: Batch, samples: Int, settings: RolloutSettings, start: ImageStart? = nil,
        row: @escaping (Int) -> Row? = { _ in nil }
    ) {
        (self.prompts, self.samples, self.settings, self.start, self.row) = (prompts, samples, settings, start, row)
    }

    /// Its samples among all; nil where these are all.
    var shared: SharedDraws? {
        part.map { part in
            let first = part.first * samples
            return SharedDraws(
                rows: Array(first..<first + prompts.sequenceCount * samples), of: part.of * samples, steps: settings.maxNewTokens)
        }
    }

    /// The request for some of its prompts, each of which gets the samples that it gets among all.
    func choosing(_ chosen: Range<Int>) -> SamplingRequest {
        var request = self
        request.prompts = prompts.selecting(Array(chosen))
        if let start {
            let size = start.states.count / max(1, prompts.sequenceCount)
            request.start = ImageStart(
                states: Array(start.states[chosen.lowerBound * size..<chosen.upperBound * size]), step: start.step)
        }
        request.part = (chosen.lowerBound, prompts.sequenceCount)
        return request
    }
}

/// What a network drew.
package struct Drawn {
    /// Offsets, steps and mask.
    package var batch: Batch
    /// Of the masked steps, [n_masked].
    package var logp: [Float]
    /// Whether each sequence ended before the limit, [n_sequences].
    package var finished: [Bool]
    /// The columns of this modality.
    package var columns: [Column]
    var flops: Double
    /// Steps, prompts included.
    var steps: Int
    /// Seconds and operations of reading the prompts, which are not in `flops`.
    var prefill = (seconds: 0.0, flops: 0.0)
    /// Seconds that it waited for an environment.
    var environmentSeconds = 0.0
    /// How often it took numbers from the generator: that of the turn with the most turns is where all of them leave it.
    var draws = 1
}

/// Preference pairs as they are kept, and what building them cost.
package protocol KeptPairs: Codable {
    var cost: Ledger { get set }
}

/// Where preference pairs come from: samples of the initial policy, and the stage's reward.
package protocol PairSource: AnyObject {
    /// Decides whatever is random in building.
    var seed: UInt64 { get }
    var rollout: RolloutSettings { get }
    func prompts(_ n: Int) throws -> Batch
    func row(_ id: Int) -> Row?
    func generate(_ prompts: Batch, samples: Int, settings: RolloutSettings) throws -> Batch
    /// [n_sequences]
    func scores(_ batch: Batch) throws -> [Double]
}

/// The networks of a run, as a modality sees them when it measures.
package protocol NetworkAccess {
    func network(_ role: String) throws -> any Network
    /// - Parameter row: the rows that the prompts' column `row` counts.
    func generate(
        role: String, prompts: Batch, samples: Int, settings: RolloutSettings, generator: Generator, row: @escaping (Int) -> Row?
    ) throws -> Batch
    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column]
}

/// How a model reads its input.
package protocol Reader: Sendable {
    /// Why a model that reads by `other` would misread sequences of this one; nil if it reads them correctly.
    func misreading(by other: any Reader) -> String?
    /// Writes its files next to a model.
    func write(to folder: URL) throws
}

extension Modality {
    package func keys(of batch: Batch) -> [[Int32]] { batch.tokenKeys }

    /// Why there are no pairs.
    func noPair() -> ZooError {
        ZooError(.failedPrecondition, "no preference pair could be built: the reward is the same for all samples of each prompt")
    }
}

extension Batch {
    /// Tokens and mask of each sequence, `[n_sequences]`.
    package var tokenKeys: [[Int32]] {
        (0..<sequenceCount).map { steps(of: $0).map { tokens[$0] << 1 | (mask[$0] ? 1 : 0) } }
    }
}

extension Reader {
    static var otherKind: String { "one of the two reads text and the other does not" }
}
