import CTorch

/// Settings of the process as a whole.
public enum Engine {
    /// Call once, before the first tensor: keeps freed memory for reuse and sets the number of threads of an operator.
    public static func configure(threads: Int) {
        ct_configure_process()
        ct_set_threads(Int32(clamping: threads))
    }

    public static var threads: Int { Int(ct_threads()) }

    /// The most memory this process ever held, in bytes.
    public static var peakBytes: Int { Int(ct_peak_resident_bytes()) }

    /// The memory that this process holds now, in bytes; 0 if the system does not say.
    public static var residentBytes: Int { Int(ct_resident_bytes()) }

    /// Of these, what is mapped from files: the code and constants of the program and its libraries, read in as they are first used.
    public static var fileBackedBytes: Int { Int(ct_file_backed_bytes()) }

    /// Bytes of the heap in use, tensors included; 0 if the system does not say.
    public static var heapBytes: Int { Int(ct_heap_bytes()) }

    /// Bytes of CPU tensors that exist now; counted from `configure` on.
    public static var tensorBytes: Int { Int(ct_memory_held()) }

    /// Runs `body` and gives the most tensor bytes that existed meanwhile beyond those that existed before or remain. Calls do not
    /// nest.
    public static func transientBytes<Result>(of body: () throws -> Result) rethrows -> (result: Result, bytes: Int) {
        ct_memory_reset_peak()
        let before = ct_memory_held()
        let result = try body()
        return (result, Int(ct_memory_peak() - max(before, ct_memory_held())))
    }

    /// Whether operators of a GPU use only kernels that give the same bits each time. One that has no such kernel stops the process, and
    /// names this. On the CPU all do.
    public static var isDeterministic: Bool {
        get { ct_deterministic() }
        set { ct_set_deterministic(newValue) }
    }

    /// What a piece of work takes that no other program or machine changes.
    public struct Work: Sendable, Equatable {
        /// Calls of operators, allocations of tensors, and bytes of those.
        public var operators, allocations, bytes: Int
        /// Bytes of tensors that are there after it and were not before.
        public var kept: Int

        public init(operators: Int, allocations: Int, bytes: Int, kept: Int = 0) {
            (self.operators, self.allocations, self.bytes, self.kept) = (operators, allocations, bytes, kept)
        }
    }

    /// Of `body` on this thread.
    public static func work(of body: () throws -> Void) rethrows -> Work {
        let before = ct_work()
        try body()
        let after = ct_work()
        return Work(
            operators: Int(after.operators - before.operators), allocations: Int(after.allocations - before.allocations),
            bytes: Int(after.bytes - before.bytes), kept: Int(after.kept - before.kept))
    }

    /// Of libtorch, for example "2.13.0".
    public static var version: String { String(cString: ct_version()) }
}
