import ZooBase
import ZooRecipe
import ZooRecords

extension CompareController {
    /// What the comparison would cost: a run of each variant is rehearsed, with the first seed over the first base model, and the others
    /// are taken to cost the same. No run and no model is written.
    public func forecast() async throws -> ComparisonForecast {
        try checkData()
        var known: [String: Forecast] = [:]
        var earlier: [[StageForecast]] = []
        var models: [String: String] = [:]
        for (index, base) in bases.enumerated() {
            let found = try await base.forecastOfEarlier(known: known)
            if index == 0 { models = found.models }
            for case .known(let forecast) in found.stages { known[forecast.stage] = forecast }
            earlier.append(found.stages)
        }
        var variants: [ComparisonForecast.Variant] = []
        for (variant, title) in zip(comparison.variants, self.variants) {
            let recipe = try controller.recipe.applying(variant)
            let stage = try Self.stage(variant, controller.recipe)
            let cost = try await bases[0].forecast(
                stage, seed: comparison.seeds[0], models: models, evaluation: recipe.evaluation)
            variants.append(.init(name: title, cost: cost))
        }
        return ComparisonForecast(
            earlier: earlier, variants: variants, seeds: comparison.seeds.count, jobs: comparison.jobs)
    }
}

/// What a comparison would cost.
public struct ComparisonForecast: Sendable {
    /// One run of a variant.
    public struct Variant: Sendable {
        /// As tables name it.
        public var name: String
        public var cost: StageForecast
    }

    /// Of the stages before the last one, for each base model.
    public var earlier: [[StageForecast]]
    public var variants: [Variant]
    public var seeds: Int
    /// Runs at a time.
    public var jobs: Int

    /// Over all seeds and base models.
    public var runsOfVariant: Int { seeds * earlier.count }

    /// An object: `earlier`, the stages of each base model; `variants` by name; `seeds` and `jobs`.
    public var json: JSONValue {
        get throws {
            .object([
                "earlier": .array(try earlier.map { .array(try $0.map { try $0.json }) }),
                "variants": .object(try Dictionary(variants.map { ($0.name, try $0.cost.json) }) { $1 }),
                "seeds": .integer(seeds), "jobs": .integer(jobs),
            ])
        }
    }
}
