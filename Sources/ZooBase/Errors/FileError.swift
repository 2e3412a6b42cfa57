import Foundation

/// An error about a file, a folder or a stream, as one sentence that starts with its path.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kind of error, which decides the exit status of the command.
    public enum Kind: Sendable {
        /// The input does not exist or is not a regular file.
        case noInput
        /// What was to be written cannot be made.
        case cannotCreate
        /// Reading or writing failed half-way, for instance on a full disk.
        case inputOutput
        /// Permission denied.
        case noPermission
    }

    public let kind: Kind
    public let path: String
    public let reason: String

    public init(_ kind: Kind, _ path: String, _ reason: String) {
        self.kind = kind
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }

    /// - Parameter number: of `errno`.
    init(reading path: String, _ number: Int32) {
        let reason = number == ENOENT ? "there is no such file" : "cannot be read: \(SystemError.words(number))"
        self.init(Self.kind(number, else: .noInput), path, reason)
    }

    init(writing path: String, _ number: Int32) {
        self.init(Self.kind(number, else: .cannotCreate), path, "cannot be written: \(SystemError.words(number))")
    }

    /// - Parameter error: of the system or of Foundation; if it already is a sentence, that sentence.
    public init(reading path: String, _ error: any Error) {
        self.init(path, "cannot be read", error, else: .noInput)
    }

    /// - Parameter error: of the system or of Foundation; if it already is a sentence, that sentence.
    public init(writing path: String, _ error: any Error) {
        self.init(path, "cannot be written", error, else: .cannotCreate)
    }

    private init(_ path: String, _ action: String, _ error: any Error, else kind: Kind) {
        if let error = error as? FileError {
            self = error.path.hasPrefix(path) ? error : FileError(error.kind, path, "\(action): \(error)")
        } else {
            let number = SystemError.number(error)
            self.init(number.map { Self.kind($0, else: kind) } ?? kind, path, "\(action): \(plainWords(error))")
        }
    }

    private static func kind(_ number: Int32, else kind: Kind) -> Kind {
        switch number {
        case EACCES, EPERM: .noPermission
        case ENOSPC, EDQUOT, EIO, EFBIG, EPIPE, EBADF, ENOMEM, EMFILE, ENFILE: .inputOutput
        default: kind
        }
    }
}
