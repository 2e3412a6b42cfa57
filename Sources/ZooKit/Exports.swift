// What a plugin's source needs besides ZooKit itself, so that it imports nothing else: the C types of the one function it exports, and
// exp, log and sqrt, without an import that depends on the platform.
@_exported import CZoo

#if canImport(Glibc)
    @_exported import Glibc
#elseif canImport(Musl)
    @_exported import Musl
#else
    @_exported import Darwin
#endif
