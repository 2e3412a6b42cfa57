import Foundation
import ZooBase
import ZooData
import ZooModels
import ZooPlugins

extension Recipe {
    /// The keys of a whole recipe; any other path of `--set` begins in the last stage.
    static let keys = ["name", "about", "seed", "device", "threads", "task", "stages", "evaluation", "compare", "probe"]

    /// The whole recipe as YAML, defaults written out and paths absolute. Reading it again gives the same recipe.
    public func resolvedYAML() -> String { node.yamlLines(indent: 0).joined(separator: "\n") + "\n" }

    /// The recipe as a node tree, as ``RecipeReader`` reads it.
    package var node: RecipeNode {
        .map([
            ("name", .text(name)), ("about", about.isEmpty ? nil : .text(about)), ("seed", .number(seed)),
            ("device", .text(device)),
            ("threads", .number(threads)), ("task", task?.node), ("stages", .list(stages.map(\.node))),
            ("evaluation", evaluation?.node), ("compare", compare?.node), ("probe", probe?.node),
        ])
    }
}

extension TaskSpec {
    fileprivate var node: RecipeNode {
        .map([("name", .text(name))] + settings.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })
    }
}

extension Stage {
    package var node: RecipeNode {
        let byAlgorithm = parameters.sorted { $0.key < $1.key }.map { ($0.key, RecipeNode(.object($0.value)) as RecipeNode?) }
        return .map([
            ("name", .text(name)), ("algorithm", .text(algorithm)), ("parameters", byAlgorithm.isEmpty ? nil : .map(byAlgorithm)),
            ("policy", .map([policy.entry, ("lora", lora?.node)])), ("reference", reference?.node), ("teacher", teacher?.node),
            ("critic", critic?.node),
            ("reward", reward.map { .map([$0.entry, ("pooling", pooling.map { .text($0.rawValue) })]) }),
            ("rewards", rewards.isEmpty ? nil : .list(rewards.map(\.node))), ("data", data.node), ("rollout", rollout.node),
            ("score", score?.node),
            ("optimizer", optimizerNode), ("budget", .map([(budget.axis.rawValue, .number(budget.amount))])),
            ("ema", ema.map { .number($0) }), ("save", save.isEmpty ? nil : .list(save.map { .text($0.rawValue) })),
            ("threads", threads.map { .number($0) }),
            ("checkpoint_every", .number(checkpointEvery)),
            ("keep_checkpoint", keepCheckpoint ? RecipeNode(.scalar(.bool(true))) : nil),
            ("microbatch_steps", .number(microbatchSteps)),
        ])
    }

    private var optimizerNode: RecipeNode {
        let others = optimizer.filter { $0.key != "policy" }.sorted { $0.key < $1.key }
        return .map((optimizer["policy"] ?? OptimizerSettings()).entries + others.map { ($0.key, .map($0.value.entries)) })
    }
}

extension ModelSource {
    /// The entry that names the source: `from`, `folder` or `new`.
    fileprivate var entry: (String, RecipeNode?) {
        switch self {
        case .stage(let name): ("from", .text(name))
        case .folder(let url): ("folder", .text(url.path))
        case .new(let model): ("new", model.node)
        }
    }
    fileprivate var node: RecipeNode { .map([entry]) }
}

extension LoRAConfig {
    fileprivate var node: RecipeNode {
        let named: RecipeNode? =
            switch targets {
            case .standard: nil
            case .allLinear: .text(Self.allLinear)
            case .named(let names): .list(names.map { .text($0) })
            }
        return .map([
            ("r", .number(r)), ("lora_alpha", .number(alpha)), ("lora_dropout", .number(0)), ("target_modules", named),
            ("use_rslora", RecipeNode(.scalar(.bool(usesRSLoRA)))),
        ])
    }
}

extension NewModel {
    fileprivate var node: RecipeNode {
        return .map(
            [
                ("family", .text(family)), ("vocabulary_size", readsText ? .number(vocabularySize) : nil),
                ("tokenizer", tokenizer.map { .text($0.path) }),
            ] + config.sorted { $0.key < $1.key }.map { ($0.key, RecipeNode($0.value)) })
    }
}

extension CriticSource {
    fileprivate var node: RecipeNode { .map((source.map { [$0.entry] } ?? []) + [("trunk", .text(trunk.rawValue))]) }
}

extension RewardSpec {
    fileprivate var node: RecipeNode {
        .map(
            [("function", .text(function)), ("name", .text(name)), ("weight", .number(weight))]
                + (source.map { [$0.entry] } ?? []) + [
                    ("normalize", RecipeNode(.scalar(.bool(normalize)))),
                    ("parameters", parameters.isEmpty ? nil : RecipeNode(.object(parameters))),
                ])
    }
}

extension DataSources {
    fileprivate var node: RecipeNode {
        .map([
            ("prompts", prompts?.node), ("pairs", pairs?.node), ("examples", examples?.node),
            ("max_prompt_steps", .number(maxPromptSteps)), ("max_steps", .number(maxSteps)), ("max_cut", .number(maxCut)),
            ("chat_template", chat?.template.map { .text($0.path) }),
            ("chat_variables", chat.flatMap { $0.variables.isEmpty ? nil : RecipeNode(.object($0.variables)) }),
        ])
    }
}

extension DataSource {
    fileprivate var node: RecipeNode {
        switch self {
        case .file(let url): .text(url.path)
        case .task(let name): .text(Self.taskPrefix + name)
        case .build(let pairs):
            .map([
                (
                    "build",
                    .map([
                        ("prompts", pairs.prompts.map { .number($0) }), ("samples", .number(pairs.samples)),
                        ("epochs", .number(pairs.epochs)), ("images", pairs.images?.node),
                    ])
                )
            ])
        }
    }
}

extension RolloutSettings {
    fileprivate var node: RecipeNode {
        guard let denoising else {
            return .map([("max_new_tokens", .number(maxNewTokens)), ("temperature", .number(temperature))])
        }
        return .map([("denoising", denoising.node)])
    }
}

extension OptimizerSettings {
    fileprivate var entries: [(String, RecipeNode?)] {
        [
            ("optim", .text(optim.rawValue)), ("learning_rate", .number(learningRate)), ("beta1", .number(beta1)),
            ("beta2", .number(beta2)), ("epsilon", .number(epsilon)), ("weight_decay", .number(weightDecay)),
            ("max_gradient_norm", .number(maxGradientNorm)),
            ("schedule", .text(schedule.rawValue)), ("warmup", .number(warmup)),
        ]
    }
}

extension Evaluation {
    package var node: RecipeNode {
        .map([
            ("prompts", prompts?.node), ("pairs", pairs?.node), ("examples", examples?.node),
            ("count", prompts.map { _ in .number(count) }),
            ("samples_per_prompt", prompts.map { _ in .number(samplesPerPrompt) }),
            ("every", .number(every)),
            ("gold", gold.isEmpty ? nil : .list(gold.map(\.node))),
        ])
    }
}

extension Comparison {
    fileprivate var node: RecipeNode {
        let named = variants.map { variant -> (String, RecipeNode?) in
            (
                variant.name,
                .map([
                    ("algorithm", .text(variant.algorithm)),
                    ("parameters", variant.parameters.isEmpty ? nil : RecipeNode(.object(variant.parameters))),
                    ("set", variant.set.isEmpty ? nil : RecipeNode(.object(variant.set))),
                    ("series", variant.series.map { .text($0) }), ("axis", variant.axis.map { .text($0) }),
                    ("value", variant.value.map { .number($0) }),
                    ("except_tasks", variant.exceptTasks.isEmpty ? nil : .list(variant.exceptTasks.map { .text($0) })),
                ])
            )
        }
        return .map([
            ("seeds", .list(seeds.map { .number($0) })), ("bases", .number(bases)), ("jobs", .number(jobs)),
            ("ladder", ladder ? RecipeNode(.scalar(.bool(true))) : nil), ("variants", .map(named)),
        ])
    }
}

extension Probe {
    fileprivate var node: RecipeNode {
        .map([
            ("driver", .text(driver)), ("at", .list(at.map { .number($0) })), ("prompts", .number(prompts)),
            ("samples", .number(samples)), ("batches", .number(batches)), ("beta", .number(beta)),
            ("reference", .number(reference)),
            ("states", .number(states)), ("continuations", .number(continuations)), ("threads", threads.map { .number($0) }),
        ])
    }
}

extension RecipeNode {
    static func text(_ text: String) -> RecipeNode { RecipeNode(.scalar(.string(text))) }
    package static func number(_ number: some BinaryInteger) -> RecipeNode { RecipeNode(.scalar(.number(Double(number)))) }
    package static func number(_ number: Double) -> RecipeNode { RecipeNode(.scalar(.number(number))) }
    static func list(_ items: [RecipeNode]) -> RecipeNode { RecipeNode(.list(items)) }
    /// A mapping of the entries that have a value.
    static func map(_ entries: [(String, RecipeNode?)]) -> RecipeNode {
        RecipeNode(.map(entries.compactMap { key, value in value.map { Entry(key: key, place: "", value: $0) } }))
    }

    /// The value in YAML's block style; a list or mapping of scalars on one line.
    package func yamlLines(indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        switch content {
        case .scalar(let value): return [margin + value.yaml]
        case .list(let items):
            return items.flatMap { item in
                let lines = item.yamlLines(indent: indent + 2)
                return ["\(margin)- \(lines[0].dropFirst(indent + 2))"] + lines.dropFirst()
            }
        case .map(let entries):
            return entries.flatMap { entry -> [String] in
                let key = "\(margin)\(JSONValue.string(entry.key).yaml):"
                if let flow = entry.value.flow { return ["\(key) \(flow)"] }
                return [key] + entry.value.yamlLines(indent: indent + 2)
            }
        }
    }

    /// The value on one line, if it is short.
    private var flow: String? {
        switch content {
        case .scalar(let value): return value.yaml
        case .list(let items):
            let parts = items.compactMap { item in if case .scalar(let value) = item.content { value.yaml } else { nil } }
            return parts.count == items.count ? "[\(parts.joined(separator: ", "))]" : nil
        case .map(let entries): return entries.isEmpty ? "{}" : nil
        }
    }
}
