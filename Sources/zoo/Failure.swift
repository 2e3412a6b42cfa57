import ArgumentParser
import Foundation
import ZooBase

/// How a command ends after an error: one line on standard error and an exit status.
struct Failure: PlainError {
    var message: String
    var status: CommandStatus
    var description: String { message }

    /// The statuses, as `zoo --help` prints them.
    static let statuses = """
        Exit status: 0 success; 64 wrong usage; 65 invalid recipe, model, dataset or plugin; 66 something named does not exist; 70 the
        program, a plugin or a run failed; 73 a file or folder cannot be created; 74 reading or writing failed, such as on a full disk;
        77 permission denied; 130 stopped by Ctrl-C. If the reader of the output goes away (`| head`), a command ends quietly;
        training continues to its end.
        """

    init(_ message: String, status: CommandStatus) {
        self.message = message
        self.status = status
    }

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self.init("stopped", status: .interrupted)
        case let error where Zoo.exitCode(for: error) == .validationFailure: self.init(Self.usage(error), status: .usage)
        case let error where Zoo.exitCode(for: error) == .success: self.init(Zoo.fullMessage(for: error), status: .done)
        default: self.init(plainWords(error), status: CommandStatus(of: error) ?? .software)
        }
    }

    /// Ends the process after an error: with its message, or quietly if the reader of the output has gone.
    static func exit(_ error: any Error) -> Never {
        if error is StandardStream.ReaderGone { endByPipe() }
        // Of a worker, or of a command that has said already what is wrong.
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        let failure = Failure(error)
        guard failure.status == .done, !failure.message.isEmpty else { failure.exit() }
        // Help and version.
        do { try StandardOutput.print(failure.message) } catch { exit(error) }
        Foundation.exit(0)
    }

    /// Ends the process with the message on standard error, on one line and as text.
    func exit() -> Never {
        if !message.isEmpty { StandardStream.complain("zoo: error: \(message)") }
        Foundation.exit(status.rawValue)
    }

    /// Ends as shell tools do when their reader has gone.
    private static func endByPipe() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        Foundation.exit(128 + SIGPIPE)
    }

    private static func usage(_ error: any Error) -> String {
        let message = Zoo.message(for: error).split(separator: "\n").joined(separator: " ")
        let words = CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("-") }
        let known = Zoo.configuration.subcommands.map { $0.configuration.commandName ?? "\($0)".lowercased() }
        let help = words.first.map { known.contains($0) ? "zoo help \($0)" : "zoo help" } ?? "zoo help"
        return message + (message.hasSuffix(".") || message.hasSuffix("?") ? "" : ";") + " see `\(help)`"
    }
}
