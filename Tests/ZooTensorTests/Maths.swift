import Foundation

func exponential(_ x: Double) -> Double { Foundation.exp(x) }
func logNatural(_ x: Double) -> Double { Foundation.log(x) }
func cos(_ x: Double) -> Double { Foundation.cos(x) }
func sin(_ x: Double) -> Double { Foundation.sin(x) }

/// Where this target's recorded numbers lie.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

/// A folder of its own that is removed after `body`.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("zoo-tensor-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

#if canImport(Glibc)
    let fileSizeLimit = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
    let fileSizeLimit = RLIMIT_FSIZE
#endif
func hyperbolicTangent(_ x: Double) -> Double { Foundation.tanh(x) }
func exitNow(_ status: Int32) -> Never { Foundation.exit(status) }
