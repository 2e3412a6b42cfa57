import Testing
import ZooBase

@Suite("random numbers")
struct SplitMix64Tests {
    // The reference values of Vigna's splitmix64.c for this seed.
    @Test("SplitMix64 gives the reference numbers")
    func splitMix64() {
        var generator = SplitMix64(seed: 1_234_567)
        let numbers = (0..<5).map { _ in generator.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ])
    }

    @Test("numbers below a bound come equally often")
    func uniform() {
        var generator = SplitMix64(seed: 3)
        var counts = [0, 0, 0, 0, 0]
        for _ in 0..<100_000 { counts[generator.next(below: 5)] += 1 }
        // 20,000 each; the standard deviation is 126.
        #expect(counts.allSatisfy { abs($0 - 20_000) < 600 })
    }

    @Test("a number below a bound is the one that the standard library draws")
    func sameAsStandard() {
        var (own, standard) = (SplitMix64(seed: 9), SplitMix64(seed: 9))
        for bound in 1...300 { #expect(own.next(below: bound) == Int.random(in: 0..<bound, using: &standard)) }
    }
}
