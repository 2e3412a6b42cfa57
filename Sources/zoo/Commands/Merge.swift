import ArgumentParser
import Foundation
import ZooPlugins
import ZooRecords
import ZooRun

struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Merge an adapter into its base model.",
        discussion: """
            ADAPTER is the folder of a run, or of an adapter in PEFT's layout.

              zoo merge runs/sentiment-grpo-0-1 --output merged
              zoo merge my-adapter --base my-base --output merged
            """)

    @Argument(help: "The folder of a run or of an adapter.", completion: .directory)
    var adapter: String

    @Option(help: ArgumentHelp("The base model's folder. (default: the one that the adapter names)", valueName: "folder"))
    var base: String?

    @Option(help: ArgumentHelp("The folder to create, in Hugging Face's layout.", valueName: "folder"))
    var output: String

    func run() throws {
        let base = base.map { URL(fileURLWithPath: $0, isDirectory: true) }
        let output = URL(fileURLWithPath: output, isDirectory: true)
        try ModelMerge.merge(ModelPlace.folder(adapter), base: base, into: output)
        try StandardOutput.report("model    \(output.relativePath)")
    }
}
