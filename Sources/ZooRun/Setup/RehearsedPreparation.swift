import Foundation
import ZooRecords

/// What a rehearsal makes less of than a run, where the cache does not have it: pairs and normalisations.
final class RehearsedPreparation {
    /// What all of it would take, and what this took.
    private(set) var seconds = 0.0
    private(set) var spentSeconds = 0.0
    /// Prompts that are sampled for.
    static let prompts = 16

    /// Does a part of something.
    ///
    /// - Parameter factor: how many times as much a run does.
    func part<Result>(times factor: Double, _ body: () throws -> Result) rethrows -> Result {
        let start = secondsNow()
        let result = try body()
        let spent = secondsNow() - start
        seconds += spent * factor
        spentSeconds += spent
        return result
    }
}
