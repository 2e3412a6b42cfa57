import ArgumentParser
import Foundation
import ZooBase
import ZooData
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Generate text or images from a trained model.",
        discussion: """
            MODEL is the folder of a run, or of a model in Hugging Face's layout (for image models, diffusers'). An image model draws
            held-out prompts of its task, one row each, with the reference first if there is one. What a model of latents draws is written
            to a safetensors file beside the PNG, which is a crude preview then; its prompts are those of the run's recipe.

              zoo sample runs/sentiment-grpo-0-1 --prompt "The film is" --samples 3
              zoo sample runs/sentiment-grpo-0-1/model --prompt "A story" --temperature 0
              zoo sample smollm2 --chat --prompt "What is 2 + 2?" --temperature 0
              zoo sample runs/subject-grpo-0-1 --prompt "seven, top left" --samples 8 --output sevens.png
            """)

    @Argument(help: "The folder of a run or of a model.", completion: .directory)
    var model: String

    @Option(help: ArgumentHelp("Text to continue (repeatable). (default: empty)", valueName: "text"))
    var prompt: [String] = []

    @Flag(help: "A prompt is what a user says: the model's chat template is put around it, and roles are shown.")
    var chat = false

    @Option(help: ArgumentHelp("With --chat: what the system says first.", valueName: "text"))
    var system: String?

    @Option(help: "Samples per prompt.")
    var samples = 1

    @Option(help: ArgumentHelp("Images: the PNG file to write.", valueName: "file"), completion: .file(extensions: ["png"]))
    var output = "samples.png"

    @Option(
        help: ArgumentHelp("Images: the recipe whose stored prompts are drawn. (default: the run's)", valueName: "file"),
        completion: .file(extensions: ["yaml"]))
    var recipe: String?

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
        if system != nil, !chat { throw ValidationError("--system is said in a conversation; add --chat") }
        if chat, prompt.isEmpty { throw ValidationError("--chat needs what the user says: --prompt TEXT") }
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
        try refuseEnvironment()
        let sampler = try ModelSampler(ModelPlace.folder(model), device: device, threads: threads)
        let prompts = prompt.isEmpty ? [""] : prompt
        let texts = try sampler.sample(
            prompts, chat: chat ? .init(system: system) : nil, samples: samples, maxNewTokens: maxNewTokens,
            temperature: temperature,
            seed: seed)
        for (prompt, continuations) in zip(prompts, texts) {
            if chat { try StandardOutput.print((system.map { "system: \($0)\n" } ?? "") + "user: \(prompt)") }
            for text in continuations { try StandardOutput.print(chat ? "assistant: \(text)" : prompt + text) }
        }
    }

    /// A model that has learnt to write in turns with an environment would be shown alone, and go on as if it were answered.
    private func refuseEnvironment() throws {
        let folder = URL(fileURLWithPath: model, isDirectory: true)
        for run in [RunFolder(folder), RunFolder(folder.deletingLastPathComponent())] where run.isBegun {
            let spec = try run.readSpec()
            guard spec.recipe.stages.first(where: { $0.name == spec.stage })?.environment != nil else { continue }
            throw Failure(
                "\(model) was trained with an environment, which `zoo sample` does not ask; its episodes are in "
                    + "\(run.samples.shortPath), and `zoo evaluate \(spec.recipe.file.shortPath) \(model)` draws new ones",
                status: .usage)
        }
    }

    private func draw(_ threads: Int) throws {
        let sampler = try ImageModelSampler(
            ModelPlace.folder(model), recipe: storedRecipe(), device: device, threads: threads)
        let prompts = try sampler.prompts(prompt, count: 8)
        let grid = try sampler.grid(
            prompts.map(\.item), samples: samples, steps: steps, guidance: guidance, level: noise, seed: seed)
        let given = URL(fileURLWithPath: output)
        let file = sampler.drawsLatents ? given.deletingPathExtension().appendingPathExtension("png") : given
        try OutputFile.write(grid.png(), to: file)
        for prompt in prompts { try StandardOutput.print(prompt.caption) }
        try StandardOutput.print("images   \(file.shortPath)")
        guard sampler.drawsLatents else { return }
        let tensors = file.deletingPathExtension().appendingPathExtension("safetensors")
        try grid.writeLatents(to: tensors)
        try StandardOutput.print("latents  \(tensors.shortPath)")
    }

    /// The recipe that names stored prompts: the given one, or that of the run; nil if there is none.
    private func storedRecipe() throws -> Recipe? {
        if let recipe { return try Recipe.load(URL(fileURLWithPath: recipe)) }
        let folder = URL(fileURLWithPath: model, isDirectory: true)
        let run = [RunFolder(folder), RunFolder(folder.deletingLastPathComponent())].first(where: \.isBegun)
        return try run.map { try $0.readSpec().recipe }
    }
}

enum ModelPlace {
    /// The folder of `data:NAME`, or the folder itself, of a run too.
    static func named(_ path: String) throws -> URL {
        try FetchedModel.folder(path) ?? URL(fileURLWithPath: path, isDirectory: true)
    }

    /// The model of a run's folder, the folder of `data:NAME`, or the folder itself.
    static func folder(_ path: String) throws -> URL {
        let url = try named(path)
        let run = RunFolder(url)
        guard FileManager.default.fileExists(atPath: run.spec.path) else { return url }
        guard FileManager.default.fileExists(atPath: run.model.path) else {
            throw Failure(
                "\(path) is a run without a model yet; continue it with: zoo train --resume \(path)", status: .noInput)
        }
        return run.model
    }
}
