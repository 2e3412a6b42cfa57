import Foundation
import ZooBase
import ZooKit
import ZooRecipe
import ZooRecords

/// Keeps the model whose evaluation during training was best, in the run's folder `best`.
///
/// `best.json` says which it is. A resumed run repeats the same evaluations, so what was kept after its checkpoint is right again.
struct BestKeeper {
    /// What `best.json` says.
    struct Found: Codable, Equatable {
        var iteration: Int
        var metric: String
        var value: Double
    }

    private let rule: BestModel
    private let folder: RunFolder
    /// Whether it writes what it keeps; else it only knows, as the rank does that does.
    private let writes: Bool
    private(set) var found: Found?

    init(_ rule: BestModel, _ folder: RunFolder, writes: Bool = true) throws {
        (self.rule, self.folder, self.writes) = (rule, folder, writes)
        let isKept = FileManager.default.fileExists(atPath: folder.bestRecord.path)
        found = isKept ? try JSON.decode(Found.self, from: folder.bestRecord) : nil
    }

    /// Looks at an evaluation's metrics; saves the model if it is the best so far.
    ///
    /// - Parameter save: writes the model to a folder.
    /// - Throws: `.invalidArgument` if the evaluation has no such metric.
    mutating func note(_ metrics: [String: Double], iteration: Int, save: (URL) throws -> Void) throws {
        guard let value = metrics[rule.metric] else {
            let fix = nearest(rule.metric, among: metrics.keys).map { "did you mean '\($0)'? " } ?? ""
            throw ZooError(
                .invalidArgument,
                "best.metric: the evaluation during training has no '\(rule.metric)'; \(fix)it has: "
                    + metrics.keys.sorted().joined(separator: ", "))
        }
        if let found, rule.isLower ? value >= found.value : value <= found.value { return }
        guard !value.isNaN else { return }
        if writes { try save(folder.best) }
        let best = Found(iteration: iteration, metric: rule.metric, value: value)
        if writes { try OutputFile.write(JSON.encode(best), to: folder.bestRecord) }
        found = best
    }

    /// What was kept, for people.
    var sentence: String {
        guard let found else { return "no best model is kept: nothing was evaluated during training" }
        let value = String(format: "%.4g", found.value)
        return "the best model by \(found.metric), \(value) after iteration \(found.iteration), is in \(folder.best.path)"
    }
}
