import ZooRecords
import ZooTensor

extension Ledger {
    /// Takes account of the process's memory at its end; `programBytes` is what it held before the first tensor, without its code, and
    /// `programHeap` the part of that on the heap.
    mutating func noteMemory(programHeap: Int) {
        let heap = Engine.heapBytes - programHeap
        let resident = Engine.residentBytes - Engine.fileBackedBytes - programBytes
        dataBytes = max(0, heap - Engine.tensorBytes)
        // The allocator gives nothing back, so that what is resident and not in use has been in use.
        keptBytes = max(0, resident - heap - transientBytes)
        programBytes += Engine.fileBackedBytes
        processPeakBytes = Engine.peakBytes
    }
}
