import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

extension StageSetup {
    /// Refuses a stage whose networks cannot fit a GPU, before any of them is read there; the memory of the CPU was looked at before
    /// this process was started.
    func checkDeviceMemory() throws {
        guard device != .cpu else { return }
        let ranks = try Launch.ofWorker()?.size ?? 1
        let isEvaluated = spec.evaluates && recipe.evaluation != nil
        let check = MemoryCheck(recipe, stage, needs, isEvaluated: isEvaluated, ranks: ranks)
        try check.require(device.memory().available, of: "memory on \(device)", recipe, stage)
    }

    /// From now on, a tensor that does not fit ends the worker with its one error: what it was for, and which keys need less.
    func endWithoutMemory(in folder: RunFolder) {
        let (stage, device, path) = (stage, device, folder.url.path)
        OutOfMemory.whenItHappens { shortage in
            let free = device == .cpu ? AvailableMemory.bytes : try? device.memory().available
            let sentence = MemoryShortage(shortage.request, for: MemoryUse.now, stage, device: device.description, free: free)
                .sentence
            RunEvent.send(
                .failure(
                    code: ZooError.Code.aborted.rawValue,
                    message: sentence + "; `zoo train --resume \(path)` continues from its newest checkpoint, if it has one"))
            // Nothing is freed: that is the kernel's work, and the algorithm's instance is in the middle of a call.
            RunEvent.send(.ended)
            HostChannel.end(1)
            StandardStream.complain("zoo: error: \(sentence)")
            exit(CommandStatus.software.rawValue)
        }
    }
}

/// Why a run ended without memory, for its user.
package struct MemoryShortage {
    private let request: String
    private let use: MemoryUse?
    private let stage: Stage
    private let device: String
    private let free: Int?

    /// - Parameters:
    ///   - request: what could not be had, in a few words.
    ///   - use: what for; nil if that is not known.
    ///   - device: where.
    ///   - free: bytes that are available there; nil if that is not known.
    package init(_ request: String, for use: MemoryUse?, _ stage: Stage, device: String, free: Int?) {
        (self.request, self.use, self.stage, self.device, self.free) = (request, use, stage, device, free)
    }

    package var sentence: String {
        let place = device == "cpu" ? "of the machine's memory" : "on \(device)"
        return "stage '\(stage.name)': not enough memory for \(use?.words ?? "what this process does"): \(request)"
            + (free.map { ", \(memorySize($0)) \(place) are available" } ?? "") + "; \(advice)"
    }

    private var advice: String {
        let memory = stage.memory
        switch use {
        case .forward(let role, _) where ["reference", "teacher"].contains(role) || role == "reward" && stage.reward == nil:
            return "set microbatch_tokens below \(stage.microbatchTokens), which cuts passes"
        case .forward, .backward:
            let parts = [
                "set memory.activations below \(memory.activations.map(memorySize) ?? "its 1 GiB"), which cuts passes",
                memory.recompute ? nil : "memory.recompute to true, which keeps less of a pass",
                "microbatch_tokens below \(stage.microbatchTokens)",
            ]
            return parts.compactMap(\.self).joined(separator: ", or ")
        case .sampling(_, _, let tokens):
            return "draw fewer sequences at once (fewer prompts or a smaller group: parameters.\(stage.algorithm))"
                + (tokens > 0 ? ", or set rollout.max_new_tokens below \(tokens)" : "")
        case .reading, .update, nil:
            let parts = [
                stage.lora == nil ? "train an adapter (policy.lora.r: 16), which needs the trained weights once" : nil,
                memory.frozen == .float32 ? "hold what is frozen in 16 bits (memory.frozen: bfloat16)" : nil,
                "choose a smaller model",
            ]
            return parts.compactMap(\.self).joined(separator: ", or ")
        }
    }
}
