import ZooKit

extension PluginDescription {
    /// Refuses a plugin that shares the host's Swift runtime and was built by another version of Swift.
    ///
    /// - Parameter file: the library, which says whether it shares the runtime.
    func checkToolchain(of file: String) throws {
        #if os(Linux)
            guard toolchain.hasPrefix("swift "), toolchain != ZooKit.toolchain,
                let needed = try? ELFFile(path: file).needed, needed.contains(where: { $0.hasPrefix("libswiftCore.") })
            else { return }
            throw ZooError(
                .failedPrecondition,
                "it was built by \(toolchain) and shares the Swift runtime with the host, which was built by \(ZooKit.toolchain); build "
                    + "it with \(ZooKit.toolchain), or with -static-stdlib")
        #endif
    }
}
