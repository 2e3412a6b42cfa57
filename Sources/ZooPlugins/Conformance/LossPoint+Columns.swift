import ZooBase
import ZooData
import ZooKit

extension LossPoint {
    /// Columns of floating-point numbers of the same rows as the output, whose values may be frozen copies of it.
    private func companions(of output: Column) -> [String] {
        batch.columns.filter { column in
            guard case .f64 = column.values else { return false }
            return column.perStep == output.perStep && column.width == 1
        }.map(\.name)
    }

    /// The values of the named columns, or outputs, changed by `change` at the places that may receive gradient.
    private func shifting(_ columns: [String], _ output: Int, by change: [Double]) -> LossPoint {
        var point = self
        func moved(_ values: [Double]) -> [Double] { zip(values, change).map { $0 + $1 } }
        point.outputs[output].values = .f64(moved(outputs[output].doubles))
        for name in columns {
            guard var column = batch.column(name) else { continue }
            column.values = .f64(moved(column.doubles))
            point.batch.set(column)
        }
        return point
    }

    /// Log-probabilities and likelihoods lowered by random amounts within `depths`.
    ///
    /// - Parameter withColumns: Whether columns of log-probabilities are lowered alike, so that ratios stay as they are.
    func lowered(by depths: ClosedRange<Double>, withColumns: Bool, _ generator: inout SplitMix64) -> LossPoint {
        var point = self
        for (index, output) in outputs.enumerated() where ["logp", "score"].contains(output.name) {
            let change = output.doubles.indices.map { row in
                !output.perStep || batch.mask[row] ? -Double.random(in: depths, using: &generator) : 0
            }
            let columns = companions(of: output).filter { name in
                withColumns && ["logp", "score", "reference"].contains { name.contains($0) }
            }
            point = point.shifting(columns, index, by: change)
        }
        return point
    }

    // MARK: - Stopped gradients

    /// How the gradients follow from the loss: "with behaviour_logp moved along". A gradient is stopped where the loss reads an
    /// output twice and differentiates it once. The other reading is compared with a column, so there is a set of columns that,
    /// moved along with the output or set equal to it, keeps the stopped part as it is; what is left is the derivative.
    func stoppedDerivative(_ generator: inout SplitMix64) throws -> String {
        var words: [String] = []
        for (index, output) in outputs.enumerated() {
            guard uses(index) else { continue }
            var nearest: (error: Double, factor: Double)?
            var explanation: String?
            let columns = companions(of: output).filter { !["advantage", "return", "value", "kl"].contains($0) }
            search: for equal in [nil] + columns.map(Optional.some) {
                var point = self
                if let equal, let column = batch.column(equal) {
                    point.outputs[index].values = .f64(column.doubles)
                    guard point.uses(index) else { continue }
                }
                for chosen in 0..<(1 << min(columns.count, 4)) {
                    let along = columns.prefix(4).enumerated().filter { chosen >> $0.offset & 1 == 1 }.map(\.element)
                    let (error, factor) = try point.distance(index, along, &generator)
                    if error < nearest?.error ?? .infinity { nearest = (error, factor) }
                    guard error < 1e-5 else { continue }
                    explanation =
                        (along.isEmpty ? "" : " with \(along.joined(separator: " and ")) moved along")
                        + (equal.map { " where it is \($0)" } ?? "")
                    break search
                }
            }
            guard let explanation else {
                throw Finding(
                    trial: "",
                    expected: "dLoss/d(\(output.name)) to be the loss's derivative with some of its columns "
                        + "(\(columns.joined(separator: ", "))) moved along with it or equal to it",
                    found: "gradients that are off by \(nearest?.error ?? 0) of their size in the nearest such case, "
                        + "\(nearest?.factor ?? 0) times the derivative")
            }
            words.append(output.name + explanation)
        }
        return words.joined(separator: ", ")
    }

    /// The largest error of a gradient against the difference of the loss with `along` moved along, relative to the largest gradient;
    /// and the ratio of the two where the gradient is largest.
    private func distance(_ index: Int, _ along: [String], _ generator: inout SplitMix64) throws -> (Double, Double) {
        let gradient = try evaluate().gradients[index]
        let values = outputs[index].doubles
        let scale = gradient.reduce(0) { max($0, abs($1)) }
        guard scale > 0 else { return (.infinity, 0) }
        let rows = gradient.indices.filter { gradient[$0] != 0 }.shuffled(using: &generator).prefix(12)
        var (worst, factor, size) = (0.0, 1.0, 0.0)
        for row in rows {
            let width = 1e-5 * max(1, abs(values[row]))
            func loss(_ change: Double) throws -> Double {
                try shifting(along, index, by: values.indices.map { $0 == row ? change : 0 }).evaluate().loss
            }
            let difference = (try loss(width) - loss(-width)) / (2 * width)
            worst = max(worst, abs(difference - gradient[row]) / scale)
            if abs(gradient[row]) > size { (factor, size) = (gradient[row] / difference, abs(gradient[row])) }
        }
        return (worst, factor)
    }

    // MARK: - Pairs

    /// The gradient by the log-likelihood of each sequence, by its tokens: that of its score, or the sum of its actions'.
    func gradientsBySequence() throws -> [[Int32]: Double] {
        let gradients = try evaluate().gradients
        var found: [[Int32]: Double] = [:]
        for sequence in 0..<batch.sequenceCount {
            let steps = batch.steps(of: sequence)
            for (output, gradient) in zip(outputs, gradients) where ["logp", "score"].contains(output.name) {
                let sum = output.perStep ? steps.reduce(0) { $0 + gradient[$1] } : gradient[sequence]
                found[Array(batch.tokens[steps]), default: 0] += sum
            }
        }
        return found
    }
}
