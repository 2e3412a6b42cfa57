import ZooBase
import ZooKit

extension ZooError {
    /// Any error as one sentence with a code by its kind: damage is `dataLoss`, something named that does not exist `notFound`,
    /// something that cannot be created `alreadyExists`, a failing or full disk `resourceExhausted`.
    ///
    /// - Parameter code: for errors of unknown kind.
    package init(plain error: any Error, else code: Code = .internal) {
        switch error {
        case let error as ZooError: self = error
        case is CancellationError: self.init(.cancelled, "stopped")
        default: self.init(CommandStatus(of: error).map(Self.code) ?? code, plainWords(error))
        }
    }

    private static func code(_ status: CommandStatus) -> Code {
        switch status {
        case .data: .dataLoss
        case .noInput: .notFound
        case .cannotCreate: .alreadyExists
        case .inputOutput: .resourceExhausted
        case .noPermission: .permissionDenied
        case .usage: .invalidArgument
        case .interrupted: .cancelled
        case .software, .done: .internal
        }
    }
}

extension ZooError: PlainError {
    /// What the codes of the plugins' contract mean for whoever called the command.
    public var status: CommandStatus {
        switch code {
        case .cancelled: .interrupted
        case .invalidArgument, .failedPrecondition, .outOfRange, .dataLoss: .data
        case .notFound: .noInput
        case .alreadyExists: .cannotCreate
        case .resourceExhausted: .inputOutput
        case .permissionDenied: .noPermission
        case .unknown, .deadlineExceeded, .aborted, .unimplemented, .internal, .unavailable: .software
        }
    }
}
