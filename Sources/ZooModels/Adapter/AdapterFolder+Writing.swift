import Foundation
import ZooBase
import ZooTensor

extension AdapterFolder {
    /// Writes the files of an adapter; the weights come last, so that a folder with weights is complete.
    static func write(
        _ adaptation: Adaptation<some Any>, _ layout: Layout, isTransposed: Bool = false, _ parameters: [NamedTensor],
        to folder: URL
    ) throws {
        let config = adaptation.config
        let isText = layout == .peft
        let patterns = config.patterns ?? LoRAPatterns()
        let modules = adaptation.plan.entries.map(\.part.name)
        let targets: JSONValue =
            switch config.targets {
            case .named(let given): .array(given.sorted().map(JSONValue.string))
            case .pattern(let text): .string(text)
            // diffusers has short names that fit more than one kind of layer.
            default:
                .array((isText ? Set(modules.map(LoRAConfig.shortName)).sorted() : modules.sorted()).map(JSONValue.string))
            }
        let (ranks, alphas) = adaptation.patterns()
        let json: JSONObject = [
            "peft_type": "LORA", "task_type": isText ? "CAUSAL_LM" : .null,
            "base_model_name_or_path": .string(adaptation.baseName), "revision": .null, "inference_mode": true,
            "r": .integer(config.r), "lora_alpha": .number(config.alpha), "lora_dropout": 0,
            "target_modules": targets, "exclude_modules": names(patterns.excluded), "use_rslora": .bool(config.usesRSLoRA),
            "use_dora": false, "bias": "none", "fan_in_fan_out": .bool(isTransposed), "init_lora_weights": true,
            "modules_to_save": list(adaptation.plan.replaced.map { LoRAConfig.shortName($0.name) }.map(JSONValue.string)),
            "rank_pattern": .object(ranks), "alpha_pattern": .object(alphas),
            "layers_to_transform": list((patterns.layers ?? []).map(JSONValue.integer)),
            "layers_pattern": list(patterns.layerLists.map(JSONValue.string)),
        ]
        switch layout {
        case .peft:
            try writeFolder(folder, json: json, as: layout.configName, parameters: parameters, as: layout.weightsName)
        case .diffusers:
            try OutputFile.createFolder(folder)
            try Safetensors.write(
                parameters, to: folder.appendingPathComponent(layout.weightsName),
                metadata: ["format": "pt", DiffusersAdapter.metadataKey: try DiffusersAdapter.text(json)])
        }
    }

    private static func list(_ items: [JSONValue]) -> JSONValue { items.isEmpty ? .null : .array(items) }

    private static func names(_ names: LoRAConfig.Targets?) -> JSONValue {
        switch names {
        case .named(let names)?: .array(names.map(JSONValue.string))
        case .pattern(let text)?: .string(text)
        default: .null
        }
    }
}

extension Adaptation {
    /// `rank_pattern` and `alpha_pattern`. The keys of a file are sorted: where that would have another pattern come first, the modules'
    /// whole names take the patterns' place.
    fileprivate func patterns() -> (ranks: JSONObject, alphas: JSONObject) {
        let patterns = config.patterns ?? LoRAPatterns()
        func isSorted(_ keys: [String]) -> Bool { keys == keys.sorted() }
        let ranks =
            isSorted(patterns.ranks.map(\.pattern))
            ? patterns.ranks.map { ($0.pattern, JSONValue.integer($0.value)) }
            : plan.entries.filter { $0.rank != config.r }.map { ($0.part.name, .integer($0.rank)) }
        let alphas =
            isSorted(patterns.alphas.map(\.pattern))
            ? patterns.alphas.map { ($0.pattern, JSONValue.number($0.value)) }
            : plan.entries.map { entry in
                let r = Double(entry.rank)
                return (entry.part.name, .number(entry.scale * (config.usesRSLoRA ? r.squareRoot() : r)))
            }
        return (JSONObject(ranks), JSONObject(alphas))
    }
}
