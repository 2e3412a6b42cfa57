import ZooRecords
import ZooTensor

extension Ledger {
    /// Records the process's memory at its end; `programBytes` is what it held before the first tensor, without its code, and
    /// `programHeap` the part of that on the heap.
    package mutating func noteMemory(programHeap: Int) {
        let heap = Engine.heapBytes - programHeap
        let resident = Engine.residentBytes - Engine.fileBackedBytes - programBytes
        dataBytes = max(0, heap - Engine.tensorBytes)
        // The allocator returns nothing, so resident memory that is not in use was in use before: by a pass, or by gradients that the
        // last update has freed, which are counted among what the roles hold.
        let freed = max(0, roles.values.reduce(0) { $0 + $1.heldBytes } - Engine.tensorBytes)
        keptBytes = max(0, resident - heap - transientBytes - freed)
        programBytes += Engine.fileBackedBytes
        processPeakBytes = Engine.peakBytes
    }
}
