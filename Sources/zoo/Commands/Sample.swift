import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Generate text or images from a trained model.",
        discussion: """
            MODEL is the folder of a run, or of a model in Hugging Face's layout (for image models, diffusers'). An image model draws
            held-out prompts of its task, one row each, with the reference first if there is one.

              zoo sample runs/sentiment-grpo-0-1 --prompt "The film is" --samples 3
              zoo sample runs/sentiment-grpo-0-1/model --prompt "A story" --temperature 0
              zoo sample runs/subject-grpo-0-1 --prompt "seven, top left" --samples 8 --output sevens.png
            """)

    @Argument(help: "The folder of a run or of a model.", completion: .directory)
    var model: String

    @Option(help: ArgumentHelp("Text to continue (repeatable). (default: empty)", valueName: "text"))
    var prompt: [String] = []

    @Option(help: "Samples per prompt.")
    var samples = 1

    @Option(help: ArgumentHelp("Images: the PNG file to write.", valueName: "file"), completion: .file(extensions: ["png"]))
    var output = "samples.png"

    @Option(help: "Images: number of denoising steps.")
    var steps = 12

    @Option(help: "Images: classifier-free guidance; 1 is none.")
    var guidance = 1.0

    @Option(help: "Images: level of the noise added in each denoising step; 0 is none.")
    var noise = 0.0

    @Option(help: "Largest number of tokens per sample.")
    var maxNewTokens = 40

    @Option(help: "Divides the logits; 0 takes the most likely token.")
    var temperature = 1.0

    @Option(help: "Seed; equal seeds give equal samples.")
    var seed: UInt64 = 0

    @Option(help: "cpu, cuda or cuda:N.")
    var device = "cpu"

    func validate() throws {
        try Bounds.check("--samples", samples, 1...RecipeLimits.samples)
        try Bounds.check("--max-new-tokens", maxNewTokens, 1...RecipeLimits.tokens)
        try Bounds.check("--steps", steps, 1...RecipeLimits.denoisingSteps)
        try Bounds.check("--guidance", guidance, -1000...1000)
        try Bounds.check("--noise", noise, 0...1000)
        try Bounds.check("--temperature", temperature, 0...1000)
    }

    func run() throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        if try ImageModelSampler.reads(ModelPlace.folder(model)) { return try draw(threads) }
        let sampler = try ModelSampler(ModelPlace.folder(model), device: device, threads: threads)
        let prompts = prompt.isEmpty ? [""] : prompt
        let texts = try sampler.sample(
            prompts, samples: samples, maxNewTokens: maxNewTokens, temperature: temperature, seed: seed)
        for (prompt, continuations) in zip(prompts, texts) {
            for text in continuations { try StandardOutput.print(prompt + text) }
        }
    }

    private func draw(_ threads: Int) throws {
        let sampler = try ImageModelSampler(ModelPlace.folder(model), device: device, threads: threads)
        let items = try sampler.prompts(prompt, count: 8)
        let grid = try sampler.grid(items, samples: samples, steps: steps, guidance: guidance, level: noise, seed: seed)
        let file = URL(fileURLWithPath: output)
        try OutputFile.write(grid.png(), to: file)
        for item in items { try StandardOutput.print(sampler.caption(item)) }
        try StandardOutput.print("images   \(file.shortPath)")
    }
}

enum ModelPlace {
    /// The model of a run's folder, or the folder itself.
    static func folder(_ path: String) throws -> URL {
        let url = URL(fileURLWithPath: path, isDirectory: true)
        let run = RunFolder(url)
        guard FileManager.default.fileExists(atPath: run.spec.path) else { return url }
        guard FileManager.default.fileExists(atPath: run.model.path) else {
            throw Failure(
                "\(path) is a run without a model yet; continue it with: zoo train --resume \(path)", status: .noInput)
        }
        return run.model
    }
}
