import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe

/// A first recipe for somebody's model and data, as text with a comment for each line.
public struct RecipeDraft: Sendable {
    private let model: URL
    /// Numbers of the model.
    private let numbers: Int
    private let data: DraftData
    private let reward: DraftReward?
    private let algorithm: String
    private let budget: Budget
    private let needs: AlgorithmNeeds
    private let kind: DataKind
    private let trainsAdapter: Bool

    /// - Throws: a sentence about the answer that does not fit the others.
    public init(
        model: URL, data: DraftData, reward: DraftReward?, algorithm: String, budget: Budget, plugins: PluginCatalog
    ) throws {
        let folder = try Self.folder(model)
        (self.model, self.data, self.reward, self.algorithm, self.budget) = (model, data, reward, algorithm, budget)
        needs = try plugins.offer(algorithm).algorithm.needs
        guard let kind = data.kind(for: needs) else {
            throw ZooError(
                .invalidArgument,
                "algorithm: '\(algorithm)' learns from \(needs.data.map(\.rawValue).joined(separator: " or ")), and "
                    + "\(data.file.lastPathComponent) has \(data.words); expected one of "
                    + data.algorithms(of: plugins).joined(separator: ", "))
        }
        self.kind = kind
        guard reward != nil || !Self.needsReward(algorithm, plugins) else {
            throw ZooError(.invalidArgument, "reward: '\(algorithm)' needs one")
        }
        let base = try folder.base.map { try ModelFolder($0) } ?? folder
        numbers = base.weights.reduce(0) { $0 + $1.count }
        // Weights, gradients, the optimizer's two states and a frozen copy; a pass on top.
        trainsAdapter = Double(numbers) * 4 * 5 > 0.5 * Double(AvailableMemory.bytes)
    }

    /// Refuses a folder that is not a language model's.
    @discardableResult
    public static func folder(_ url: URL) throws -> ModelFolder {
        let folder = try ModelFolder(url)
        guard [.languageModel, .languageAdapter].contains(folder.kind) else {
            throw ZooError(
                .invalidArgument,
                "model: \(url.path) is \(folder.kind.rawValue); expected a language model's folder (config.json, "
                    + "tokenizer.json, model.safetensors)")
        }
        return folder
    }

    public static func needsReward(_ algorithm: String, _ plugins: PluginCatalog) -> Bool {
        (try? plugins.offer(algorithm).algorithm.needs.services.contains("zoo.reward/1")) ?? false
    }

    /// `100`, `100 updates`, `2 epochs`, `30m`, `2h`.
    public static func budget(_ text: String) throws -> Budget {
        let parts = text.trimmingCharacters(in: .whitespaces).lowercased().firstMatch(of: /^([0-9]*\.?[0-9]+)\s*([a-z_]*)$/)
        let units: [String: (Budget.Axis, Double)] = [
            "": (.updates, 1), "update": (.updates, 1), "updates": (.updates, 1), "iteration": (.iterations, 1),
            "iterations": (.iterations, 1), "epoch": (.epochs, 1), "epochs": (.epochs, 1), "s": (.seconds, 1),
            "seconds": (.seconds, 1),
            "m": (.seconds, 60), "min": (.seconds, 60), "minutes": (.seconds, 60), "h": (.seconds, 3600),
            "hours": (.seconds, 3600),
        ]
        if let parts, let number = Double(parts.1), number > 0, let (axis, factor) = units[String(parts.2)],
            ![.updates, .iterations].contains(axis) || number == number.rounded(), number * factor <= 1e9
        {
            return Budget(axis: axis, amount: number * factor)
        }
        throw ZooError(
            .invalidArgument,
            "budget: found '\(text)'; expected a number of updates (100), passes (2 epochs), or a time (30m, 2h)")
    }

    // MARK: - The text

    /// The recipe, as it is to stand in `file`.
    public func text(for file: URL) -> String {
        let place = file.deletingLastPathComponent().standardizedFileURL.path + "/"
        func path(_ url: URL) -> String {
            let full = url.standardizedFileURL.path
            return Self.word(full.hasPrefix(place) ? String(full.dropFirst(place.count)) : full)
        }
        var lines: [(String, String)] = [
            ("name: \(Self.name(file))", "names the runs' folders: runs/\(Self.name(file))-\(algorithm)-0-1"),
            ("seed: 0", "of the rows' order and of sampling"),
            ("threads: \(max(1, ProcessInfo.processInfo.activeProcessorCount))", "of the process that trains"),
            ("", ""), ("stages:", ""),
            ("  - name: tuned", "a later stage could say: policy: {from: tuned}"),
            ("    algorithm: \(algorithm)", "others: zoo plugins list; what this one is: zoo plugins show \(algorithm)"),
            ("    policy:", ""),
            (
                "      folder: \(FetchedModel.name(of: model) ?? path(model))",
                "the model that is trained, \(Self.count(numbers)) parameters"
            ),
            trainsAdapter
                ? ("      lora: \(Self.adapter)", "trains an adapter; without this line all weights are trained")
                : ("      # lora: \(Self.adapter)", "trains an adapter instead, with less memory; its learning_rate is 5e-4"),
        ]
        if let reward, needs.services.contains("zoo.reward/1") {
            lines.append(
                ("    rewards:", "what an answer is worth: a sum by weight; try it: zoo rewards try \(file.lastPathComponent)"))
            lines += reward.lines(path, recipe: file).map { ("      \($0.0)", $0.1) }
        }
        lines += [
            ("    data:", ""),
            ("      \(kind.rawValue): \(path(data.file))", "\(data.words); see them: zoo data inspect \(file.lastPathComponent)"),
            kind == .prompts
                ? ("      max_prompt_length: 512", "tokens; longer prompts keep their end")
                : ("      max_length: 1024", "tokens of prompt and answer; longer ones keep their start"),
        ]
        if samples || measured != nil {
            lines.append(("    rollout: {max_new_tokens: 128, temperature: 1}", "longest answer in tokens, and how it is drawn"))
        }
        if let own = Self.parameters[algorithm] {
            lines += [("    parameters:", ""), ("      \(algorithm): \(own.0)", own.1)]
        }
        lines += [
            ("    optimizer: {learning_rate: \(rate), max_gradient_norm: 1}", "the first number to try others of"),
            ("    budget: {\(budget.axis.rawValue): \(Self.number(budget.amount))}", Self.words(budget)),
            ("    checkpoints: {every: 50}", "iterations; a stopped run goes on from there"),
        ]
        lines += evaluation(path)
        return """
            # What a run will cost:   zoo train \(file.lastPathComponent) --dry-run
            # Train it:               zoo train \(file.lastPathComponent)
            # Change one number:      zoo train \(file.lastPathComponent) --set optimizer.learning_rate=5e-6
            # Every key:              zoo recipe keys


            """ + Self.aligned(lines)
    }

    private var samples: Bool { needs.services.contains("zoo.rollout/1") }
    /// Prompts to sample for before and after training, and whether they are held out.
    private var measured: (file: URL, isHeldOut: Bool)? {
        if let held = data.heldOut, DataKind.prompts.shapes.contains(held.shape) { return (held.file, true) }
        return kind == .prompts ? (data.file, false) : nil
    }

    private func evaluation(_ path: (URL) -> String) -> [(String, String)] {
        if let (file, isHeldOut) = measured {
            var lines = [
                ("", ""), ("evaluation:", "before and after training, the same for every algorithm"),
                (
                    "  prompts: \(path(file))",
                    isHeldOut ? "held-out prompts" : "THESE ARE TRAINED ON: name a file of held-out prompts here"
                ), ("  count: 32", "of them, from the first"),
            ]
            if let reward, reward.isVerifier {
                lines.append(("  gold:", "what is measured, here the same as the reward"))
                lines += reward.lines(path, recipe: data.file).map { ("    \($0.0)", $0.1) }
            }
            return lines
        }
        guard let held = data.heldOut, kind.shapes.contains(held.shape) else { return [] }
        return [
            ("", ""), ("evaluation:", ""),
            ("  \(kind.rawValue): \(path(held.file))", "held-out rows: the algorithm's own loss on them"),
        ]
    }

    /// Sizes of a batch that fit small machines, with what they mean.
    private static let parameters: [String: (String, String)] = [
        "grpo": ("{prompts: 4, samples: 8, beta: 0.02}", "prompts of an iteration, answers to each, pull to the initial model"),
        "rloo": ("{prompts: 4, samples: 8}", "prompts of an iteration, answers to each"),
        "ppo": (
            "{prompts: 16, samples: 1}", "prompts of an iteration, answers to each; baseline: batch_mean leaves out the critic"
        ),
        "online-dpo": ("{prompts: 8}", "prompts of an iteration"),
        "dpo": ("{pairs: 8, beta: 0.1}", "pairs of an update, pull to the initial model"),
        "kto": ("{examples: 16}", "examples of an update"),
        "sft": ("{examples: 8}", "examples of an update"),
    ]

    private static let adapter = "{r: 16, target_modules: all-linear}"

    /// As far as small experience goes; larger models want less.
    private var rate: String {
        if trainsAdapter { return "5e-4" }
        let isLarge = numbers > 500_000_000
        return algorithm == "sft" ? (isLarge ? "1e-5" : "2e-5") : isLarge ? "1e-6" : "1e-5"
    }

    // MARK: - Words

    /// The file's name as a recipe can be called.
    private static func name(_ file: URL) -> String {
        let name = file.deletingPathExtension().lastPathComponent.map {
            $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-"
        }
        return name.first?.isLetter == true ? String(name) : "r\(String(name))"
    }

    private static func word(_ text: String) -> String {
        text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) } && text.first != "-"
            ? text : JSONText.quoted(text)
    }

    private static func number(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

    private static func count(_ value: Int) -> String {
        value < 1_000_000
            ? "\(value)"
            : value < 1_000_000_000 ? "\(value / 1_000_000) million" : String(format: "%.1f billion", Double(value) / 1e9)
    }

    private static func words(_ budget: Budget) -> String {
        switch budget.axis {
        case .seconds: "of training; or updates, iterations, epochs"
        case .epochs: "passes over the rows; or updates, iterations, seconds"
        default: "how long to train; or epochs, seconds"
        }
    }

    /// Comments in one column, where the line is not too long for that.
    private static func aligned(_ lines: [(String, String)]) -> String {
        let column = 56
        return lines.map { line, comment in
            guard !comment.isEmpty else { return line + "\n" }
            return line.padding(toLength: max(column, line.count + 2), withPad: " ", startingAt: 0) + "# \(comment)\n"
        }.joined()
    }
}
