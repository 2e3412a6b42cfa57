import Foundation
import ZooBase
import ZooRecipe

/// What a report needs of `run.json` and `environment.json`, whatever version of zoo wrote them.
package struct RunNote: Decodable {
    package struct RecipeNote: Decodable {
        package struct Compare: Decodable { package var variants: [VariantNote] }
        package var name: String
        /// Of the stages before.
        package var seed: UInt64?
        package var about: String?
        package var compare: Compare?
    }

    /// A variant, and the place in a sweep that it may be.
    package struct VariantNote: Decodable {
        package var name: String
        package var series: String?
        package var value: Double?
    }

    package var command: [String]
    package var recipe: RecipeNote
    package var stage: String
    package var seed: UInt64
    package var preset: PresetUse?
}
