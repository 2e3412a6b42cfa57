import ZooKit

// What one action of a sequence counts for in the loss of a minibatch. The denominators are the whole minibatch's.
extension GRPO.Parameters {
    /// Weights, [n], of sequences with so many counted actions.
    ///
    /// TRL's means are over all sequences; verl's over those with a counted action.
    func weights(lengths: [Int]) -> [Double] {
        let sequences = Double(lengths.count)
        let filled = Double(lengths.count { $0 > 0 })
        let tokens = Double(max(lengths.reduce(0, +), 1))
        let limit = Double(maxCompletionLength ?? lengths.max() ?? 1)
        return lengths.map { length in
            guard length > 0 else { return 0 }
            switch reduction {
            case .meanOfMeans: return 1 / (sequences * Double(length))
            case .constant: return 1 / (sequences * limit)
            case .meanOfSums: return 1 / sequences
            case .verl(.byLossType), .verl(.tokenMean): return 1 / tokens
            case .verl(.seqMeanTokenSum): return 1 / filled
            case .verl(.seqMeanTokenMean): return 1 / (filled * Double(length))
            case .verl(.seqMeanTokenSumNorm): return 1 / (filled * limit)
            }
        }
    }

    private enum Reduction {
        /// Over sequences of token means (DeepSeekMath, eq. 3).
        case meanOfMeans
        /// Over sequences of token sums by a constant length (Dr. GRPO, arXiv:2503.20783, section 3.1).
        case constant
        /// Over sequences of token means times their length (LUSPO, arXiv:2602.05261).
        case meanOfSums
        case verl(GRPO.LossAggMode)
    }

    private var reduction: Reduction {
        guard lossAggMode == .byLossType else { return .verl(lossAggMode) }
        switch lossType {
        case .grpo, .sapo: return .meanOfMeans
        case .bnpo, .dapo, .cispo, .vespo: return .verl(.tokenMean)  // DAPO, eq. 12
        case .drGRPO: return .constant
        case .luspo: return .meanOfSums
        }
    }
}
