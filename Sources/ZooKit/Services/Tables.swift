import CZoo

/// The field of a table that someone else made, or nil where the table ends before it or the field is NULL.
func field<Table, Field>(_ table: UnsafePointer<Table>, _ path: KeyPath<Table, Field?>) -> Field? { Sized(table)?[path] }

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
            let what = "the list that \(id) \(name) handed out"
            let arrays = try Sized(list)?.required(\.arrays, what)
            guard let count = Sized(list)?[\.n], count <= 4096, count == 0 || arrays != nil else {
                throw ZooError(.internal, "\(what) has no arrays, or more than 4096")
            }
            return try UnsafeBufferPointer(start: arrays, count: Int(count)).map {
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
