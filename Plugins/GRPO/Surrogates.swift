import ZooKit

// What an action of ratio r = π / π_old and advantage A is worth: one function a surrogate, each with its value and its slope.

/// What one action adds to the loss, before its weight.
struct Term {
    var value: Double
    /// The derivative by log r, the log-ratio of the action or of its sequence.
    var byLogRatio = 0.0
    /// The derivative by log π of the action itself, at the same ratio.
    var byLogp = 0.0
    /// The derivative by the exact KL of the action's step.
    var byKL = 0.0
}

/// −min(r·A, clip(r, 1 − ε, 1 + ε_high)·A) (Schulman et al. 2017, arXiv:1707.06347, eq. 7; ε_high: DAPO, arXiv:2503.14476, eq. 10).
///
/// - Parameters:
///   - delta: Cap of r in the first of the two (INTELLECT-2, arXiv:2505.07291).
///   - dualClip: c, where A < 0 the whole is no less than c·A (Ye et al. 2020, arXiv:1912.09729, eq. 5).
func clippedSurrogate(
    ratio: Double, advantage: Double, epsilonLow: Double, epsilonHigh: Double, delta: Double?, dualClip: Double?
) -> Term {
    let bounds = (1 - epsilonLow)...(1 + epsilonHigh)
    let surrogate = min(ratio, delta ?? .infinity) * advantage
    let clipped = min(max(ratio, bounds.lowerBound), bounds.upperBound) * advantage
    let bounded = min(surrogate, clipped)
    if let dualClip, advantage < 0, bounded < dualClip * advantage { return Term(value: -dualClip * advantage) }
    // Where a bound binds, the gradient stops; each of the two has its own.
    let isFree = surrogate <= clipped ? ratio <= delta ?? .infinity : bounds.contains(ratio)
    return Term(value: -bounded, byLogRatio: isFree ? -bounded : 0)
}

/// −sg(clip(r))·A·log π: the weight is cut to the bounds, and every action keeps a gradient (CISPO: MiniMax-M1, arXiv:2506.13585, eq. 4).
func cispoSurrogate(ratio: Double, logp: Double, advantage: Double, bounds: ClosedRange<Double>) -> Term {
    let weight = min(max(ratio, bounds.lowerBound), bounds.upperBound)
    return Term(value: -weight * advantage * logp, byLogp: -weight * advantage)
}

/// −(4/τ)·σ(τ(r − 1))·A: a gate in the clip's place (SAPO: Gao et al. 2025, arXiv:2511.20347, eq. 6).
func sapoSurrogate(ratio: Double, advantage: Double, temperature: Double) -> Term {
    let gate = sigmoid(temperature * (ratio - 1))
    return Term(
        value: -4 / temperature * gate * advantage, byLogRatio: -4 * gate * (1 - gate) * ratio * advantage)
}

/// −sg(φ(w))·A·log π with φ(w) = e^λ·w^k·e^{−λw} and w the ratio of the whole sequence (VESPO, arXiv:2602.10693, section 3.4).
func vespoSurrogate(phi: Double, logp: Double, advantage: Double) -> Term {
    Term(value: -phi * advantage * logp, byLogp: -phi * advantage)
}

/// φ of a sequence from the log-ratios of its actions, which are cut to ±20, and log w to log 10⁻⁸ … 20.
///
/// `corrections` are the weights of its actions, which w is multiplied by; their logarithms are cut like log w.
func vespoPhi(change: [Double], corrections: [Double], k: Double, lambda: Double) -> Double {
    let moved = change.reduce(0) { $0 + min(max($1, -20), 20) }
    let sum = corrections.reduce(moved) { $0 + min(max(log($1), log(1e-8)), 20) }
    let logWeight = min(max(sum, log(1e-8)), 20)
    return exp(lambda + k * logWeight - lambda * exp(logWeight))
}

extension GRPO {
    /// The log-ratio that each action of a sequence goes by: its own, or the mean of all (GSPO: Zheng et al. 2025, arXiv:2507.18071,
    /// eq. 7).
    static func logRatios(_ change: [Double], _ level: Level) -> [Double] {
        switch level {
        case .token: return change
        case .sequence:
            let mean = mean(change)
            return change.map { _ in mean }
        }
    }
}

extension GRPO.Parameters {
    /// The surrogate of `loss_type`; `phi` is vespo's weight of the sequence.
    func surrogate(ratio: Double, logp: Double, advantage: Double, phi: Double) -> Term {
        switch lossType {
        case .grpo, .bnpo, .dapo, .drGRPO, .luspo:
            clippedSurrogate(
                ratio: ratio, advantage: advantage, epsilonLow: clipRange, epsilonHigh: clipRangeHigh ?? clipRange, delta: delta,
                dualClip: dualClip)
        case .cispo: cispoSurrogate(ratio: ratio, logp: logp, advantage: advantage, bounds: cispoBounds)
        case .sapo:
            sapoSurrogate(
                ratio: ratio, advantage: advantage, temperature: advantage > 0 ? sapoTemperaturePos : sapoTemperatureNeg)
        case .vespo: vespoSurrogate(phi: phi, logp: logp, advantage: advantage)
        }
    }

    /// vespo's φ of a sequence, whose actions' log-ratios are `change` and weights `corrections`, for the sign of its advantage.
    func vespoWeight(_ change: [Double], _ corrections: [Double], advantage: Double) -> Double {
        let (k, lambda) = advantage >= 0 ? (vespoKPos, vespoLambdaPos) : (vespoKNeg, vespoLambdaNeg)
        return vespoPhi(change: change, corrections: corrections, k: k, lambda: lambda)
    }

    /// What cispo cuts its weight to.
    var cispoBounds: ClosedRange<Double> {
        let high = clipRangeHigh ?? clipRange
        return cispoClip == .upper ? 0...high : (1 - clipRange)...(1 + high)
    }

    /// β·KL of one action (eq. 4), times the ratio where `use_bias_correction_kl` is set (DeepSeek-V3.2, arXiv:2512.02556).
    func penalty(ratio: Double, _ kl: StepKL.Term) -> Term {
        let term = Term(value: beta * kl.value, byLogp: beta * kl.byLogp, byKL: beta * kl.byExact)
        guard useBiasCorrectionKl else { return term }
        return Term(value: term.value * ratio, byLogRatio: term.value * ratio, byLogp: term.byLogp * ratio)
    }
}
