import ZooBase

/// 1 if the completion solves its row's problem of the numbers game, else 0; see ``CountdownProblem``.
///
/// The row's column `numbers` is a list of whole numbers, `target` a whole number. A completion that was cut at the length limit
/// is not an answer, whatever it says.
public struct CountdownReward: RewardFunction {
    public let name = "countdown"
    let formatReward: Double

    /// - Parameter formatReward: the reward of an expression of exactly the given numbers with another value.
    public init(formatReward: Double = 0) { self.formatReward = formatReward }

    /// Unless a miss is worth as much as a solution.
    public var isVerifier: Bool { formatReward < 1 }

    public func score(_ item: RewardItem) throws -> Double {
        let problem = try problem(of: item)
        guard item.finished else { return 0 }
        return switch problem.verdict(on: item.completion) {
        case .solved: 1
        case .missed: formatReward
        case .invalid: 0
        }
    }

    private func problem(of item: RewardItem) throws -> CountdownProblem {
        let target = try item.column("target", reward: name)
        guard let whole = target.number.flatMap(Int.init(exactly:)) else {
            throw DataError("reward \(name)", "the column 'target' is \(Self.words(target)); expected a whole number")
        }
        let column = try item.column("numbers", reward: name)
        guard case .array(let values) = column else {
            throw DataError("reward \(name)", "the column 'numbers' is \(column.kind); expected a list of whole numbers")
        }
        let numbers = try values.map { value in
            guard let number = value.number.flatMap(Int.init(exactly:)) else {
                throw DataError("reward \(name)", "the column 'numbers' holds \(Self.words(value)); expected whole numbers")
            }
            return number
        }
        do {
            return try CountdownProblem(numbers: numbers, target: whole)
        } catch let error as DataError {
            throw DataError("reward \(name)", error.reason)
        }
    }

    private static func words(_ value: JSONValue) -> String { value.number.map { "\($0)" } ?? value.kind }
}

extension RewardKind {
    static let countdown = RewardKind(
        name: "countdown",
        doc: "1 if the completion is an expression that uses each of the column 'numbers' once, with + - * / × ÷, and equals the "
            + "column 'target'; else 0",
        parameters: [
            Setting(
                name: "format_reward", kind: .number(0...1), defaultValue: 0,
                doc: "the reward of such an expression with another value")
        ]
    ) { settings, _ in
        CountdownReward(formatReward: settings.number("format_reward"))
    }
}
