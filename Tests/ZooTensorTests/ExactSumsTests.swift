import Testing
import ZooTensor

@Suite("exact sums of gradients")
struct ExactSumsTests {
    /// The gradients that these slices add up to, in this order.
    private func sum(_ slices: [[Float]]) throws -> [Float] {
        let weight = Tensor(slices[0].map { _ in Float(1) })
        weight.requiresGrad = true
        let sums = ExactSums(of: [NamedTensor("weight", weight)])
        for slice in slices {
            backward([weight * Tensor([Float(1)])], gradients: [Tensor(slice)])
            try sums.take()
            #expect(weight.gradient == nil)
        }
        try sums.give(nil, "test")
        return try #require(weight.gradient).floats
    }

    @Test("the order of slices changes no bit, where float32 sums would")
    func order() throws {
        // In float32, 1e6 + 0.03 is 1e6 + 0.0625 or 1e6: what comes of it depends on what comes first.
        let slices: [[Float]] = [[1e6, 3e-7], [0.03, -1.1], [-1e6, 1e-13], [0.03, 1.1], [0.04, 2e-9]]
        let found = try sum(slices)
        #expect(found == (try sum(slices.reversed())))
        #expect(found == (try sum([slices[3], slices[0], slices[4], slices[1], slices[2]])))
        #expect(abs(found[0] - 0.1) < 1e-7)
        #expect(abs(found[1] - 3.02e-7) < 1e-12)
    }

    @Test("a gradient that they cannot hold is refused", arguments: [Float.nan, .infinity, 3e6, -3e6])
    func range(gradient: Float) { #expect(throws: TensorError.self) { try sum([[gradient]]) } }

    @Test("a parameter that no slice reached has no gradient")
    func none() throws {
        let weight = Tensor([Float(1)])
        weight.requiresGrad = true
        let sums = ExactSums(of: [NamedTensor("weight", weight)])
        try sums.take()
        try sums.give(nil, "test")
        #expect(weight.gradient == nil)
    }
}
