// A plugin's source uses exp, log and sqrt as a paper does; with this it needs no import that depends on the platform.
#if canImport(Glibc)
    @_exported import Glibc
#elseif canImport(Musl)
    @_exported import Musl
#else
    @_exported import Darwin
#endif
