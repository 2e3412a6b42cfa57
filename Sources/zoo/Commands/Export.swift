import ArgumentParser
import Foundation
import ZooBase
import ZooReport
import ZooRun

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a trained language model for Hugging Face's libraries, llama.cpp or Ollama.",
        discussion: """
            MODEL is the folder of a run, of a model in Hugging Face's layout, or of an adapter, which is merged. The tokenizer, the chat
            template, the licence's files and a model card go with it; of a run the card says recipe, data and metrics.

              zoo export runs/sums-grpo-0-1 --to hf --dtype bfloat16 --out sums
              zoo export runs/sums-grpo-0-1 --to gguf                     # float16; --dtype q8_0 for half of its size
              zoo export my-adapter --base my-base --to hf
            """)

    @Argument(help: "The folder of a run, a model or an adapter.", completion: .directory)
    var model: String

    @Option(help: "hf: a folder for transformers, vLLM and the Hub; gguf: one file for llama.cpp and Ollama.")
    var to: ModelExport.Target

    @Option(
        help: "float32, bfloat16, float16; for gguf also q8_0. (default: float32 for hf, float16 for gguf)")
    var dtype: String?

    @Option(help: ArgumentHelp("An adapter's base model. (default: the one that the adapter names)", valueName: "folder"))
    var base: String?

    @Option(
        name: [.long, .customLong("output")],
        help: ArgumentHelp("The folder to create. (default: NAME-hf or NAME-gguf here)", valueName: "folder"))
    var out: String?

    func validate() throws {
        let names = to.types.map(\.rawValue)
        guard let dtype, !names.contains(dtype) else { return }
        throw ValidationError("--dtype is '\(dtype)'; --to \(to.rawValue) takes \(names.joined(separator: ", "))")
    }

    func run() throws {
        let type = to.types.first { $0.rawValue == dtype } ?? to.types[0]
        let source = try ExportSource(
            try ModelPlace.named(model), base: base.map { try ModelPlace.folder($0) })
        let output = URL(fileURLWithPath: out ?? "\(source.name)-\(to.rawValue)", isDirectory: true)
        let origin = source.origin.map(ModelOrigin.init)
        // The card of a fetched model, or the model's own where it is all that is known, names the model on the Hub.
        let isDescribed = source.originName != nil || source.run == nil && source.base == nil
        let card = ModelCard(
            name: source.name, run: source.run, origin: origin,
            baseModel: origin?.hubName ?? source.baseName ?? (isDescribed ? origin?.baseModel : nil), isGGUF: to == .gguf,
            type: type.rawValue, version: Zoo.configuration.version)
        let about = [("name", source.name), ("license", card.license)].filter { $0.1 != "unknown" }
        let papers = try ModelExport.Papers(card: card.text(), licences: origin?.licences ?? [], about: about)
        let written = try ModelExport.write(source, to: to, as: type, papers, into: output)
        try StandardOutput.report("model    \(written.relativePath)")
        if card.license == "unknown" {
            let card = output.appending(path: "README.md").relativePath
            try StandardOutput.report("licence  unknown: fill it in at the top of \(card)")
        }
    }
}

extension ModelExport.Target: ExpressibleByArgument {}
