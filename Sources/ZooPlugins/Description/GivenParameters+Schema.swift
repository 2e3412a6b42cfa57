import ZooBase

extension GivenParameters {
    /// What the recipe gives, over the schema's defaults.
    ///
    /// - Throws: as `AlgorithmDescription.check`, where a value does not fit the schema.
    package init(_ given: [String: JSONValue], of algorithm: AlgorithmDescription, recipe: String) throws {
        try algorithm.check(given, recipe: recipe)
        self.init(given, over: algorithm.parameters, of: algorithm.id)
    }

    /// The same of a reward.
    init(_ given: [String: JSONValue], of reward: RewardDescription, recipe: String) throws {
        try reward.check(given, recipe: recipe)
        self.init(given, over: reward.parameters, of: reward.id)
    }

    private init(_ given: [String: JSONValue], over parameters: [ParameterDescription], of id: String) {
        self.init(
            Dictionary(parameters.map { ($0.name, $0.defaultValue ?? .null) }) { $1 }.merging(given) { $1 },
            types: Dictionary(parameters.map { ($0.name, $0.kind.rawValue) }) { $1 }, of: id)
    }
}
