import ZooBase
import ZooData
import ZooKit
import ZooRecipe
import ZooRecords

/// An environment that is a program of the user's: it answers the policy's turns, in many episodes at once.
package final class EnvironmentProgram {
    /// What begins an episode.
    struct Beginning {
        var prompt: String
        var row: Row?
        var seed: Int
    }

    /// A turn of the policy.
    struct Turn {
        var episode: Int
        var text: String
        /// Whether it ended by itself rather than at the length limit.
        var isFinished: Bool
    }

    /// What follows a turn.
    struct Reply {
        /// What the policy reads next; nil: nothing.
        var observation: String?
        var reward: Double
        var isDone: Bool
    }

    package let settings: EnvironmentSettings
    private let client: ProgramClient
    /// Seconds that were waited for it so far.
    private(set) var seconds = 0.0

    package init(_ settings: EnvironmentSettings) {
        self.settings = settings
        client = ProgramClient(settings.program, .environment, subject: "the environment")
    }

    /// Starts a command and hears that it speaks the protocol.
    package func start() throws { try client.start() }

    /// Begins episodes 0, 1, …; all that were before are over.
    ///
    /// - Returns: what the policy reads after each prompt, if anything.
    func begin(_ beginnings: [Beginning]) throws -> [String?] {
        var reset: JSONObject = [
            "episodes": .array(beginnings.indices.map { .integer($0) }), "prompts": .array(beginnings.map { .string($0.prompt) }),
            "seeds": .array(beginnings.map { .integer($0.seed) }),
            "columns": .object(RewardProgram.columns(beginnings.map { $0.row?.extras ?? [:] })),
        ]
        if beginnings.contains(where: { $0.row?.chat != nil }) {
            reset["messages"] = RewardProgram.messages(beginnings.map { $0.row?.chat?.prompt })
        }
        let answer = try ask(["reset": .object(reset)], about: "\(beginnings.count) episodes", repeats: true)
        return try observations(answer, beginnings.count)
    }

    func step(_ turns: [Turn]) throws -> [Reply] {
        let step: JSONObject = [
            "episodes": .array(turns.map { .integer($0.episode) }), "texts": .array(turns.map { .string($0.text) }),
            "finished": .array(turns.map { .bool($0.isFinished) }),
        ]
        // An episode is in the process, which takes it along.
        let answer = try ask(["step": .object(step)], about: "turns of \(turns.count) episodes", repeats: false)
        let observations = try observations(answer, turns.count)
        let rewards = try list(answer, "rewards", turns.count, "a finite number or null") { value in
            value.isNull ? 0 : value.number.flatMap { $0.isFinite ? $0 : nil }
        }
        let done = try list(answer, "done", turns.count, "true or false", \.bool)
        return turns.indices.map { Reply(observation: observations[$0], reward: rewards[$0], isDone: done[$0]) }
    }

    private func ask(_ request: JSONObject, about what: String, repeats: Bool) throws -> JSONObject {
        let start = secondsNow()
        defer { seconds += secondsNow() - start }
        return try client.ask(request, about: what, repeats: repeats)
    }

    private func observations(_ answer: JSONObject, _ count: Int) throws -> [String?] {
        try list(answer, "observations", count, "a text or null") { value in
            value.isNull ? .some(nil) : value.string.map { $0.isEmpty ? nil : $0 }
        }
    }

    private func list<Value>(
        _ answer: JSONObject, _ name: String, _ count: Int, _ expected: String, _ read: (JSONValue) -> Value?
    ) throws -> [Value] {
        guard let items = answer[name]?.array, items.count == count else {
            let found = answer[name].map { $0.array.map { "a list of \($0.count)" } ?? $0.kind } ?? "none"
            throw client.wrong("'\(name)' has to be a list of \(count), \(expected) for each episode; found \(found)")
        }
        return try items.enumerated().map { index, item in
            guard let value = read(item) else {
                let found = item.string.map { "'\($0.prefix(60))'" } ?? item.kind
                throw client.wrong("'\(name)[\(index)]' is \(found); expected \(expected)")
            }
            return value
        }
    }
}
