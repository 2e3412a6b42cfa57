extension ParameterStore {
    mutating func takeNorm(_ name: String, _ width: Int, _ kind: FamilyTraits.Normalization, eps: Double) throws -> Norm {
        let weight = try take(name + ".weight", [width], fill: kind == .rmsPlusOne ? .zeros : .ones)
        switch kind {
        case .rms: return .rms(weight, eps: eps)
        case .rmsPlusOne: return .rmsPlusOne(weight, eps: eps)
        case .layer: return .layer(weight, bias: try take(name + ".bias", [width]), eps: eps)
        }
    }
}
