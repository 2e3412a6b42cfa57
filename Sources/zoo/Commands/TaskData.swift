import ArgumentParser
import Foundation
import ZooBase
import ZooData
import ZooRecords
import ZooReport

struct TaskData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Show or check a recipe's data as its algorithms will see it; list or fetch the tasks' data and models.",
        discussion: """
            Data is stored in POLICYZOO_CACHE, or in policyzoo in the user's cache folder, once per machine.

              zoo data list
              zoo data fetch all
              zoo data inspect recipes/sentiment.yaml --count 1
              zoo data check recipes/sentiment.yaml
            """,
        subcommands: [List.self, Fetch.self, Inspect.self, Check.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the tasks and models, whether their files are there, and where.")

        func run() throws {
            var table = TextTable([.text("name"), .text("what it is"), .text("data"), .text("folder")])
            for task in Tasks.all {
                let (state, folder) = Self.state(of: task)
                table.append([task.name, task.summary, state, folder?.path ?? ""])
            }
            for model in FetchedModel.all {
                let (state, folder) = Self.state(of: model)
                table.append([model.name, model.about, state, folder.path])
            }
            try StandardOutput.table(table)
        }

        /// In words, and the folder where the data is or would be; nil if there is none.
        private static func state(of task: any Task.Type) -> (String, URL?) {
            guard let raw = task.raw else {
                return task.modality == .text
                    ? ("generated on first use", CacheFolder.data.appending(path: task.name)) : ("needs none", nil)
            }
            return state(of: raw)
        }

        private static func state(of raw: RawFiles) -> (String, URL) {
            let folder = raw.folder(in: CacheFolder.data)
            if raw.isThere(in: CacheFolder.data) { return ("present", folder) }
            return (raw.package.map { "missing: needs \($0)" } ?? "missing: zoo data fetch \(raw.name)", folder)
        }
    }
}
