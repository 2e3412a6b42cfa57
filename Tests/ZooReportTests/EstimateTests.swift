import Testing
import ZooReport

@Suite("estimates over seeds")
struct EstimateTests {
    @Test("the mean of three seeds has their range as its interval")
    func three() throws {
        // Of the 27 equally likely resamples one is all minimum, and 1/27 > 2.5%: the quantile is the minimum itself.
        let estimate = try #require(Estimate([1, 2, 6]))
        #expect(estimate.mean == 3)
        #expect(estimate.interval == 1...6)
        #expect(estimate.count == 3)
    }

    @Test("twenty values have about the interval of the normal approximation")
    func many() throws {
        // 1...20: mean 10.5, deviation (n) 5.766; 1.96 · 5.766 / √20 = 2.527.
        let interval = try #require(Estimate((1...20).map(Double.init))?.interval)
        #expect(abs(interval.lowerBound - 7.973) < 0.1)
        #expect(abs(interval.upperBound - 13.027) < 0.1)
    }

    @Test("one value has no interval, none has no estimate, and equal values an interval of no width")
    func few() {
        #expect(Estimate([4])?.interval == nil)
        #expect(Estimate([4])?.mean == 4)
        #expect(Estimate([]) == nil)
        #expect(Estimate([2, 2, 2])?.interval == 2...2)
        #expect(Estimate([1, .nan])?.interval == nil)
    }

    @Test("an estimate in words has its interval, or the larger side of it to the mean's decimals")
    func words() throws {
        let estimate = try #require(Estimate([0.5, 0.75, 1.75]))
        #expect(Quantity.interval(estimate) == "1.00 [0.500, 1.75]")
        #expect(Quantity.deviation(estimate) == "1.00 ±0.75")
        #expect(Quantity.deviation(try #require(Estimate([12.5]))) == "12.5")
        #expect(Quantity.deviation(try #require(Estimate([-200, 200, 300]))) == "100 ±300")
    }

    @Test("up to six values are resampled in every way")
    func exact() throws {
        // Of the 256 resamples of four values 1 has the mean 0, 4 have 1 and 10 have 2: the first to pass 2.5%, 6.4 of 256.
        let interval = try #require(Estimate([0, 4, 8, 100])?.interval)
        #expect(interval.lowerBound == 2)
    }

    @Test("equal values give equal intervals")
    func deterministic() {
        let values = [0.3, 0.1, 0.8, 0.5, 0.2]
        #expect(Estimate(values) == Estimate(values))
    }
}
