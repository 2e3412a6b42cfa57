import ZooBase

extension ConfigKeys {
    /// Keys that do not change what an adapter computes, or have a function of their own here.
    private static let known: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "peft_version", "megatron_core",
        "qalora_group_size", "lora_dropout", "r", "lora_alpha", "target_modules", "use_rslora", "fan_in_fan_out", "peft_type",
        "task_type", "bias", "init_lora_weights", "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern",
        "alpha_pattern", "modules_to_save", "runtime_config",
        // Read only by ways of beginning that are refused, or that left the base as it was.
        "eva_config", "loftq_config", "corda_config", "lora_ga_config",
    ]

    /// Whether the adapter is a sequence classifier's. Refuses by name anything but plain LoRA.
    func isClassifier(_ layout: AdapterFolder.Layout) throws -> Bool {
        guard json["peft_type"]?.string == "LORA" else { throw refuse("peft_type", "\"LORA\"") }
        let task = try text("task_type")
        let isKnown = task == nil || layout == .peft && ["CAUSAL_LM", "SEQ_CLS"].contains(task)
        guard isKnown else {
            throw refuse("task_type", layout == .peft ? "\"CAUSAL_LM\", or \"SEQ_CLS\" for a reward model" : "null")
        }
        guard try text("bias") ?? "none" == "none" else { throw refuse("bias", "\"none\"") }
        switch json["init_lora_weights"] {
        case nil, .null?, .bool?, .string("gaussian")?, .string("orthogonal")?, .string("eva")?: break
        default:
            throw refuse(
                "init_lora_weights",
                "true, false, \"gaussian\", \"orthogonal\" or \"eva\": others begin by changing the base's own weights, so that the adapter "
                    + "is one of another base; save it as plain LoRA with peft's "
                    + "save_pretrained(…, path_initial_model_for_weight_conversion=…)")
        }
        for key in json.keys.sorted() where !Self.known.contains(key) && !isOff(json[key]) {
            throw ModelError("\(file): \(key) is \((try? json[key]?.text()) ?? "") and is not supported; only plain LoRA is")
        }
        return task == "SEQ_CLS"
    }

    private func isOff(_ value: JSONValue?) -> Bool {
        switch value {
        case nil, .null?: true
        case .bool(let flag)?: !flag
        case .array(let items)?: items.isEmpty
        case .object(let members)?: members.isEmpty
        default: false
        }
    }

    /// The adapter's rank, scale and layers.
    func lora() throws -> LoRAConfig {
        var config = LoRAConfig()
        config.r = try rank(size("r"), "r")
        config.alpha = try number("lora_alpha") ?? config.alpha
        config.usesRSLoRA = try flag("use_rslora") ?? false
        config.targets = try targets("target_modules") ?? .standard
        if case .pattern(let text) = config.targets, text.lowercased() == "all-linear" { config.targets = .allLinear }

        var patterns = LoRAPatterns()
        patterns.excluded = try targets("exclude_modules")
        patterns.layers = try layers()
        patterns.layerLists = try names("layers_pattern") ?? []
        patterns.ranks = try exceptions("rank_pattern").map { key, value in
            guard let number = value.integer, number > 0 else { throw refuse("rank_pattern", "whole numbers from 1") }
            return .init(pattern: key, value: try rank(number, "rank_pattern"))
        }
        patterns.alphas = try exceptions("alpha_pattern").map { key, value in
            guard let number = value.number else { throw refuse("alpha_pattern", "numbers") }
            return .init(pattern: key, value: number)
        }
        patterns.saved = try names("modules_to_save") ?? []
        if patterns != LoRAPatterns() { config.patterns = patterns }
        if patterns.layers != nil || !patterns.layerLists.isEmpty {
            // As PEFT has it.
            guard case .named = config.targets else {
                throw refuse("target_modules", "a list of names beside layers_to_transform and layers_pattern")
            }
            guard patterns.layers != nil else { throw refuse("layers_to_transform", "numbers of layers beside layers_pattern") }
        }
        return config
    }

    private func rank(_ value: Int, _ key: String) throws -> Int {
        guard value <= 1 << 20 else { throw refuse(key, "a whole number up to \(1 << 20)") }
        return value
    }

    /// A list of names or a regular expression; nil if null or empty.
    private func targets(_ key: String) throws -> LoRAConfig.Targets? {
        switch json[key] {
        case .string(let text)? where !text.isEmpty: .pattern(text)
        case nil, .null?, .array([])?: nil
        case .array(let names)? where names.allSatisfy { $0.string != nil }: .named(names.compactMap(\.string).sorted())
        default: throw refuse(key, "a list of names, or a regular expression")
        }
    }

    /// A name or a list of them; nil if null.
    private func names(_ key: String) throws -> [String]? {
        switch json[key] {
        case nil, .null?: nil
        case .string(let text)?: text.isEmpty ? [] : [text]
        case .array(let names)? where names.allSatisfy { $0.string != nil }: names.compactMap(\.string)
        default: throw refuse(key, "a list of names")
        }
    }

    /// `layers_to_transform`: one number, or a list; an empty one is none.
    private func layers() throws -> [Int]? {
        guard let value = json["layers_to_transform"], !value.isNull else { return nil }
        let values = value.array ?? [value]
        let numbers = values.compactMap(\.integer)
        guard numbers.count == values.count else { throw refuse("layers_to_transform", "numbers of layers") }
        return numbers.isEmpty ? nil : numbers
    }

    /// The members of an object, in their order.
    private func exceptions(_ key: String) throws -> [(String, JSONValue)] {
        guard let value = json[key], !value.isNull else { return [] }
        guard let object = value.object else { throw refuse(key, "an object of regular expressions") }
        return object.members.map { ($0.key, $0.value) }
    }
}
