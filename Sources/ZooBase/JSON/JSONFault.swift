/// A fault of a JSON text and its location: `expected ':', found '1' (byte 6)`.
///
/// The reader of a file adds its name.
public struct JSONFault: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String
    /// From 1; nil if the fault has no location.
    public let byte: Int?

    public init(_ reason: String, byte: Int?) {
        self.reason = reason
        self.byte = byte
    }

    public var description: String { byte.map { "\(reason) (byte \($0))" } ?? reason }

    /// The same for bytes that start `offset` bytes into a file.
    package func moved(by offset: Int) -> JSONFault { JSONFault(reason, byte: byte.map { $0 + offset }) }
}
