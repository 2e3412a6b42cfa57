import Foundation
import ZooBase

/// The library that reads Parquet: that of Apache Arrow, with five functions of Sources/CParquet in front, which `make parquet`
/// puts into the cache. It is opened when the first Parquet file is, and nothing is linked against it.
package struct ParquetLibrary: Sendable {
    /// Of pyarrow, whose wheel has the library; pinned in the Makefile too.
    package static let version = "26.0.1"
    /// Of the five functions; named in the Makefile too.
    private static let interface = 1

    typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>, Int) -> OpaquePointer?
    typealias Rows = @convention(c) (OpaquePointer) -> Int64
    typealias Unread = @convention(c) (OpaquePointer) -> UnsafePointer<CChar>
    typealias Next =
        @convention(c) (
            OpaquePointer, UnsafeMutablePointer<UnsafePointer<UInt8>?>, UnsafeMutablePointer<UnsafePointer<Int64>?>,
            UnsafeMutablePointer<CChar>, Int
        ) -> Int64
    typealias Close = @convention(c) (OpaquePointer) -> Void

    let open: Open
    let rows: Rows
    let unread: Unread
    let next: Next
    let close: Close

    /// Where it is searched: in the cache of POLICYZOO_CACHE, then in the user's.
    private static var places: [URL] {
        #if canImport(Darwin)
            let file = "libzooparquet-\(interface).dylib"
        #else
            let file = "libzooparquet-\(interface).so"
        #endif
        return [CacheFolder.root, CacheFolder.user].map { $0.appending(path: "arrow-\(version)/\(file)") }
    }

    /// Opens the library, once per process.
    /// - Throws: ``FileError`` that says how to get it.
    package static func load() throws -> ParquetLibrary { try loaded.get() }

    private static let loaded = Result<ParquetLibrary, FileError> { () throws(FileError) in
        guard let file = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw FileError(.noInput, places.last?.path ?? "", "is missing, which reads Parquet; get it with `make parquet`")
        }
        guard let handle = dlopen(file.path, RTLD_NOW | RTLD_LOCAL) else {
            throw FileError(
                .noInput, file.path, "cannot be opened: \(String(cString: dlerror())); remove it and run `make parquet`")
        }
        func function<Function>(_ name: String, _: Function.Type) throws(FileError) -> Function {
            guard let symbol = dlsym(handle, "zoo_parquet_\(name)") else {
                throw FileError(
                    .noInput, file.path, "is damaged: it has no zoo_parquet_\(name); remove it and run `make parquet`")
            }
            return unsafeBitCast(symbol, to: Function.self)
        }
        return ParquetLibrary(
            open: try function("open", Open.self), rows: try function("rows", Rows.self),
            unread: try function("unread", Unread.self), next: try function("next", Next.self),
            close: try function("close", Close.self))
    }
}
