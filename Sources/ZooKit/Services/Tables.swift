import CZoo

/// The field of a table that someone else made, or nil where the table ends before it or the field is NULL.
///
/// Reads nothing beyond the size that the table's maker declared, so a table may end where memory ends.
func field<Table, Field>(_ table: UnsafePointer<Table>, _ path: KeyPath<Table, Field?>) -> Field? {
    guard let offset = MemoryLayout<Table>.offset(of: path) else { return nil }
    let raw = UnsafeRawPointer(table)
    let size = Int(raw.load(as: UInt32.self))
    guard size >= offset + MemoryLayout<Field?>.size else { return nil }
    return raw.load(fromByteOffset: offset, as: Field?.self)
}

/// A service of the host: its table, and the means to call it and to give back what it hands out.
struct Service<Table> {
    let id: String
    let table: UnsafePointer<Table>
    let host: UnsafePointer<zoo_host_v1>
    let context: UnsafeMutableRawPointer?

    init(_ id: String, host: UnsafePointer<zoo_host_v1>, context: (UnsafePointer<Table>) -> UnsafeMutableRawPointer?) throws {
        guard let find = field(host, \.get_extension), let found = find(field(host, \.ctx), id) else {
            throw ZooError(.unavailable, "this host does not offer the service '\(id)', which the algorithm needs")
        }
        self.id = id
        self.host = host
        table = found.assumingMemoryBound(to: Table.self)
        self.context = context(table)
    }

    /// The function behind `path`, or an error where this host is too old to have it.
    func function<Function>(_ name: String, _ path: KeyPath<Table, Function?>) throws -> Function {
        guard let function = field(table, path) else {
            throw ZooError(.unavailable, "this host's service '\(id)' has no function '\(name)'; a newer host is needed")
        }
        return function
    }

    /// Calls a function that hands out a batch, copies the batch and gives it back.
    func batch(
        _ name: String, _ call: (UnsafeMutablePointer<UnsafePointer<zoo_batch>?>, UnsafeMutablePointer<zoo_error>) -> Int32
    ) throws -> Batch {
        try handedOut(name, call) { try Batch(copying: $0) }
    }

    /// Calls a function that hands out a list of arrays, copies them and gives the list back.
    func columns(
        _ name: String, sequences: Int, steps: Int,
        _ call: (UnsafeMutablePointer<UnsafePointer<zoo_list>?>, UnsafeMutablePointer<zoo_error>) -> Int32
    ) throws -> [Column] {
        try handedOut(name, call) { list in
            guard list.pointee.size >= UInt32(MemoryLayout<zoo_list>.size) else {
                throw ZooError(.internal, "\(id) \(name) handed out a truncated list")
            }
            return try UnsafeBufferPointer(start: list.pointee.arrays, count: Int(list.pointee.n)).map {
                try Column(copying: $0, sequences: sequences, steps: steps)
            }
        }
    }

    private func handedOut<Object, Copy>(
        _ name: String, _ call: (UnsafeMutablePointer<UnsafePointer<Object>?>, UnsafeMutablePointer<zoo_error>) -> Int32,
        copy: (UnsafePointer<Object>) throws -> Copy
    ) throws -> Copy {
        var object: UnsafePointer<Object>?
        defer { if let object { field(host, \.release)?(field(host, \.ctx), object) } }
        try ZooError.check("\(id) \(name)") { call(&object, $0) }
        guard let object else { throw ZooError(.internal, "\(id) \(name) reported success and handed out nothing") }
        return try copy(object)
    }
}
