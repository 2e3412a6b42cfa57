import Foundation
import Testing
import ZooReport

@Suite("the fit of over-optimisation")
struct OveroptimisationFitTests {
    private static let curve = stride(from: 0.5, through: 10, by: 0.5).map { d in (distance: d, reward: d * (1.5 - 0.6 * log(d)))
    }

    @Test("gives back the curve that made the points, and its peak")
    func exact() throws {
        let fit = try #require(OveroptimisationFit(Self.curve + [(0, 0)]))
        #expect(abs(fit.alpha - 1.5) < 1e-9 && abs(fit.beta - 0.6) < 1e-9)
        #expect(abs(fit.explained - 1) < 1e-9)
        // dR/dd = α − β log d − β = 0.
        let peak = try #require(fit.peak)
        #expect(abs(peak - exp(1.5)) < 1e-6)
        #expect(fit(peak) > fit(peak * 0.9) && fit(peak) > fit(peak * 1.1))
        #expect(abs(fit(1) - 1.5) < 1e-9)
    }

    @Test("a reward that only rises has no peak")
    func rising() throws {
        let fit = try #require(OveroptimisationFit((1...10).map { (Double($0), Double($0) * (1 + 0.1 * log(Double($0)))) }))
        #expect(fit.peak == nil)
    }

    @Test("a reward that never moves leaves nothing to explain")
    func flat() throws {
        let fit = try #require(OveroptimisationFit((1...9).map { (Double($0), 0.1) }))
        #expect(fit.explained == 0)
    }

    @Test("too few points, or all at one distance, have no fit")
    func none() {
        #expect(OveroptimisationFit(Array(Self.curve.prefix(4))) == nil)
        #expect(OveroptimisationFit((0..<9).map { (2, Double($0)) }) == nil)
    }
}
