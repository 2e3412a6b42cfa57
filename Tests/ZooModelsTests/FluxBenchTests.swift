import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("speed of image models")
struct FluxBenchTests {
    @Test(
        "times a training step of the tiny configuration",
        .enabled(if: ProcessInfo.processInfo.environment["ZOO_BENCH"] != nil))
    func timesTrainingStep() throws {
        let environment = ProcessInfo.processInfo.environment
        Engine.configure(threads: try #require(Int(environment["OMP_NUM_THREADS"] ?? "")))
        let generator = Generator(seed: 1)
        let network = try FlowImage.initialize(
            config: .tiny, kinds: [.init("class", 10), .init("position", 4), .init("background", 3)], generator: generator)
        let batch = ImageSequences(
            shape: ImageShape(channels: 1, height: 12, width: 12), referenceShape: ImageShape(channels: 1, height: 8, width: 8),
            kinds: 3, sample: Tensor.normal([48, 144], generator: generator).floats, conditions: Array(repeating: 1, count: 144),
            reference: Tensor.normal([48, 64], generator: generator).floats, pairSeed: (0..<48).map { UInt64($0) })
        let rounds = try #require(Int(environment["ZOO_BENCH_ROUNDS"] ?? ""))
        let clock = ContinuousClock()
        let times = try (0..<rounds).map { _ in
            let time = try clock.measure {
                let loss = -(try network.forward(batch, [.score])[0].mean())
                backward([loss], gradients: [.ones([])])
            }
            for parameter in network.parameters { parameter.tensor.clearGradient() }
            return time / .seconds(1)
        }
        let text = times.map { "\($0)" }.joined(separator: "\n")
        try text.write(toFile: try #require(environment["ZOO_BENCH"]), atomically: true, encoding: .utf8)
    }
}
