import Foundation

/// An amount of memory for people: `1.3 GiB`, `512.0 KiB`.
package func memorySize(_ bytes: Int) -> String {
    let units = ["KiB", "MiB", "GiB"]
    let power = units.indices.last { bytes >= 1 << (10 * ($0 + 1)) } ?? 0
    return String(format: "%.1f \(units[power])", Double(bytes) / Double(1 << (10 * (power + 1))))
}
