import CTorch
import Foundation
import Synchronization
import ZooBase

/// An operator whose result did not fit the memory. There is no way on in the middle of a pass: the process ends, with a sentence.
public struct OutOfMemory: Sendable {
    /// The operator.
    public let operation: String
    /// Bytes that it asked for; nil where only `cause` says that.
    public let bytes: Int?
    /// libtorch's words.
    public let cause: String

    /// How much was asked for, in a few words.
    public var request: String {
        if let bytes { return "\(memorySize(bytes)) were asked for" }
        // "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.20 GiB is free. Including …"
        guard let end = cause.range(of: " is free.")?.upperBound else { return cause }
        return String(cause[..<end].dropLast())
    }

    /// Ends the process with a sentence about what did not fit. Who knows what the process is doing sets it.
    ///
    /// It may not ask for much memory itself.
    public static func whenItHappens(_ end: @escaping @Sendable (OutOfMemory) -> Never) { ending.withLock { $0 = end } }

    private static let ending = Mutex<@Sendable (OutOfMemory) -> Never>(endPlainly)

    @Sendable private static func endPlainly(_ shortage: OutOfMemory) -> Never {
        StandardStream.complain("zoo: error: not enough memory: \(shortage.request) (\(shortage.operation))")
        exit(CommandStatus.software.rawValue)
    }

    func end() -> Never {
        let end = Self.ending.withLock { $0 }
        end(self)
    }
}

/// Stops with one message: memory ran out, or the operator was misused.
func stop(_ operation: StaticString, _ operands: [Tensor], _ message: String) -> Never {
    let asked = ct_memory_asked()
    if asked >= 0 { OutOfMemory(operation: "\(operation)", bytes: asked > 0 ? Int(asked) : nil, cause: message).end() }
    let shapes = operands.map(\.description).joined(separator: ", ")
    fatalError("\(operation)(\(shapes)): \(message)")
}
