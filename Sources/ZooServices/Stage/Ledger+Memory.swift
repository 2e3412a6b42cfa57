import ZooRecords
import ZooTensor

extension Ledger {
    /// Records the process's memory at its end; `programBytes` is what it held before the first tensor, without its code, and
    /// `programHeap` the part of that on the heap.
    package mutating func noteMemory(programHeap: Int) {
        let heap = Engine.heapBytes - programHeap
        let resident = Engine.residentBytes - Engine.fileBackedBytes - programBytes
        dataBytes = max(0, heap - Engine.tensorBytes)
        // The allocator returns nothing, so resident memory that is not in use was in use before.
        keptBytes = max(0, resident - heap - transientBytes)
        programBytes += Engine.fileBackedBytes
        processPeakBytes = Engine.peakBytes
    }
}
