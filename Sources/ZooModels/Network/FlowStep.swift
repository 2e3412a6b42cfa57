import Foundation

/// How noise enters a sampling step.
public enum StepNoise: String, Sendable, CaseIterable {
    /// Noise a √(σ / (1 - σ)) at level a. Liu et al. 2025 (Flow-GRPO), eq. 9.
    case flowGRPO
    /// The same noise at every σ. Xue et al. 2025 (DanceGRPO), eq. 8.
    case constant
}

/// How the elements of a sample are put together to one number.
public enum Reduction: String, Sendable, CaseIterable {
    case mean, sum
}

/// Which scale the divergence of a step has.
public enum StepKLScale: String, Sendable, CaseIterable {
    /// The divergence of the two Gaussians.
    case exact
    /// |Δσ| times that, which is what Flow-GRPO's code takes: its coefficients are about ten times smaller than they seem at ten steps.
    case timesStep
}

/// One step of the sampler from σ to the next, a Gaussian: x' = state · x + velocity · v + deviation · ε.
///
/// With noise s at level a, dt = σ' - σ < 0:
/// mean = x (1 + s² dt / (2 σ)) + v (1 + s² (1 - σ) / (2 σ)) dt, deviation = s √-dt. At level 0 it is Euler's step of the ODE,
/// which has no density.
struct FlowStep: Equatable {
    let state: Double, velocity: Double, deviation: Double

    init(sigma: Double, next: Double, level: Double, noise: StepNoise) {
        let dt = next - sigma
        // At σ = 1 the noise would be infinite; Flow-GRPO's code puts the next σ in the denominator.
        let s =
            switch noise {
            case .flowGRPO: level * (sigma / (1 - (sigma == 1 ? next : sigma))).squareRoot()
            case .constant: level
            }
        state = 1 + s * s / (2 * sigma) * dt
        velocity = (1 + s * s * (1 - sigma) / (2 * sigma)) * dt
        deviation = s * (-dt).squareRoot()
    }

    /// Whether the step has a density.
    var isRandom: Bool { deviation > 0 && deviation.isFinite }

    /// Coefficient of ‖v - v_ref‖², summed over elements, in the divergence of two policies at this step.
    func divergence(_ scale: StepKLScale, span: Double) -> Double {
        let exact = velocity * velocity / (2 * deviation * deviation)
        return scale == .exact ? exact : exact * span
    }
}
