import ZooPlugins

// The text of `zoo rewards list` and `zoo rewards show` for a library's rewards.

extension [RewardDescription] {
    /// Each with its parameters.
    package var table: TextTable {
        var table = TextTable([.text("reward"), .text("parameters"), .text("what it rewards")])
        for reward in self { table.append([reward.id, reward.parameters.map(\.name).joined(separator: ", "), reward.summary]) }
        return table
    }
}

extension RewardDescription {
    /// Its parameters with their defaults; nil where it has none.
    package func parameterTable() throws -> TextTable? {
        guard !parameters.isEmpty else { return nil }
        var table = TextTable([.text("parameter"), .text("default"), .text("takes"), .text("meaning")])
        for parameter in parameters {
            table.append([parameter.name, try parameter.defaultText, try parameter.takes, parameter.meaning])
        }
        return table
    }
}
