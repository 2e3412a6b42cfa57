import Foundation
import ZooBase
import ZooModels
import ZooRecipe
import ZooServices
import ZooTensor

/// A network that writes what it is told to.
final class ScriptedPolicy: GenerativeNetwork {
    let family = "scripted"
    let parameters: [NamedTensor] = []
    let endTokens: [Int32] = [ByteCodec.end]
    /// What it writes after some tokens.
    let text: ([Int32]) -> String
    /// The prompts of each call.
    private(set) var calls: [[[Int32]]] = []

    init(_ text: @escaping ([Int32]) -> String) { self.text = text }

    func supports(_ output: NetworkOutput) -> Bool { false }
    func forward(_ batch: Sequences, _ outputs: [NetworkOutput]) throws -> [Tensor] { throw ModelError("it only writes") }
    func forwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double { 0 }
    func prefillFLOPs(_ drawn: Sequences) -> Double { 0 }
    func generationFLOPs(_ drawn: Sequences) -> Double { Double(drawn.tokens.count) }
    func copy(trainable: Bool) -> any Network { self }
    func save(to folder: URL) throws {}

    func generate(
        prompts: [[Int32]], samplesPerPrompt: Int, settings: SamplerSettings, generator: Generator, isCancelled: () -> Bool
    ) throws -> Generation {
        calls.append(prompts)
        var (offsets, tokens, mask, logp, finished): ([Int], [Int32], [Bool], [Float], [Bool]) = ([0], [], [], [], [])
        for prompt in prompts {
            for _ in 0..<samplesPerPrompt {
                var new: [Int32] = []
                var isFinished = false
                for token in ByteCodec().tokens(text(prompt)).prefix(settings.maxNewTokens) where !isFinished {
                    new.append(token)
                    // Every token has a log-probability of its own.
                    logp.append(-Float(prompt.count + new.count))
                    isFinished = settings.endTokens.contains(token) || settings.ends?(new) == true
                }
                tokens += prompt + new
                mask += prompt.map { _ in false } + new.map { _ in true }
                offsets.append(tokens.count)
                finished.append(isFinished)
            }
        }
        return Generation(
            sequences: Sequences(offsets: offsets, tokens: tokens, mask: mask, temperature: nil), logp: logp, finished: finished)
    }
}

/// Bytes as tokens; `$` is the end token.
struct ByteCodec: TextCodec {
    static let end = Int32(UInt8(ascii: "$"))

    func tokens(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }
    func encode(_ text: String, after context: [Int32]) throws -> [Int32] { tokens(text) }
    func decode(_ tokens: [Int32], after context: [Int32]) -> String {
        String(decoding: tokens.filter { $0 != Self.end }.map { UInt8($0) }, as: UTF8.self)
    }
    func spelled(_ tokens: [Int32], after context: [Int32]) -> String {
        String(decoding: tokens.map { UInt8($0) }, as: UTF8.self)
    }
    var begin: Int32? { nil }
    var end: Int32? { Self.end }
    func write(to folder: URL) throws {}
}
