import ArgumentParser
import Foundation
import ZooHost

struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a model go on with prompts.",
        discussion: """
            MODEL is a run's folder or a model's, in Hugging Face's layout.

              zoo sample runs/sentiment-grpo-0-1 --prompt "The film is" --samples 3
              zoo sample runs/sentiment-grpo-0-1/model --prompt "A story" --temperature 0
            """)

    @Argument(help: "The folder of a run or of a model.", completion: .directory)
    var model: String

    @Option(help: ArgumentHelp("Text to go on with (repeatable); nothing unless given.", valueName: "text"))
    var prompt: [String] = []

    @Option(help: "Continuations of each prompt.")
    var samples = 1

    @Option(help: "The most tokens of a continuation.")
    var maxNewTokens = 40

    @Option(help: "Divides the logits; 0 takes the likeliest token.")
    var temperature = 1.0

    @Option(help: "Equal seeds give equal texts.")
    var seed: UInt64 = 0

    @Option(help: "cpu, cuda or cuda:N.")
    var device = "cpu"

    func validate() throws {
        guard samples > 0 else { throw ValidationError("--samples is \(samples); expected a whole number from 1") }
        guard maxNewTokens > 0 else {
            throw ValidationError("--max-new-tokens is \(maxNewTokens); expected a whole number from 1")
        }
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature is \(temperature); expected a number from 0")
        }
    }

    func run() throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        let sampler = try ModelSampler(ModelPlace.folder(model), device: device, threads: threads)
        let prompts = prompt.isEmpty ? [""] : prompt
        let texts = try sampler.sample(
            prompts, samples: samples, maxNewTokens: maxNewTokens, temperature: temperature, seed: seed)
        for (prompt, continuations) in zip(prompts, texts) {
            for text in continuations { print(prompt + text) }
        }
    }
}

enum ModelPlace {
    /// The model of a run's folder, or the folder itself.
    static func folder(_ path: String) throws -> URL {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        let run = RunFolder(url)
        guard FileManager.default.fileExists(atPath: run.spec.path) else { return url }
        guard FileManager.default.fileExists(atPath: run.model.path) else {
            throw Failure("\(path) is a run that has no model yet; go on with: zoo train --resume \(path)", status: Failure.data)
        }
        return run.model
    }
}
