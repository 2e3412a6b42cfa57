import CZoo
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// An algorithm's own loss on rows that it never trains on: its own iteration on them, with all networks frozen.
///
/// The run does not change: the iteration is run by a separate instance, with the state of the training one, on a host that
/// serves held-out rows and updates nothing.
final class HeldOut {
    private let services: RunServices
    private let setup: StageSetup
    private let datasets: RowService.Datasets
    private let make: (HostTable) throws -> AlgorithmInstance
    /// How many times the algorithm asks for rows in one iteration.
    private var requests = 1
    /// Floating-point operations of measuring all rows once.
    private(set) var cost = 0.0
    /// Rows of the kind that the algorithm asks for.
    private(set) var count = 0
    /// The reference's scores of held-out rows by how many rows were measured, separate from the run's: the last bits of a score
    /// depend on what it was computed with.
    private var scores: [Int: (version: Int, values: [[Int32]: Double])] = [:]

    /// Reads the rows and runs one iteration on the first of them, so that faults are known before anything is trained.
    ///
    /// nil if the algorithm does not learn from such rows, which is reported.
    /// - Parameter make: makes an instance of the algorithm that trains.
    init?(
        _ evaluation: Evaluation, _ setup: StageSetup, _ services: RunServices,
        make: @escaping (HostTable) throws -> AlgorithmInstance
    ) throws {
        self.services = services
        self.setup = setup
        self.make = make
        var datasets = RowService.Datasets()
        for (kind, source) in [(DataKind.pairs, evaluation.pairs), (.examples, evaluation.examples)] {
            guard let source else { continue }
            let dataset = try setup.checked(
                setup.files.dataset(source, for: kind), kind, name: "evaluation.\(kind.rawValue)")
            if kind == .pairs { datasets.pairs = dataset } else { datasets.examples = dataset }
        }
        self.datasets = datasets
        guard datasets.pairs != nil || datasets.examples != nil else { return nil }
        let wanted = setup.needs.data.filter { $0 != .prompts }
        guard !wanted.isEmpty, try rehearse() else {
            setup.say(
                "algorithm '\(setup.stage.algorithm)' does not learn from evaluation.pairs or evaluation.examples: its "
                    + "loss on them is not measured")
            return nil
        }
    }

    /// One iteration, to see how many times it asks for rows; false if it asks for a kind that is not held out.
    private func rehearse() throws -> Bool {
        try frozen(rows: 0) {
            let host = host(requests: nil, part: 1)
            do { try make(HostTable(host)).step() } catch  where host.isAskedForOthers { return false }
            guard host.served > 0 else { return false }
            requests = host.served
            count = host.count
            cost = services.model.ledger.totalFLOPs / Double(host.rowsServed) * Double(count)
            return true
        }
    }

    /// The metrics that the algorithm logs of its iteration, over all rows, each counted once; names as it logs them, except
    /// those that ``EvaluationResult`` has for samples: `held_out/NAME`.
    ///
    /// - Parameters:
    ///   - algorithm: the instance that trains; its state is read.
    ///   - part: of the rows, from the first.
    func measure(_ algorithm: AlgorithmInstance, part: Double = 1) throws -> [String: Double] {
        try frozen(rows: count.part(part)) {
            let host = host(requests: requests, part: part)
            let own = try make(HostTable(host))
            try own.load(algorithm.save())
            repeat {
                let served = host.served
                try own.step()
                guard host.served > served else {
                    throw ZooError(
                        .failedPrecondition, "algorithm '\(setup.stage.algorithm)' asked for no held-out rows in its iteration")
                }
            } while host.left > 0
            let sampled = EvaluationResult.namesOfSamples
            return Dictionary(
                uniqueKeysWithValues: host.takeMetrics().map {
                    (sampled.contains($0.name) ? "held_out/\($0.name)" : $0.name, $0.value)
                })
        }
    }

    private func host(requests: Int?, part: Double) -> HeldOutHost {
        let seed = setup.recipe.seed
        let rows = RowService(datasets, setup.modality.heldOut(seed: seed), seed: seed)
        return HeldOutHost(services, algorithm: setup.stage.algorithm, rows: rows, requests: requests, part: part)
    }

    /// Runs a measurement without affecting the run's ledger and caches.
    private func frozen<Result>(rows: Int, _ body: () throws -> Result) throws -> Result {
        let (model, start) = (services.model, secondsNow())
        var ledger = model.ledger
        let (own, roles) = (model.referenceScores, Set(model.roles.built.keys))
        let version = model.roles.built["reference"]?.version ?? 0
        model.ledger = Ledger()
        let known = scores[rows] ?? scores[0]
        model.referenceScores = known?.version == version ? known?.values ?? [:] : [:]
        defer {
            scores[rows] = (version, model.referenceScores)
            model.referenceScores = own
            model.roles.removeCopies(but: roles)
            ledger.evaluationBytes = max(ledger.evaluationBytes, model.ledger.transientBytes)
            ledger.note(.evaluation, seconds: secondsNow() - start)
            model.ledger = ledger
        }
        return try body()
    }
}

/// Serves an algorithm held-out rows, each once, and updates nothing.
final class HeldOutHost: HostServices {
    private let live: RunServices
    private let algorithm: String
    private let rows: RowService
    /// Requests in one iteration; nil until the first iteration shows it.
    private let requests: Int?
    private let part: Double
    private var random = SplitMix64(seed: 0, stream: 3)
    private var metrics = MetricAccumulator()
    /// Requests answered.
    private(set) var served = 0
    private(set) var rowsServed = 0
    /// Rows of the kind that the algorithm asks for, as far as they are to be served.
    private(set) var count = 0
    /// Rows still to be served, of the kind that the algorithm asks for.
    private(set) var left = 0
    /// Whether it asked for a kind that is not held out.
    private(set) var isAskedForOthers = false
    /// Requests that share all rows, over a whole number of iterations.
    private var parts = 0

    init(_ live: RunServices, algorithm: String, rows: RowService, requests: Int?, part: Double) {
        self.live = live
        self.algorithm = algorithm
        self.rows = rows
        self.requests = requests
        self.part = part
    }

    // MARK: - Rows

    func prompts(_ n: Int) throws -> Batch { throw others(.prompts) }
    func pairs(_ n: Int) throws -> Batch { try rows.pairs(next(.pairs, n)) }
    func examples(_ n: Int) throws -> Batch { try rows.examples(next(.examples, n)) }
    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch { throw others(.prompts) }
    func score(_ rollout: Batch) throws -> [Column] { throw others(.prompts) }

    /// How many of the `n` requested rows are served: the rows are distributed over as few iterations as possible, as evenly as
    /// possible, so that the last batch is not much smaller.
    private func next(_ kind: DataKind, _ n: Int) throws -> Int {
        guard let held = rows.count(kind) else { throw others(kind) }
        let all = min(held, max(requests ?? 1, held.part(part)))
        count = all
        served += 1
        guard let requests else {
            rowsServed += min(n, all)
            return min(n, all)
        }
        if parts == 0 {
            parts = requests * ((all + n * requests - 1) / (n * requests))
            left = all
        }
        let done = (served - 1) % parts
        let take = all * (done + 1) / parts - all * done / parts
        guard take > 0, take <= left else {
            throw ZooError(
                .failedPrecondition,
                "evaluation.\(kind.rawValue) has \(all) rows, too few for algorithm '\(algorithm)', which takes \(requests) batches per iteration"
            )
        }
        left -= take
        return take
    }

    private func others(_ kind: DataKind) -> ZooError {
        isAskedForOthers = true
        return ZooError(
            .unavailable, "algorithm '\(algorithm)' asks for \(kind.rawValue), which the evaluation does not hold out")
    }

    // MARK: - Networks

    func supports(role: String, output: String) throws -> OutputInfo { try live.supports(role: role, output: output) }

    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        try live.forward(role: role == "policy" ? live.keptPolicy : role, batch: batch, outputs: outputs)
    }

    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        try loss(batch, forward(role: role, batch: batch, outputs: outputs)).loss
    }

    func optimizerStep(role: String) throws -> UpdateInfo {
        UpdateInfo(gradientNorm: 0, learningRate: 0, version: try live.model.roles.role(role).version)
    }

    /// Nothing is accumulated here, and what training has accumulated stays.
    func discard(role: String) throws {}

    var position: RunPosition { live.position }

    /// Creates a role of the algorithm's own as a copy; an existing one is unchanged.
    func blend(destination: String, source: String, weight: Double) throws {
        live.model.roles.addCopy(destination, of: try live.model.roles.role(source))
    }

    // MARK: - The rest

    /// Metrics of updates, which do not happen.
    private static let ofUpdates: Set<String> = ["grad_norm", "lr"]

    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        guard !Self.ofUpdates.contains(name) else { return }
        try metrics.add(name, value, weight: weight, normaliser: normaliser)
    }

    /// What was logged, over all iterations.
    func takeMetrics() -> [(name: String, value: Double)] { metrics.take() }

    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws {
        for index in numbers.indices { numbers[index] = random.next() }
    }

    /// Messages were already logged in training.
    func log(level: Int32, message: String) { if level >= ZOO_LEVEL_ERROR { live.log(level: level, message: message) } }
    var isCancelled: Bool { live.isCancelled }
}
