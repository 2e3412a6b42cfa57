import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// A reward that a library of the user's offers.
package final class LibraryReward {
    package let isVerifier: Bool
    private let instance: RewardInstance

    /// Loads the library, by a copy of its content, and makes the reward.
    ///
    /// - Throws: with the reward's name, and the file.
    package init(_ spec: RewardSpec, _ file: URL) throws {
        isVerifier = spec.isVerifier
        do {
            instance = try RewardLibrary(keeping: file.path).create(spec.reward, parameters: spec.parameters) { level, message in
                RunEvent.log(level, message)
            }
        } catch let error as ZooError {
            throw Self.named(spec, error)
        }
    }

    /// Makes the reward in a worker, so that a run which would fail by it does not begin.
    package static func check(_ spec: RewardSpec, _ file: URL) throws {
        do { try RewardWorker(file.path).check(spec.reward, parameters: spec.parameters) } catch let error as ZooError {
            throw named(spec, error)
        }
    }

    /// What it gives to completions of no batch, in a worker.
    package static func scores(_ spec: RewardSpec, _ file: URL, _ items: [RewardItem]) throws -> ProgramScores {
        do {
            let totals = try RewardWorker(file.path).scores(items, by: spec.reward, parameters: spec.parameters)
            return ProgramScores(totals: totals, components: [], steps: totals.map { _ in nil })
        } catch let error as ZooError { throw named(spec, error) }
    }

    private static func named(_ spec: RewardSpec, _ error: ZooError) -> ZooError {
        ZooError(error.code, "reward '\(spec.name)': \(error.message)")
    }

    /// The rewards of a batch's samples, of which `items` are the texts.
    func scores(_ batch: Batch, _ items: [RewardItem]) throws -> ProgramScores {
        let (totals, parts) = try instance.score(batch.withTexts(of: items))
        let steps: [[Double]?] = totals.indices.map { sequence in
            guard !totals[sequence].isNaN else { return nil }
            let own = batch.steps(of: sequence).filter { batch.mask[$0] }.map { parts[$0] }
            return own.contains { $0 != 0 } ? own : nil
        }
        return ProgramScores(totals: totals, components: [], steps: steps)
    }
}
