import Foundation
import ZooBase
import ZooTensor

/// An adapter without the weights of its base, as PEFT keeps one of a language model and diffusers one of an image model.
public struct AdapterFolder {
    public let url: URL
    public let layout: Layout
    public let config: LoRAConfig
    /// The value of `base_model_name_or_path`; nil if a file of diffusers has none.
    public let baseName: String?
    /// Whether the base keeps its weights transposed, as GPT-2's Conv1D does.
    let fanInFanOut: Bool

    /// The names of the files.
    public enum Layout: Sendable {
        /// A language model's: `adapter_config.json` and `adapter_model.safetensors`.
        case peft
        /// An image model's: `pytorch_lora_weights.safetensors`, with the config in its metadata.
        case diffusers

        var configName: String { self == .peft ? "adapter_config.json" : weightsName }
        var weightsName: String { self == .peft ? "adapter_model.safetensors" : "pytorch_lora_weights.safetensors" }
        /// The file that makes a folder a complete model.
        var modelName: String { self == .peft ? "config.json" : "model_index.json" }
        /// The prefix of a module's name in the base.
        var prefix: String { self == .peft ? "base_model.model." : "transformer." }

        /// The names of A and B.
        func names(_ module: String) -> (down: String, up: String) {
            ("\(prefix)\(module).lora_A.weight", "\(prefix)\(module).lora_B.weight")
        }
    }

    /// The layout of the adapter in a folder; nil if it contains none, or a model.
    public static func layout(of folder: URL) -> Layout? {
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path) }
        return [.peft, .diffusers].first { has($0.configName) && !has($0.modelName) }
    }

    /// Whether a folder holds an adapter and no model.
    public static func isOne(_ folder: URL) -> Bool { layout(of: folder) != nil }

    /// Reads the config; throws if it is not a LoRA adapter, or asks for something unsupported.
    public init(_ folder: URL) throws {
        url = folder
        layout = Self.layout(of: folder) ?? .peft
        let file = folder.appendingPathComponent(layout.configName)
        let keys: ConfigKeys
        switch layout {
        case .peft: keys = try ConfigKeys.read(file: file).keys
        case .diffusers:
            guard let metadata = try DiffusersAdapter.metadata(file) else {
                config = try DiffusersAdapter.config(file)
                (fanInFanOut, baseName) = (false, nil)
                return
            }
            keys = ConfigKeys(json: metadata, file: file.path)
        }
        try keys.refuseOtherAdapters(task: layout == .peft ? "CAUSAL_LM" : nil)
        var config = LoRAConfig()
        config.r = try keys.size("r")
        config.alpha = try keys.number("lora_alpha") ?? config.alpha
        config.usesRSLoRA = try keys.flag("use_rslora") ?? false
        guard config.r <= 1 << 20 else { throw keys.refuse("r", "a whole number up to \(1 << 20)") }
        switch keys.json["target_modules"] {
        case .array(let names)? where !names.isEmpty && names.allSatisfy { $0.string != nil }:
            config.targets = .named(names.compactMap(\.string).sorted())
        case .string("all-linear")?: config.targets = .allLinear
        default: throw keys.refuse("target_modules", "a list of names (patterns are not supported)")
        }
        self.config = config
        fanInFanOut = try keys.flag("fan_in_fan_out") ?? false
        let name = try keys.text("base_model_name_or_path")
        guard layout == .diffusers || name?.isEmpty == false else {
            throw keys.refuse("base_model_name_or_path", "the folder of the base model")
        }
        baseName = name?.isEmpty == true ? nil : name
    }

    /// The folder of the base model: as given, or relative to the adapter.
    ///
    /// - Parameter other: takes its place, wherever the adapter was made.
    public func base(_ other: URL? = nil) throws -> URL {
        let here = URL(fileURLWithPath: url.path, isDirectory: true)
        let path = baseName.map { ($0 as NSString).expandingTildeInPath }
        let named = path.map { [URL(fileURLWithPath: $0, relativeTo: here), URL(fileURLWithPath: $0)] } ?? []
        let places = other.map { [$0] } ?? named
        func isModel(_ folder: URL) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(layout.modelName).path)
        }
        guard let found = places.first(where: isModel) else {
            if let chain = places.first(where: Self.isOne) {
                throw ModelError("\(url.path): its base \(chain.path) is an adapter itself; merge that first: zoo merge")
            }
            guard let place = other?.path ?? baseName.map({ "'\($0)'" }) else {
                throw ModelError("\(url.path): \(layout.configName) does not name its base; give the base's folder")
            }
            throw ModelError(
                "\(url.path): its base \(place) is not a model folder here; let base_model_name_or_path in \(layout.configName) name one"
            )
        }
        return found.standardizedFileURL.absoluteURL
    }

    /// Writes the files of an adapter; the weights come last, so that a folder with weights is complete.
    static func write(
        _ adaptation: Adaptation<some Any>, _ layout: Layout, isTransposed: Bool = false, _ parameters: [NamedTensor],
        to folder: URL
    ) throws {
        let config = adaptation.config
        let isText = layout == .peft
        let targets: [String] =
            switch config.targets {
            case .named(let given): given.sorted()
            // diffusers has short names that fit more than one kind of layer.
            default: isText ? Set(adaptation.modules.map(LoRAConfig.shortName)).sorted() : adaptation.modules.sorted()
            }
        let json: JSONObject = [
            "peft_type": "LORA", "task_type": isText ? "CAUSAL_LM" : .null,
            "base_model_name_or_path": .string(adaptation.baseName), "revision": .null, "inference_mode": true,
            "r": .integer(config.r), "lora_alpha": .number(config.alpha), "lora_dropout": 0,
            "target_modules": .array(targets.map(JSONValue.string)), "use_rslora": .bool(config.usesRSLoRA), "use_dora": false,
            "bias": "none", "fan_in_fan_out": .bool(isTransposed), "init_lora_weights": true, "modules_to_save": .null,
            "rank_pattern": [:], "alpha_pattern": [:], "layers_to_transform": .null, "layers_pattern": .null,
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
}

extension ConfigKeys {
    /// Values that do not affect an adapter's computation, by key.
    private static let harmless: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "peft_version", "megatron_core",
        "qalora_group_size", "lora_dropout", "r", "lora_alpha", "target_modules", "use_rslora", "fan_in_fan_out",
    ]

    /// Refuses by name anything but plain LoRA of linear layers.
    fileprivate func refuseOtherAdapters(task expected: String?) throws {
        guard json["peft_type"]?.string == "LORA" else { throw refuse("peft_type", "\"LORA\"") }
        let task = try text("task_type")
        guard task == nil || task == expected else { throw refuse("task_type", expected.map { "\"\($0)\"" } ?? "null") }
        guard try text("bias") ?? "none" == "none" else { throw refuse("bias", "\"none\"") }
        // Other ways of beginning change the base's own weights; the adapter is then one of another base.
        switch json["init_lora_weights"] {
        case nil, .bool?, .string("gaussian")?, .string("orthogonal")?: break
        default: throw refuse("init_lora_weights", "true, false, \"gaussian\" or \"orthogonal\"")
        }
        let known = Self.harmless.union(["peft_type", "task_type", "bias", "init_lora_weights"])
        for key in json.keys.sorted() where !known.contains(key) && !isOff(json[key]) {
            throw ModelError("\(file): \(key) is \((try? json[key]?.text()) ?? "") and is not supported; only plain LoRA is")
        }
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
