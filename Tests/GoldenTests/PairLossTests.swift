import CZoo
import Foundation
import Testing
import ZooKit
import ZooPlugins

/// One update of `dpo` on pairs whose log-ratios are given, chosen and rejected; answers have one action.
private func dpo(_ parameters: String, _ ratios: [(chosen: Double, rejected: Double)]) throws -> ScriptedHost.Record.Loss {
    let count = 2 * ratios.count
    let batch = Batch(
        offsets: Array(0...count), tokens: Array(repeating: 0, count: count), mask: Array(repeating: true, count: count),
        columns: [
            Column("pair", perStep: false, .i64(ratios.indices.flatMap { [Int64($0), Int64($0)] })),
            Column("chosen", perStep: false, .u8(ratios.flatMap { _ in [1, 0] })),
        ])
    var script = ScriptedHost.Script()
    script.pairs = { _ in batch }
    script.outputs = { role, _, _ in
        ["score": role == "policy" ? ratios.flatMap { [$0.chosen - 2, $0.rejected - 3] } : ratios.flatMap { _ in [-2, -3] }]
    }
    return try step("DPO", "dpo", parameters, script).losses[0]
}

@Suite("dpo's losses")
struct PairLossTests {
    @Test("a loss that sorts over the batch is never cut, the others only between pairs")
    func cut() throws {
        for (type, flags) in [
            ("aot", ZOO_LOSS_WHOLE), ("aot_unpaired", ZOO_LOSS_WHOLE), ("sigmoid", ZOO_LOSS_GROUPED), ("sft", ZOO_LOSS_GROUPED),
        ] {
            #expect(try dpo(#"{"loss_type": "\#(type)"}"#, [(1, 0), (0, 1)]).flags == flags, "\(type)")
        }
    }

    /// Log-ratios 1 and −0.5, −2 and 0.25; β = 0.5. Numbers from another program, written from the papers' formulas; `sft` is −log π of
    /// two answers of one action, 1 and 4.
    @Test(
        "the losses that no golden case has",
        arguments: [
            (#""loss_type": "nca_pair""#, 1.5488886175727503), (#""loss_type": "bco_pair""#, 1.5604385634471711),
            (#""loss_type": "apo_down""#, 0.9835685201320425),
            (#""loss_type": "aot_unpaired", "label_smoothing": 0.2"#, 0.79249713512737),
            (#""f_divergence_type": "js_divergence""#, 0.8478923334735735), (#""loss_type": "sft""#, 2.5),
        ])
    func values(parameters: String, expected: Double) throws {
        let loss = try dpo(#"{"beta": 0.5, \#(parameters)}"#, [(1, -0.5), (-2, 0.25)])
        #expect(abs(loss.value - expected) < 1e-12)
    }

    /// f′(1) is the same for both answers, so every margin is 0.
    @Test(
        "where policy and reference agree the loss is log 2, whatever the divergence",
        arguments: ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"])
    func start(divergence: String) throws {
        let loss = try dpo(#"{"f_divergence_type": "\#(divergence)", "beta": 0.7}"#, [(0, 0), (0, 0)])
        #expect(abs(loss.value - log(2)) < 1e-15)
        let gradient = try #require(loss.gradients["score"])
        #expect(gradient[0] < 0 && gradient[0] == -gradient[1] && gradient[0] == gradient[2])
    }

    @Test("log-ratios far beyond what a float's exponential holds give finite losses and slopes")
    func overflow() throws {
        for parameters in [
            #"{"f_divergence_type": "forward_kl"}"#, #"{"f_divergence_type": "alpha_divergence", "f_alpha_divergence_coef": 3}"#,
            #"{"loss_type": "discopop"}"#, #"{"loss_type": "exo_pair", "label_smoothing": 0.1}"#,
        ] {
            for ratios in [(-9000.0, 9000.0), (9000, -9000), (-9000, -9000)] {
                let loss = try dpo(parameters, [ratios])
                #expect(
                    loss.value.isFinite && (loss.gradients["score"] ?? [.nan]).allSatisfy(\.isFinite), "\(parameters) \(ratios)")
            }
        }
        // At e⁸⁰ the score stays, and the slope with it is 0: −β·e⁸⁰ against the other answer's −1.
        let loss = try dpo(#"{"f_divergence_type": "forward_kl", "beta": 1}"#, [(-81, 0)])
        #expect(abs(loss.value / exp(80) - 1) < 1e-12)
        #expect(loss.gradients["score"]?[0] == 0)
    }

    @Test(
        "a parameter that a loss does not have is refused by name",
        arguments: [
            (#"{"loss_type": "hinge", "label_smoothing": 0.1}"#, "'label_smoothing' is 0.1; loss_type 'hinge' takes none"),
            (#"{"loss_type": "exo_pair"}"#, "'label_smoothing' is 0; loss_type 'exo_pair' takes its logarithm"),
            (
                #"{"loss_type": "robust", "label_smoothing": 0.5}"#,
                "'label_smoothing' is 0.5; loss_type 'robust' divides by 1 − 2ε"
            ),
            (
                #"{"loss_type": "apo_zero", "f_divergence_type": "forward_kl"}"#,
                "'f_divergence_type' is forward_kl; loss_type 'apo_zero' is written in log-ratios"
            ),
        ])
    func refusals(parameters: String, complaint: String) throws {
        #expect {
            try dpo(parameters, [(0, 0)])
        } throws: {
            ($0 as? ZooError)?.code == .invalidArgument && "\($0)".contains(complaint)
        }
    }
}
