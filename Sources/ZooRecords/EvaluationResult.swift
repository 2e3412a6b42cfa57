import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// The host's evaluation of a model on held-out prompts; the same for every algorithm.
public struct EvaluationResult: Codable, Sendable {
    /// By name, each a mean over the samples: `reward` (the stage's own, the proxy), `gold` and `gold/NAME` (rewards that
    /// training never sees), `kl` (to the reference, in nats per sequence, on fresh samples), `win_rate` (gold above the
    /// reference's sample for the same prompt), `entropy` (nats per step), `length` (steps), `distinct_2` (share of distinct
    /// pairs of words), `logp_reference` (nats per step), and if the gold reward is a verifier `pass@1`, `pass@2`, `pass@4`, …
    /// (the chance that one of that many samples is right). For held-out pairs and examples, what the algorithm logs of an
    /// iteration on them, such as `loss` and `rewards/accuracies`.
    public var metrics: [String: Double]
    /// The same of the reference's own samples.
    public var reference: [String: Double]
    /// `gold`, `reward`, `kl`, `win_rate`, `length` and `pass@1` by held-out prompt, in the dataset's order, each the mean over the
    /// prompt's samples: what paired comparisons are made of.
    public var prompts: [String: [Double]] = [:]
    /// The first prompts with the samples of reference and policy; none if they make images.
    public var samples: [Sample]
    /// The same as images; nil if they make text. Not part of the JSON.
    public var images: ImageGrid?

    package init(
        metrics: [String: Double], reference: [String: Double], prompts: [String: [Double]] = [:], samples: [Sample],
        images: ImageGrid? = nil
    ) {
        self.metrics = metrics
        self.reference = reference
        self.prompts = prompts
        self.samples = samples
        self.images = images
    }

    enum CodingKeys: String, CodingKey { case metrics, reference, prompts, samples }

    /// Names of metrics of samples.
    package static let namesOfSamples: Set<String> = [
        "reward", "gold", "kl", "win_rate", "entropy", "length", "distinct_2", "logp_reference",
    ]

    public struct Sample: Codable, Sendable {
        /// As the model reads it; a conversation by the chat template, without its marks.
        public var prompt: String
        /// The prompt's turns where it is a conversation.
        public var messages: [Turn]?
        public var before: String
        public var after: String
        public var goldBefore: Double?
        public var goldAfter: Double?

        public struct Turn: Codable, Sendable {
            public var role: String
            public var content: String

            package init(role: String, content: String) { (self.role, self.content) = (role, content) }
        }

        /// The prompt for people: of a conversation every turn with its role, else the text.
        package var shownPrompt: String {
            messages?.map { "\($0.role): \($0.content)" }.joined(separator: "\n") ?? prompt
        }

        package init(
            prompt: String, messages: [Turn]? = nil, before: String, after: String, goldBefore: Double? = nil,
            goldAfter: Double? = nil
        ) {
            self.prompt = prompt
            self.messages = messages
            self.before = before
            self.after = after
            self.goldBefore = goldBefore
            self.goldAfter = goldAfter
        }
    }
}

extension RunFolder {
    /// The result of the run's evaluation; nil if it had none.
    public func readEvaluation() throws -> EvaluationResult? {
        guard FileManager.default.fileExists(atPath: evaluation.path) else { return nil }
        return try JSON.decode(EvaluationResult.self, from: evaluation)
    }
}

extension EvaluationResult {
    /// Every number and sample as JSON with sorted keys.
    public func json() throws -> String { String(decoding: try JSON.encode(self), as: UTF8.self) }
}
