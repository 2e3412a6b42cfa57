import ArgumentParser
import Foundation
import ZooBase
import ZooReport
import ZooRun

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Say what a model's folder is and what of it is used.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a model's small files and headers, and say what will be used, what is passed over, what is refused.",
            discussion: """
                FOLDER is a model in Hugging Face's layout, diffusers' for images, an adapter's, or a run's. No weight is read. The exit
                status is 65 where loading it would be refused; that weights are numbers is seen only when they are loaded.

                  zoo model check SmolLM2-135M
                  zoo model check runs/sentiment-grpo-0-1
                """)

        @Argument(help: "The folder of a model or of a run.", completion: .directory)
        var folder: String

        func run() throws {
            guard try FileManager.default.fileExists(atPath: ModelPlace.named(folder).path) else {
                throw FileError(.noInput, folder, "there is no such folder")
            }
            let check = ModelCheck(try ModelPlace.folder(folder))
            var table = TextTable([.text("what"), .text("found")])
            for line in check.lines { table.append([line.what, line.found]) }
            try StandardOutput.table(table)
            guard !check.refusals.isEmpty else { return }
            throw Failure(check.refusals.joined(separator: "\n"), status: .data)
        }
    }
}
