import ZooRecipe

/// One rung of a ladder: what changes from one variant to the next.
public struct Rung: Sendable, Equatable {
    public var from: String
    public var to: String
    public var differences: [RecipeDifference]

    package init(from: String, to: String, differences: [RecipeDifference]) {
        (self.from, self.to, self.differences) = (from, to, differences)
    }
}
