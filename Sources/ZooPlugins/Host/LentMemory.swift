import CZoo
import ZooKit

/// Memory that knows what it is lent for, as a bench needs that guards it.
package protocol LentMemory: Arena {
    func lend(_ batch: UnsafePointer<zoo_batch>)
    func lend(_ list: UnsafePointer<zoo_list>)
    func lend(_ call: UnsafePointer<zoo_loss_call>)
    func lend(_ call: UnsafePointer<zoo_reward_call>)
    /// Bytes for one call, such as the text of parameters.
    func lend(_ bytes: [UInt8], as name: String) -> UnsafePointer<UInt8>
}

extension Arena {
    /// A text for one call.
    func lend(_ text: String, as name: String) -> zoo_str {
        guard let memory = self as? any LentMemory else { return copy(text) }
        let bytes = memory.lend(Array(text.utf8), as: name)
        return zoo_str(ptr: UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self), len: UInt64(text.utf8.count))
    }
}
