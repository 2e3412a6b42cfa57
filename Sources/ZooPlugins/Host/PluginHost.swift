import CZoo

/// The owner of a host's table: a run's `HostTable`, or the altered tables of the conformance bench.
public protocol PluginHost: AnyObject {
    /// The table for `create`; valid as long as this object lives.
    var table: UnsafePointer<zoo_host_v1> { get }
}

/// Whether the maker of the size-prefixed struct at `pointer` knew `field`: ZOO_HAS in Swift.
func declares<Table, Field>(_ pointer: UnsafePointer<Table>, _ field: KeyPath<Table, Field>) -> Bool {
    guard let offset = MemoryLayout<Table>.offset(of: field) else { return false }
    let size = UnsafeRawPointer(pointer).loadUnaligned(as: UInt32.self)
    return Int(size) >= offset + MemoryLayout<Field>.size
}
