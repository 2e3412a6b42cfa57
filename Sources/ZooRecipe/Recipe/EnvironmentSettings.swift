import Foundation
import ZooBase

/// What answers the policy between its turns: a program of the user's, such as a tool or a game.
public struct EnvironmentSettings: Sendable, Equatable {
    public var program = ExternalProgram()
    /// Turns of the policy in an episode, at most.
    public var maxTurns = 8
    /// Texts that end a turn of the policy, as its end token does.
    public var stop: [String] = []
    /// Longer observations keep their start.
    public var maxObservationTokens = 256
    /// What the environment's own rewards count for in the stage's reward.
    public var weight = 1.0
    /// Whether a total of 1 means that the task is solved.
    public var isVerifier = false

    package init(_ program: ExternalProgram = ExternalProgram()) { self.program = program }
}

extension EnvironmentSettings {
    /// The name of its rewards in logs.
    package static let name = "environment"

    static let schema = Schema(
        "an environment, such as {command: [python3, -m, zoo_reward, --environment, \"my_game:Game\"]}",
        blank: EnvironmentSettings()
    ) {
        (ExternalProgram.commandKeys + ExternalProgram.serviceKeys + ExternalProgram.commonKeys).map { $0.within(\.program) }
        Key("max_turns", \.maxTurns, .whole(from: 1, to: 10_000), "Turns of the policy in an episode, at most.")
        Key("stop", \.stop, .texts, "Texts that end a turn of the policy, as its end token does, such as `</tool>`.")
        Key(
            "max_observation_tokens", \.maxObservationTokens, .whole(from: 1, to: RecipeLimits.tokens),
            "Tokens of an observation; a longer one keeps its start.")
        Key("weight", \.weight, .within(1e9), "Of the environment's own rewards in the sum; 0: logged, not part of it.")
        Key("verifier", \.isVerifier, .flag, "Whether a total of 1 means solved, so that pass@k is measured.")
    } check: { environment, section in
        let program = environment.program
        guard program.command.isEmpty != (program.url == nil) else {
            throw section.field.error(
                "expected one of command, url, found \(program.command.isEmpty ? "neither" : "both")")
        }
        try program.check(section)
    }
}

extension Codec where Value == [String] {
    /// A text, or a list of them.
    fileprivate static var texts: Codec {
        let list = Codec.list(of: Codec<String>.text)
        return Codec("a text, or a list of texts", .either([.text("text"), list.shape])) { field in
            if case .list = field.node.content { return try list.read(field) }
            return try Codec<String>.text.read(field).map { [$0] }
        } write: {
            list.write($0)
        }
    }
}
