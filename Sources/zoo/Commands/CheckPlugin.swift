import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins

extension Plugins {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the conformance checks on a plugin, each in a separate process.",
            discussion: """
                Checks loading, the ABI, memory, what it leaves behind in the process, every gradient by finite differences, state, \
                learning and faults. The exit status is 0 if all pass. Sources/ZooPlugins/Conformance/README.md explains each case.

                  zoo plugins check .build/release/libGRPO.so
                  zoo plugins check libMine.so --only numerics --json
                  zoo plugins check libMine.so --watch
                  zoo plugins check --list
                """)

        @Argument(help: "The plugin, a shared library.", completion: .file())
        var file: String?

        @Option(
            help: ArgumentHelp(
                "Only cases whose name starts with this, such as numerics or state/resume@ppo (repeatable).", valueName: "prefix")
        )
        var only: [String] = []

        @Option(help: ArgumentHelp("Seconds after which a case is killed.", valueName: "seconds"))
        var deadline = 60.0

        @Flag(help: "Print the report as JSON.")
        var json = false

        @Flag(help: "Print the cases: what each asks of a plugin, and where the headers say so.")
        var list = false

        @Flag(help: "Check again whenever the file changes, until Ctrl-C.")
        var watch = false

        func validate() throws {
            try Bounds.check("--deadline", deadline, 0.001...1e6)
            guard file != nil || list else { throw ValidationError("Missing expected argument '<file>'") }
        }

        func run() async throws {
            guard !list else {
                return try StandardOutput.print(
                    Conformance.list.map { "\($0.id)\n    \($0.claim)\n    \($0.rule)" }.joined(separator: "\n"))
            }
            guard let file else { return }
            guard watch else {
                guard try await check(file) else { throw ExitCode(CommandStatus.data.rawValue) }
                return
            }
            while true {
                let checked = FileStamp(file)
                do { _ = try await check(file) } catch let error as ZooError where error.code != .cancelled {
                    StandardStream.complain("zoo: error: \(error.message)")
                }
                try StandardOutput.print(
                    "\n\(Date.now.formatted(date: .omitted, time: .standard)): waiting for \(file) to change")
                repeat { try await Task.sleep(for: .milliseconds(300)) } while FileStamp(file).map { $0 == checked } ?? true
                // A linker writes for a while.
                var before: FileStamp?
                repeat {
                    before = FileStamp(file)
                    try await Task.sleep(for: .milliseconds(300))
                } while before == nil || FileStamp(file) != before
            }
        }

        /// True where nothing failed.
        private func check(_ file: String) async throws -> Bool {
            let report = try await Conformance(deadline: deadline).check(file, only: only)
            try StandardOutput.print(json ? report.json() : report.table())
            return report.passed
        }
    }
}

/// What tells one state of a file from another; nil while there is none.
private struct FileStamp: Equatable {
    private let time: Date
    private let size: Int
    private let number: Int

    init?(_ path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let time = attributes[.modificationDate] as? Date, let size = attributes[.size] as? Int
        else { return nil }
        (self.time, self.size) = (time, size)
        number = attributes[.systemFileNumber] as? Int ?? 0
    }
}
