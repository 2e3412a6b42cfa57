import CZoo

/// A size-prefixed struct that someone else made, read field by field within the size that its maker declared: so memory may end where
/// the struct does, and a maker of another minor version is understood as far as both know the struct.
public struct Sized<Table> {
    private let raw: UnsafeRawPointer
    /// Bytes that its maker declared.
    public let size: Int

    /// nil where the pointer is NULL.
    public init?(_ pointer: UnsafePointer<Table>?) {
        guard let pointer else { return nil }
        raw = UnsafeRawPointer(pointer)
        size = Int(raw.load(as: UInt32.self))
    }

    /// Whether the maker knew the field: ZOO_HAS.
    public func has<Field>(_ path: KeyPath<Table, Field>) -> Bool {
        MemoryLayout<Table>.offset(of: path).map { size >= $0 + MemoryLayout<Field>.size } ?? false
    }

    /// The field, or nil where the struct ends before it.
    public subscript<Field>(_ path: KeyPath<Table, Field>) -> Field? {
        guard has(path), let offset = MemoryLayout<Table>.offset(of: path) else { return nil }
        return raw.load(fromByteOffset: offset, as: Field.self)
    }

    /// The field, or nil where the struct ends before it or the field is NULL.
    public subscript<Field>(_ path: KeyPath<Table, Field?>) -> Field? {
        guard has(path), let offset = MemoryLayout<Table>.offset(of: path) else { return nil }
        return raw.load(fromByteOffset: offset, as: Field?.self)
    }

    /// The field; throws where the struct ends before it. `what` names the struct in the message.
    public func required<Field>(_ path: KeyPath<Table, Field>, _ what: String) throws -> Field {
        guard let offset = MemoryLayout<Table>.offset(of: path), has(path) else {
            let needed = (MemoryLayout<Table>.offset(of: path) ?? 0) + MemoryLayout<Field>.size
            throw ZooError(.invalidArgument, "\(what) is \(size) bytes long; expected at least \(needed)")
        }
        return raw.load(fromByteOffset: offset, as: Field.self)
    }
}

extension UnsafeMutablePointer {
    /// Writes a field of a size-prefixed struct that the caller made, where the caller's size holds it.
    public func fill<Field>(_ path: WritableKeyPath<Pointee, Field>, _ value: Field) {
        guard let offset = MemoryLayout<Pointee>.offset(of: path) else { return }
        let raw = UnsafeMutableRawPointer(self)
        guard Int(raw.load(as: UInt32.self)) >= offset + MemoryLayout<Field>.size else { return }
        raw.storeBytes(of: value, toByteOffset: offset, as: Field.self)
    }
}
