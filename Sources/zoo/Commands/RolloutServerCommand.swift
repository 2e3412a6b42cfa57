import ArgumentParser
import Foundation
import ZooRecipe
import ZooRun

struct RolloutServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout-server",
        abstract: "Serve a model's samples to runs with `rollout.server`, as vLLM does.",
        discussion: """
            MODEL is the folder of a run, or of a language model in Hugging Face's layout. It is sampled by this host's own engine, one
            request after the other, and answers this machine alone: to try `rollout.server` without a GPU. It takes new weights from
            whoever asks.

              zoo rollout-server runs/base/model --port 8000
              zoo train my.yaml --set 'rollout.server={url: "http://127.0.0.1:8000"}'
            """)

    @Argument(help: "The folder of a run or of a model.", completion: .directory)
    var model: String

    @Option(help: "The port to serve at; 0 chooses a free one.")
    var port: UInt16 = 8000

    @Option(help: "Threads that sample.")
    var threads = 1

    @Option(help: "cpu, cuda or cuda:N.")
    var device = "cpu"

    func validate() throws { try Bounds.check("--threads", threads, 1...RecipeLimits.threads) }

    func run() async throws {
        let served = try await ServedModel(ModelPlace.folder(model), device: device, threads: threads)
        try await RolloutHost(model: served, port: port).run { address in
            try StandardOutput.print("\(address)   (Ctrl-C ends it)")
        }
    }
}
