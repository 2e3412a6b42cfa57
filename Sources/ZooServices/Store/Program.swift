import CZoo
import ZooBase
import ZooTensor

/// What of the program itself results depend on.
enum Program {
    /// Raise it with every change of the program after which an unchanged recipe gives other numbers: the cache is then
    /// recomputed, and a run started before cannot be resumed. The plugins, the ABI and libtorch have hashes and versions of
    /// their own.
    static let results = 2

    static func versions() -> [String: JSONValue] {
        [
            "results": .number(Double(results)), "contract": .string("\(ZOO_ABI_MAJOR).\(ZOO_ABI_MINOR)"),
            "libtorch": .string(Engine.version),
        ]
    }
}
