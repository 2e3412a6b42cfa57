import Foundation
import ZooTensor

/// An adapter in PEFT's layout: `adapter_config.json` and `adapter_model.safetensors`, without the weights of its base.
public struct AdapterFolder {
    public let url: URL
    public let config: LoRAConfig
    /// What `base_model_name_or_path` says.
    public let baseName: String
    /// Whether the base keeps its weights transposed, as GPT-2's Conv1D does.
    let fanInFanOut: Bool

    static let configName = "adapter_config.json"
    static let weightsName = "adapter_model.safetensors"
    /// What PEFT puts before a module's name in the base.
    static let prefix = "base_model.model."

    /// Whether a folder holds an adapter and no model.
    public static func isOne(_ folder: URL) -> Bool {
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path) }
        return has(configName) && !has("config.json")
    }

    /// Reads `adapter_config.json`; throws where it is no LoRA adapter, or asks for what is not built here.
    public init(_ folder: URL) throws {
        url = folder
        let file = folder.appendingPathComponent(Self.configName)
        let keys = try ConfigKeys.read(file: file).keys
        try keys.refuseOtherAdapters()
        var config = LoRAConfig()
        config.r = try keys.size("r")
        config.alpha = try keys.number("lora_alpha") ?? config.alpha
        config.usesRSLoRA = try keys.flag("use_rslora") ?? false
        guard config.r <= 1 << 20 else { throw keys.refuse("r", "a whole number up to \(1 << 20)") }
        switch keys.json["target_modules"] {
        case let names as [String] where !names.isEmpty: config.targets = .named(names.sorted())
        case "all-linear" as String: config.targets = .allLinear
        default: throw keys.refuse("target_modules", "a list of names (a pattern is not read)")
        }
        self.config = config
        fanInFanOut = try keys.flag("fan_in_fan_out") ?? false
        guard let name = try keys.text("base_model_name_or_path"), !name.isEmpty else {
            throw keys.refuse("base_model_name_or_path", "the folder of the base model")
        }
        baseName = name
    }

    /// The folder of the base model: as it stands, or beside the adapter.
    ///
    /// - Parameter other: takes its place, wherever the adapter was made.
    public func base(_ other: URL? = nil) throws -> URL {
        let path = (baseName as NSString).expandingTildeInPath
        let here = URL(fileURLWithPath: url.path, isDirectory: true)
        let places = other.map { [$0] } ?? [URL(fileURLWithPath: path, relativeTo: here), URL(fileURLWithPath: path)]
        func isModel(_ folder: URL) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path)
        }
        guard let found = places.first(where: isModel) else {
            if let chain = places.first(where: Self.isOne) {
                throw ModelError("\(url.path): its base \(chain.path) is an adapter itself; merge that first: zoo merge")
            }
            let place = other?.path ?? "'\(baseName)'"
            throw ModelError(
                "\(url.path): its base \(place) is no model folder here; let base_model_name_or_path in \(Self.configName) name one"
            )
        }
        return found.standardizedFileURL.absoluteURL
    }

    /// The tensors, named as PEFT names them.
    public func tensors() throws -> [String: Tensor] {
        let file = url.appendingPathComponent(Self.weightsName)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelError("\(url.path): \(Self.weightsName) is missing; only safetensors are read")
        }
        return try Safetensors.read(file)
    }

    /// Writes both files; the weights come last, so that a folder with weights is complete.
    static func write(_ adaptation: CausalLM.Adaptation, _ parameters: [NamedTensor], to folder: URL) throws {
        let config = adaptation.config
        let names = Set(adaptation.modules.map { $0.split(separator: ".").last.map(String.init) ?? $0 }).sorted()
        let targets: [String] = if case .named(let given) = config.targets { given.sorted() } else { names }
        let json: [String: Any] = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": adaptation.baseName, "revision": NSNull(),
            "inference_mode": true, "r": config.r, "lora_alpha": whole(config.alpha), "lora_dropout": 0.0,
            "target_modules": targets, "use_rslora": config.usesRSLoRA, "use_dora": false, "bias": "none",
            "fan_in_fan_out": adaptation.base.storesTransposed, "init_lora_weights": true, "modules_to_save": NSNull(),
            "rank_pattern": [:] as [String: Int], "alpha_pattern": [:] as [String: Int], "layers_to_transform": NSNull(),
            "layers_pattern": NSNull(),
        ]
        try writeFolder(folder, json: json, as: configName, parameters: parameters, as: weightsName)
    }

    /// A whole number as such: PEFT's own type for it.
    private static func whole(_ value: Double) -> NSNumber { Int(exactly: value).map { $0 as NSNumber } ?? value as NSNumber }
}

extension ConfigKeys {
    /// Values that change nothing of what an adapter computes, by key.
    private static let harmless: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "peft_version", "megatron_core",
        "qalora_group_size", "lora_dropout", "r", "lora_alpha", "target_modules", "use_rslora", "fan_in_fan_out",
    ]

    /// Refuses by name what is no plain LoRA of a language model's projections.
    fileprivate func refuseOtherAdapters() throws {
        guard json["peft_type"] as? String == "LORA" else { throw refuse("peft_type", "\"LORA\"") }
        let task = try text("task_type")
        guard task == nil || task == "CAUSAL_LM" else { throw refuse("task_type", "\"CAUSAL_LM\"") }
        guard try text("bias") ?? "none" == "none" else { throw refuse("bias", "\"none\"") }
        // Other ways of beginning change the base's own weights; the adapter is then one of another base.
        switch json["init_lora_weights"] {
        case nil, is Bool, "gaussian" as String, "orthogonal" as String: break
        default: throw refuse("init_lora_weights", "true, false, \"gaussian\" or \"orthogonal\"")
        }
        let known = Self.harmless.union(["peft_type", "task_type", "bias", "init_lora_weights"])
        for key in json.keys.sorted() where !known.contains(key) && !isOff(json[key]) {
            throw ModelError("\(file): \(key) is \(json[key] ?? "") and is not supported; only plain LoRA is read")
        }
    }

    private func isOff(_ value: Any?) -> Bool {
        switch value {
        case nil, is NSNull: true
        case let flag as Bool: !flag
        case let list as [Any]: list.isEmpty
        case let object as [String: Any]: object.isEmpty
        default: false
        }
    }
}

/// The `config.json` that describes a model's shape: the folder's own, or its base's where it holds an adapter.
public func configFile(of folder: URL) throws -> URL {
    let model = AdapterFolder.isOne(folder) ? try AdapterFolder(folder).base() : folder
    return model.appendingPathComponent("config.json")
}

/// The `tokenizer.json` of a folder, or of its base where it holds an adapter without one.
public func tokenizerFile(of folder: URL) throws -> URL {
    let own = folder.appendingPathComponent("tokenizer.json")
    guard AdapterFolder.isOne(folder), !FileManager.default.fileExists(atPath: own.path) else { return own }
    return try AdapterFolder(folder).base().appendingPathComponent("tokenizer.json")
}
