import Foundation

/// Far above any model in use: a config that asks for more is damaged or malicious.
enum ModelLimits {
    /// Layers of one kind; the deepest in use have some 130.
    static let layers = 4096

    /// Throws if the weights of a new network would not fit into this machine's memory, before any are made.
    ///
    /// - Parameter count: numbers, four bytes each.
    static func requireRoom(for count: Double) throws {
        let memory = Double(ProcessInfo.processInfo.physicalMemory)
        guard 4 * count > memory else { return }
        let (needed, there) = (4 * count / 0x1p30, memory / 0x1p30)
        throw ModelError(
            "a new network of \(String(format: "%.3g", count)) numbers needs \(String(format: "%.3g", needed)) GiB; this machine has "
                + "\(String(format: "%.3g", there)) GiB")
    }
}
