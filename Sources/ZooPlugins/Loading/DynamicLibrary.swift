import CLtdl
import Foundation
import Synchronization
import ZooKit

/// A shared library opened through libltdl. Nothing is ever unloaded, because unloading a Swift library removes metadata
/// that the next cast would read.
struct DynamicLibrary {
    let path: String
    private let handle: lt_dlhandle

    /// Begins the cause when the system's loader gives it.
    static let cannotBeLoaded = "cannot be loaded: "

    /// libltdl keeps its handles and its last error in globals without a lock.
    private static let lock = Mutex(false)

    /// Opens the file at an absolute path. Throws with the loader's own cause.
    init(path: String) throws {
        self.path = path
        handle = try Self.lock.withLock { started in
            if !started {
                guard lt_dlinit() == 0 else { throw ZooError(.internal, "libltdl cannot start: \(Self.lastError)") }
                started = true
            }
            return try Self.open(path)
        }
    }

    private static func open(_ path: String) throws -> lt_dlhandle {
        // libltdl binds lazily and calls every failure "file not found"; this call binds everything and says what is missing.
        guard dlopen(path, RTLD_NOW | RTLD_LOCAL) != nil else {
            let cause = dlerror().map { String(cString: $0) } ?? "no cause given"
            throw ZooError(.failedPrecondition, "\(path): \(cannotBeLoaded)\(cause.replacing(path + ": ", with: ""))")
        }
        var advise: lt_dladvise?
        guard lt_dladvise_init(&advise) == 0, lt_dladvise_resident(&advise) == 0, lt_dladvise_local(&advise) == 0 else {
            throw ZooError(.internal, "libltdl cannot be advised: \(lastError)")
        }
        defer { lt_dladvise_destroy(&advise) }
        guard let handle = lt_dlopenadvise(path, advise) else {
            throw ZooError(.failedPrecondition, "\(path): \(cannotBeLoaded)\(lastError)")
        }
        return handle
    }

    private static var lastError: String { lt_dlerror().map { String(cString: $0) } ?? "no cause given" }

    /// The address of a symbol that this file itself defines; nil if it does not, even if a dependency does.
    func symbol(_ name: String) -> UnsafeMutableRawPointer? {
        guard let address = Self.lock.withLock({ _ in UInt(bitPattern: lt_dlsym(handle, name)) }).pointer else { return nil }
        var info = Dl_info()
        guard dladdr(address, &info) != 0, let file = info.dli_fname else { return nil }
        return PluginFile.areSame(String(cString: file), path) ? address : nil
    }
}

extension UInt {
    fileprivate var pointer: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: self) }
}
