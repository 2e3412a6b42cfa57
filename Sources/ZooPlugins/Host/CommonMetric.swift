/// What the host itself logs of every iteration, under one name, with one meaning and in one unit for every algorithm.
///
/// An algorithm logs beside it whatever it likes, by the names and with the meaning of its own sources. A metric that is not known in
/// an iteration is left out of its record: a run that samples nothing has no `reward`, one without pairs no `margin`. Order is that of
/// interest: a progress line shows the first that a run has.
public enum CommonMetric: String, CaseIterable, Sendable {
    case reward, kl, length
    case margin, accuracy
    case loss, entropy, finished, lag
    case logpChosen = "logp_chosen"
    case logpRejected = "logp_rejected"
    case tokens, seconds

    /// What their names in logs begin with.
    public static let prefix = "common/"

    /// The name in logs: `common/kl`.
    public var name: String { Self.prefix + rawValue }

    public var unit: String {
        switch self {
        case .reward: "of the reward"
        case .kl, .margin, .logpChosen, .logpRejected: "nats per sequence"
        case .length: "steps per sequence"
        case .accuracy, .finished: "share from 0 to 1"
        case .loss: "of the loss"
        case .entropy: "nats per step"
        case .lag: "updates"
        case .tokens: "steps"
        case .seconds: "s"
        }
    }

    public var definition: String {
        switch self {
        case .reward: "mean of the stage's reward over the sequences that it scored; those that it cannot score are left out"
        case .kl:
            "KL to the reference, estimated as the mean over sampled sequences of log π − log π_ref (k1), with log π as it was when "
                + "sampling; where the algorithm asks for the reference's log-probabilities of its samples"
        case .length: "mean number of sampled steps"
        case .margin:
            "mean over pairs of log π − log π_ref of the chosen sequence less that of the rejected one, without β, before the update"
        case .accuracy: "share of pairs whose margin is above 0"
        case .loss:
            "mean over the updates of the trained network of the loss that each was made with; comparable within an algorithm"
        case .entropy: "minus the mean of log π over sampled steps, with log π as it was when sampling, temperature included"
        case .finished: "share of sampled sequences that ended before the length limit"
        case .lag: "where `rollout.lag` is above 0: mean over sampled sequences of the updates since the weights that drew them"
        case .logpChosen: "mean over pairs of log π of the chosen sequence, before the update"
        case .logpRejected: "mean over pairs of log π of the rejected sequence, before the update"
        case .tokens: "steps sampled, plus steps that the trained network was updated on, once for each pass; prompts not counted"
        case .seconds: "of the iteration: sampling, scoring and updates, without evaluation and checkpoints"
        }
    }
}
