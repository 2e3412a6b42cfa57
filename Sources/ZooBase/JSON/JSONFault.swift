/// What is wrong with a JSON text, and where: `expected ':', found '1' (byte 6)`.
///
/// Whoever reads a file puts its name in front.
public struct JSONFault: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String
    /// From 1; nil if the fault has no place.
    public let byte: Int?

    public init(_ reason: String, byte: Int?) {
        self.reason = reason
        self.byte = byte
    }

    public var description: String { byte.map { "\(reason) (byte \($0))" } ?? reason }

    /// The same, of bytes that begin `offset` bytes into a file.
    package func moved(by offset: Int) -> JSONFault { JSONFault(reason, byte: byte.map { $0 + offset }) }
}
