import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// How a command ends after an error: one line on standard error and an exit status from `sysexits.h`.
struct Failure: Error {
    var message: String
    var status: Int32

    /// The command was called wrongly.
    static let usage: Int32 = 64
    /// A recipe, a dataset, a plugin or a model is invalid.
    static let data: Int32 = 65
    /// A given file, folder or name does not exist.
    static let noInput: Int32 = 66
    /// The program, a plugin or the machine failed.
    static let software: Int32 = 70
    /// A file or folder cannot be created.
    static let cannotCreate: Int32 = 73
    /// Reading or writing failed half-way, for instance on a full disk.
    static let inputOutput: Int32 = 74
    /// Permission denied.
    static let noPermission: Int32 = 77
    /// Ctrl-C.
    static let interrupted: Int32 = 130

    /// The statuses, as `zoo --help` prints them.
    static let statuses = """
        Exit status: 0 success; 64 wrong usage; 65 invalid recipe, model, dataset or plugin; 66 something named does not exist; 70 the
        program, a plugin or a run failed; 73 a file or folder cannot be created; 74 reading or writing failed, such as on a full disk;
        77 permission denied; 130 stopped by Ctrl-C. If the reader of the output goes away (`| head`), a command ends quietly;
        training continues to its end.
        """

    init(_ message: String, status: Int32) {
        self.message = message
        self.status = status
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let exit as ExitCode: self.init("", status: exit.rawValue)
        case let error as ZooError: self.init(error.message, status: Self.status(of: error.code))
        case let error where Zoo.exitCode(for: error) == .validationFailure: self.init(Self.usage(error), status: Self.usage)
        case let error where Zoo.exitCode(for: error) == .success: self.init(Zoo.fullMessage(for: error), status: 0)
        default: self.init(ZooError(plain: error))
        }
    }

    /// Ends the process after an error: with its message, or quietly if the reader of the output has gone.
    static func exit(_ error: any Error) -> Never {
        if error is StandardStream.ReaderGone { endByPipe() }
        let failure = Failure(error)
        guard failure.status == 0, !failure.message.isEmpty else { failure.exit() }
        // Help and version.
        do { try Output.print(failure.message) } catch { exit(error) }
        Foundation.exit(0)
    }

    /// Ends the process with the message on standard error, on one line and as text.
    func exit() -> Never {
        if !message.isEmpty { StandardStream.complain("zoo: error: \(message)") }
        Foundation.exit(status)
    }

    /// Ends as shell tools do when their reader has gone.
    private static func endByPipe() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        Foundation.exit(128 + SIGPIPE)
    }

    private static func status(of code: ZooError.Code) -> Int32 {
        switch code {
        case .cancelled: interrupted
        case .invalidArgument, .failedPrecondition, .outOfRange, .dataLoss: data
        case .notFound: noInput
        case .alreadyExists: cannotCreate
        case .resourceExhausted: inputOutput
        case .permissionDenied: noPermission
        default: software
        }
    }

    private static func usage(_ error: any Error) -> String {
        let message = Zoo.message(for: error).split(separator: "\n").joined(separator: " ")
        let words = CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("-") }
        let known = Zoo.configuration.subcommands.map { $0.configuration.commandName ?? "\($0)".lowercased() }
        let help = words.first.map { known.contains($0) ? "zoo help \($0)" : "zoo help" } ?? "zoo help"
        return message + (message.hasSuffix(".") || message.hasSuffix("?") ? "" : ";") + " see `\(help)`"
    }
}
