import CZoo

/// An error that crosses the plugin boundary: a status code and one sentence (what, where, expected, found, fix).
public struct ZooError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The absl numbering of `zoo/base.h`.
    public enum Code: Int32, Sendable {
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
        case dataLoss = 15
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

extension ZooError {
    /// Runs `body` with a caller-owned `zoo_error` and throws what it reports.
    public static func check(_ call: String, _ body: (UnsafeMutablePointer<zoo_error>) -> Int32) throws {
        var error = zoo_error()
        error.size = UInt32(MemoryLayout<zoo_error>.size)
        let status = body(&error)
        guard status != ZOO_OK else { return }
        throw ZooError(
            Code(rawValue: status) ?? .unknown, error.text.isEmpty ? "\(call) failed with status \(status)" : error.text)
    }

    /// Runs `body` for a caller in C: an error it throws becomes a status and a message in `error`, which may be NULL.
    public static func status(_ error: UnsafeMutablePointer<zoo_error>?, _ body: () throws -> Void) -> Int32 {
        do {
            try body()
            return ZOO_OK
        } catch let thrown as ZooError {
            error?.pointee.set(thrown.code.rawValue, thrown.message)
            return thrown.code.rawValue
        } catch is CancellationError {
            error?.pointee.set(ZOO_CANCELLED, "the run was asked to stop")
            return ZOO_CANCELLED
        } catch let thrown {
            error?.pointee.set(ZOO_INTERNAL, "\(thrown)")
            return ZOO_INTERNAL
        }
    }
}

extension zoo_error {
    /// The message, as far as it is valid UTF-8.
    var text: String {
        withUnsafeBytes(of: msg) { bytes in String(decoding: bytes.prefix(min(Int(len), bytes.count)), as: UTF8.self) }
    }

    /// Writes a code and a message, cut to the size that the caller declared, at a character's border.
    mutating func set(_ code: Int32, _ message: String) {
        guard size >= UInt32(MemoryLayout<zoo_error>.offset(of: \.msg) ?? 16) else { return }
        self.code = code
        let header = MemoryLayout<zoo_error>.offset(of: \.msg) ?? 16
        let room = min(Int(size), MemoryLayout<zoo_error>.size) - header
        var bytes = Array(message.utf8.prefix(room))
        while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
        len = UInt32(bytes.count)
        withUnsafeMutableBytes(of: &msg) { $0.copyBytes(from: bytes) }
    }
}

extension zoo_str {
    /// The text, or nil where it is not valid UTF-8 or its pointer is missing.
    public var string: String? {
        guard len > 0 else { return "" }
        guard let ptr, len < UInt64(Int32.max) else { return nil }
        return String(validating: UnsafeRawBufferPointer(start: ptr, count: Int(len)), as: UTF8.self)
    }
}

extension String {
    /// Runs `body` with the text as a `zoo_str` that lives for the call.
    public func withZooString<R>(_ body: (zoo_str) throws -> R) rethrows -> R {
        var text = self
        return try text.withUTF8 { bytes in
            try bytes.withMemoryRebound(to: CChar.self) { try body(zoo_str(ptr: $0.baseAddress, len: UInt64($0.count))) }
        }
    }
}
