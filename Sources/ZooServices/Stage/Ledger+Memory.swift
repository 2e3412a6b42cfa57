import ZooRecords
import ZooTensor

extension Ledger {
    /// Records the process's memory at its end; `programBytes` is what it held before the first tensor, without its code, and
    /// `programHeap` the part of that on the heap. Where the networks are on another device, that has an account of its own.
    package mutating func noteMemory(programHeap: Int, device: Device) throws {
        let heap = Engine.heapBytes - programHeap
        let resident = Engine.residentBytes - Engine.fileBackedBytes - programBytes
        dataBytes = max(0, heap - Engine.tensorBytes)
        // The allocator returns nothing, so resident memory that is not in use was in use before: by a pass, or by gradients that the
        // last update has freed, which are counted among what the roles hold. What is on another device is in neither.
        let freed = max(0, roles.values.reduce(0) { $0 + $1.heldBytes } - Engine.tensorBytes)
        keptBytes = max(0, resident - heap - (device == .cpu ? transientBytes + freed : 0))
        programBytes += Engine.fileBackedBytes
        processPeakBytes = Engine.peakBytes
        guard device != .cpu else { return }
        let found = try device.memory()
        self.device = DeviceMemory(
            name: device.description, peakBytes: found.mostTaken, availableBytes: found.available + found.held,
            totalBytes: found.total)
    }
}
