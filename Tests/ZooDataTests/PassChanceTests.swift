import Testing
import ZooData

@Suite("pass@k")
struct PassChanceTests {
    @Test(
        "is one minus the chance that all of k drawn without replacement are wrong",
        arguments: [
            (1, 1, 4, 0.25), (2, 1, 4, 0.5), (4, 1, 4, 1), (1, 0, 4, 0), (4, 0, 4, 0), (2, 2, 4, 5.0 / 6), (3, 2, 4, 1),
            (1, 4, 4, 1),
            (2, 3, 8, 1 - 10.0 / 28), (8, 8, 8, 1),
        ] as [(Int, Int, Int, Double)])
    func chance(k: Int, right: Int, count: Int, expected: Double) {
        #expect(abs(passChance(of: k, right: right, among: count) - expected) < 1e-12)
    }
}
