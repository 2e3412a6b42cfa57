import Foundation
import ZooBase
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe

/// What the networks of a stage hold at least, from the headers of their weights.
struct MemoryCheck {
    private struct Part {
        var what: String
        var numbers: Int
        var bytes: Int
    }

    private var parts: [Part] = []
    private let isAdapter: Bool
    private let isHalf: Bool
    private static let number = MemoryLayout<Float>.size

    /// - Parameters:
    ///   - isEvaluated: whether the trained policy is compared with the reference.
    ///   - ranks: that train it, each of which holds a part of a large optimizer's state.
    init(_ recipe: Recipe, _ stage: Stage, _ needs: AlgorithmNeeds, isEvaluated: Bool, ranks: Int = 1) {
        isAdapter = stage.lora != nil
        let trainsReward = needs.trainedRole == "reward"
        let trained = trainsReward ? stage.reward ?? stage.policy : stage.policy
        var seen: [URL] = []
        let frozenBytes = stage.memory.frozen == .float32 ? Self.number : Self.number / 2
        let copyBytes = stage.memory.trained == .float32 ? 0 : Self.number / 2
        isHalf = stage.memory.frozen != .float32
        /// A network that nobody shares.
        ///
        /// - Parameter states: numbers that the optimizer holds for each; nil: frozen.
        func add(_ what: String, _ source: ModelSource?, states: Int? = nil) {
            guard let source, let (folder, numbers) = Self.numbers(source, recipe) else { return }
            seen.append(folder)
            var bytes = numbers * (states == nil ? frozenBytes : 2 * Self.number + copyBytes)
            if let states {
                let whole = numbers * states * Self.number
                bytes += whole > stage.memory.shardOptimizer ? whole / ranks : whole
            }
            parts.append(Part(what: what, numbers: numbers, bytes: bytes))
        }
        let settings = stage.optimizer[needs.trainedRole] ?? stage.optimizer["policy"]
        let states = settings?.optim == .sgd ? 0 : 2
        add(
            isAdapter
                ? "the frozen weights under the adapter" : "weights, gradients\(states > 0 ? " and the optimizer's state" : "")",
            trained, states: isAdapter ? nil : states)
        if !trainsReward, needs.roles.contains("reference") || isEvaluated {
            let source = stage.reference ?? stage.policy
            // An adapter's base is the reference too.
            if !(isAdapter && Self.numbers(source, recipe).map { seen.contains($0.folder) } ?? false) {
                add("the reference", source)
            }
        }
        if needs.roles.contains("teacher") { add("the teacher", stage.teacher) }
        for reward in stage.rewards where reward.function == RewardSpec.model { add("reward '\(reward.name)'", reward.source) }
    }

    /// Throws if they hold more than is available of that.
    func require(_ available: Int, of what: String, _ recipe: Recipe, _ stage: Stage) throws {
        guard bytes > available else { return }
        throw ZooError(
            .failedPrecondition,
            "\(recipe.file.path): stage '\(stage.name)' needs at least \(sentence), and \(memorySize(available)) of \(what) "
                + "are available; \(advice)")
    }

    var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    var sentence: String {
        let list = parts.map { "\(memorySize($0.bytes)) for \($0.what) (\(millions($0.numbers)) parameters)" }
        return "\(memorySize(bytes)): \(list.joined(separator: ", "))"
    }

    var advice: String {
        isAdapter
            ? (isHalf ? "" : "hold what is frozen in 16 bits (--set memory.frozen=bfloat16), ")
                + "choose a smaller model, or another machine"
            : "train an adapter (--set policy.lora.r=16), which needs the weights once, or choose a smaller model"
    }

    /// The folder that a source's weights come from, and how many numbers it holds; nil where that is not known yet, or where reading it
    /// will say what is wrong.
    private static func numbers(_ source: ModelSource, _ recipe: Recipe) -> (folder: URL, count: Int)? {
        switch source {
        case .new: return nil
        case .stage(let name):
            guard let stage = recipe.stages.first(where: { $0.name == name.prefix { $0 != "/" } }) else { return nil }
            return numbers(stage.reward ?? stage.policy, recipe)
        case .folder(let url):
            guard let folder = try? ModelFolder(url) else { return nil }
            let whole = folder.base.flatMap { try? ModelFolder($0) } ?? folder
            return (whole.url.resolvingSymlinksInPath().standardizedFileURL, whole.weights.reduce(0) { $0 + $1.count })
        }
    }
}

private func millions(_ count: Int) -> String {
    count < 1_000_000_000
        ? String(format: "%.1f million", Double(count) / 1e6) : String(format: "%.1f billion", Double(count) / 1e9)
}
