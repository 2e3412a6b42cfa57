/// The exit statuses of commands, from `sysexits.h`.
public enum CommandStatus: Int32, Sendable, CaseIterable {
    case done = 0
    /// The command was called wrongly.
    case usage = 64
    /// A recipe, a dataset, a plugin or a model is invalid.
    case data = 65
    /// A given file, folder or name does not exist, or is not a regular file.
    case noInput = 66
    /// The program, a plugin or the machine failed.
    case software = 70
    /// A file or folder cannot be created.
    case cannotCreate = 73
    /// Reading or writing failed half-way, for instance on a full disk.
    case inputOutput = 74
    /// Permission denied.
    case noPermission = 77
    /// Ctrl-C.
    case interrupted = 130
}

/// An error that is one sentence for people, with the exit status of the command.
public protocol PlainError: Error, CustomStringConvertible {
    var status: CommandStatus { get }
}

extension CommandStatus {
    /// The status of any error: a ``PlainError``'s own, or one for a system error; nil if unknown.
    package init?(of error: any Error) {
        switch error {
        case let error as any PlainError: self = error.status
        case is CancellationError: self = .interrupted
        case is DecodingError: self = .data
        default: return nil
        }
    }
}
