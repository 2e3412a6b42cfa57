import Foundation

/// An error about a file, a folder or a stream, as one sentence that starts with its path.
public struct FileError: PlainError, Equatable, Sendable {
    public let status: CommandStatus
    public let path: String
    public let reason: String

    public init(_ status: CommandStatus, _ path: String, _ reason: String) {
        self.status = status
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }

    /// - Parameter number: of `errno`.
    init(reading path: String, _ number: Int32) {
        let reason = number == ENOENT ? "there is no such file" : "cannot be read: \(SystemError.words(number))"
        self.init(Self.status(number, else: .noInput), path, reason)
    }

    init(writing path: String, _ number: Int32) {
        self.init(Self.status(number, else: .cannotCreate), path, "cannot be written: \(SystemError.words(number))")
    }

    /// - Parameter error: of the system or of Foundation; if it already is a sentence, that sentence.
    public init(reading path: String, _ error: any Error) {
        self.init(path, "cannot be read", error, else: .noInput)
    }

    /// - Parameter error: of the system or of Foundation; if it already is a sentence, that sentence.
    public init(writing path: String, _ error: any Error) {
        self.init(path, "cannot be written", error, else: .cannotCreate)
    }

    private init(_ path: String, _ action: String, _ error: any Error, else status: CommandStatus) {
        if let error = error as? FileError {
            self = error.path.hasPrefix(path) ? error : FileError(error.status, path, "\(action): \(error)")
        } else {
            let number = SystemError.number(error)
            self.init(number.map { Self.status($0, else: status) } ?? status, path, "\(action): \(plainWords(error))")
        }
    }

    private static func status(_ number: Int32, else status: CommandStatus) -> CommandStatus {
        switch number {
        case EACCES, EPERM: .noPermission
        case ENOSPC, EDQUOT, EIO, EFBIG, EPIPE, EBADF, ENOMEM, EMFILE, ENFILE: .inputOutput
        default: status
        }
    }
}
