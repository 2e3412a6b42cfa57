import ArgumentParser
import Foundation
import ZooData
import ZooHost
import ZooKit

/// How the command ends when something was thrown: one line on standard error and an exit status of `sysexits.h`.
struct Failure: Error {
    var message: String
    var status: Int32

    /// The command was called wrongly.
    static let usage: Int32 = 64
    /// A recipe, a dataset, a plugin or a model is not as it should be.
    static let data: Int32 = 65
    /// The program or the machine failed.
    static let software: Int32 = 70
    /// Ctrl-C.
    static let interrupted: Int32 = 130

    init(_ message: String, status: Int32) {
        self.message = message
        self.status = status
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let exit as ExitCode: self.init("", status: exit.rawValue)
        case let error as RecipeError: self.init(error.description, status: Self.data)
        case let error as DataError: self.init(error.description, status: Self.data)
        case let error as ZooError: self.init(error.message, status: Self.status(of: error.code))
        case let error where Zoo.exitCode(for: error) == .validationFailure: self.init(Self.usage(error), status: Self.usage)
        case let error where Zoo.exitCode(for: error) == .success: self.init(Zoo.fullMessage(for: error), status: 0)
        default: self.init("\(error)", status: Self.software)
        }
    }

    /// Prints the message and ends the process.
    func exit() -> Never {
        if !message.isEmpty {
            if status == 0 { print(message) } else { FileHandle.standardError.write(Data("zoo: error: \(message)\n".utf8)) }
        }
        Foundation.exit(status)
    }

    private static func status(of code: ZooError.Code) -> Int32 {
        switch code {
        case .cancelled: interrupted
        case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .failedPrecondition, .outOfRange, .dataLoss: data
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
