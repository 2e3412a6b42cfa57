import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooRecipe

/// The scores that a program gives to some completions.
package struct ProgramScores {
    /// [n]; NaN: it cannot score the completion.
    package var totals: [Double]
    /// What the totals are made of, by name, each [n].
    package var components: [(name: String, values: [Double])]
    /// The part of the total that came at each action, by completion; nil where all of it comes at the end.
    package var steps: [[Double]?]

    package init(totals: [Double], components: [(name: String, values: [Double])], steps: [[Double]?]) {
        (self.totals, self.components, self.steps) = (totals, components, steps)
    }
}

/// A reward that is a program of the user's.
package final class RewardProgram {
    private let client: ProgramClient
    package let isVerifier: Bool

    package init(_ spec: RewardSpec, _ program: ExternalProgram) {
        client = ProgramClient(program, .reward, subject: "reward '\(spec.name)'")
        isVerifier = spec.isVerifier
    }

    /// Starts a command and hears that it speaks the protocol.
    package func start() throws { try client.start() }

    /// - Parameter iteration: iterations of training so far.
    package func scores(_ items: [RewardItem], iteration: Int) throws -> ProgramScores {
        guard !items.isEmpty else { return ProgramScores(totals: [], components: [], steps: []) }
        let answer = try client.ask(Self.request(items, iteration: iteration), about: "\(items.count) completions")
        let known = ["id", "rewards", "components", "step_rewards", "protocol"]
        if let other = answer.keys.first(where: { !known.contains($0) }) {
            throw client.wrong(
                "the answer has the member '\(other)'; expected rewards, components and step_rewards"
                    + didYouMean(other, among: known))
        }
        let steps = try steps(answer, items)
        var totals: [Double]
        if let rewards = answer["rewards"] {
            totals = try numbers(rewards, "rewards", count: items.count)
        } else if steps.contains(where: { $0 != nil }) {
            totals = steps.map { $0?.reduce(0, +) ?? .nan }
        } else {
            throw client.wrong("the answer has no 'rewards', a list of \(items.count) numbers; it has \(Self.list(answer.keys))")
        }
        guard let components = (answer["components"] ?? .object([:])).object else {
            throw client.wrong("'components' is \(answer["components"]?.kind ?? ""); expected an object of lists by name")
        }
        let parts = try components.members.map { member in
            let values = try numbers(member.value, "components.\(member.key)", count: items.count)
            // Of what is not scored there are no parts.
            return (member.key, zip(values, totals).map { $1.isNaN ? .nan : $0 })
        }
        return ProgramScores(totals: totals, components: parts, steps: zip(steps, totals).map { $1.isNaN ? nil : $0 })
    }

    private static func request(_ items: [RewardItem], iteration: Int) -> JSONObject {
        var request: JSONObject = [
            "iteration": .integer(iteration), "prompts": .array(items.map { .string($0.prompt) }),
            "completions": .array(items.map { .string($0.completion) }), "finished": .array(items.map { .bool($0.finished) }),
            "columns": .object(columns(items.map(\.extras))),
        ]
        if items.contains(where: { $0.messages != nil }) { request["messages"] = messages(items.map(\.messages)) }
        if items.contains(where: { !$0.tokens.isEmpty }) {
            request["completion_ids"] = .array(items.map { .array($0.tokens.map { .integer(Int($0)) }) })
        }
        let images = items.compactMap(\.image)
        if let first = images.first {
            request[first.isLatent ? "latents" : "images"] = .array(images.map { numbers(of: $0.sample) })
            let references = images.compactMap(\.prompt.reference)
            if references.count == images.count { request["references"] = .array(references.map(numbers)) }
        }
        return request
    }

    /// An image as its shape and its numbers, little-endian float32 in base64: as JSON numbers, a latent of FLUX would be a megabyte.
    private static func numbers(of image: PixelImage) -> JSONValue {
        let data = image.pixels.withUnsafeBytes { Data($0) }
        return [
            "shape": .array([image.channels, image.height, image.width].map { .integer($0) }),
            "float32": .string(data.base64EncodedString()),
        ]
    }

    /// Lists by column, with null where a row has none.
    static func columns(_ rows: [[String: JSONValue]]) -> JSONObject {
        let names = Set(rows.flatMap(\.keys)).sorted()
        return JSONObject(names.map { name in (name, .array(rows.map { ($0[name] ?? .null).withWholeNumbers })) })
    }

    static func messages(_ conversations: [[ChatMessage]?]) -> JSONValue {
        .array(conversations.map { $0.map { .array($0.map(\.tree)) } ?? .null })
    }

    private func steps(_ answer: JSONObject, _ items: [RewardItem]) throws -> [[Double]?] {
        guard let given = answer["step_rewards"], !given.isNull else { return items.map { _ in nil } }
        guard let lists = given.array, lists.count == items.count else {
            throw client.wrong(
                "'step_rewards' is \(given.array.map { "a list of \($0.count)" } ?? given.kind); expected a list of \(items.count), a list of "
                    + "numbers or null for each completion")
        }
        return try zip(lists, items).enumerated().map { index, pair in
            let (list, item) = pair
            if list.isNull { return nil }
            let own = try numbers(list, "step_rewards[\(index)]", count: item.steps, of: "token of the completion")
            return own.map { $0.isNaN ? 0 : $0 }
        }
    }

    private func numbers(_ value: JSONValue, _ name: String, count: Int, of what: String = "completion") throws -> [Double] {
        guard let list = value.array else {
            throw client.wrong("'\(name)' is \(value.kind); expected a list of \(count) numbers")
        }
        guard list.count == count else {
            throw client.wrong("'\(name)' has \(list.count) numbers; expected \(count), one for each \(what)")
        }
        return try list.enumerated().map { index, value in
            if value.isNull { return .nan }
            guard let number = value.number, number.isFinite else {
                let found = value.string.map { "'\($0.prefix(60))'" } ?? value.number.map { "\($0)" } ?? value.kind
                throw client.wrong("'\(name)[\(index)]' is \(found); expected a finite number, or null where there is no reward")
            }
            return number
        }
    }

    private static func list(_ names: [String]) -> String { names.isEmpty ? "nothing" : names.joined(separator: ", ") }
}
