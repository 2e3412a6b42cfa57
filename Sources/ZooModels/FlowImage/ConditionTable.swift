import Foundation
import ZooBase
import ZooTensor

/// Embeddings of a few named conditions, where a real model has text encoders: one token per kind, and their pooled sum.
///
/// PolicyZoo's own component, saved as `condition_table/` beside `transformer/`: `config.json` with the kinds, in order, and
/// `diffusion_pytorch_model.safetensors` with `condition_table.KIND.prompt` `[ids + 1, joint_attention_dim]` and
/// `condition_table.KIND.pooled` `[ids + 1, pooled_projection_dim]`. The last row stands for a dropped condition.
public final class ConditionTable {
    /// A kind of condition, such as the class of a digit, with ids 0 ..< count.
    public struct Kind: Sendable, Equatable {
        public var name: String
        public var count: Int

        public init(_ name: String, _ count: Int) {
            self.name = name
            self.count = count
        }
    }

    public let kinds: [Kind]
    public let parameters: [NamedTensor]
    private let prompts: [Tensor], pooled: [Tensor]

    init(kinds: [Kind], tensors: [String: Tensor], config: FluxConfig, device: Device, trainable: Bool) throws {
        guard !kinds.isEmpty, Set(kinds.map(\.name)).count == kinds.count, kinds.allSatisfy({ $0.count > 0 && !$0.name.isEmpty })
        else {
            throw ModelError(
                "conditions are \(kinds.map { "\($0.name): \($0.count)" }); expected distinct names, each with at least one id")
        }
        var store = ParameterStore(tensors: tensors, device: device, trainable: trainable)
        self.kinds = kinds
        prompts = try kinds.map { try store.take(Self.name($0, "prompt"), [$0.count + 1, config.jointAttentionDim]) }
        pooled = try kinds.map { try store.take(Self.name($0, "pooled"), [$0.count + 1, config.pooledProjectionDim]) }
        try store.finish()
        parameters = store.parameters
    }

    private static func name(_ kind: Kind, _ part: String) -> String { "condition_table.\(kind.name).\(part)" }

    /// Fresh embeddings, standard normal like the outputs of a text encoder's last norm.
    static func initialize(
        kinds: [Kind], config: FluxConfig, device: Device, trainable: Bool, generator: Generator
    ) throws -> ConditionTable {
        let tensors = kinds.reduce(into: [String: Tensor]()) { tensors, kind in
            tensors[name(kind, "prompt")] = .normal([kind.count + 1, config.jointAttentionDim], generator: generator)
            tensors[name(kind, "pooled")] = .normal([kind.count + 1, config.pooledProjectionDim], generator: generator)
        }
        return try ConditionTable(kinds: kinds, tensors: tensors, config: config, device: device, trainable: trainable)
    }

    func copy(config: FluxConfig, trainable: Bool) -> ConditionTable {
        do {
            return try ConditionTable(
                kinds: kinds, tensors: Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.tensor) }), config: config,
                device: prompts[0].device, trainable: trainable)
        } catch {
            fatalError("a condition table cannot be copied: \(error)")
        }
    }

    /// Prompt embeddings `[n · kinds, joint_attention_dim]` and pooled projections `[n, pooled_projection_dim]` of ids `[n, kinds]`.
    func embed(_ ids: [Int32]) throws -> (prompt: Tensor, pooled: Tensor) {
        let count = ids.count / kinds.count
        var tokens: [Tensor] = []
        var sum: Tensor?
        for (index, kind) in kinds.enumerated() {
            let chosen = try (0..<count).map { row -> Int in
                let id = Int(ids[row * kinds.count + index])
                guard id >= -1, id < kind.count else {
                    throw ModelError(
                        "batch: sequence \(row) has \(kind.name) \(id); expected an id below \(kind.count), or -1 for none")
                }
                return id < 0 ? kind.count : id
            }
            let rows = Tensor(chosen, device: prompts[index].device)
            tokens.append(prompts[index].embedding(rows).reshape([count, 1, prompts[index].size(1)]))
            let part = pooled[index].embedding(rows)
            sum = sum.map { $0 + part } ?? part
        }
        guard let sum else { fatalError("a condition table has at least one kind") }
        return (Tensor.concatenate(tokens, dim: 1).reshape([ids.count, prompts[0].size(1)]), sum)
    }

    static let className = "ConditionTable"

    static func load(from folder: URL, config: FluxConfig, device: Device, trainable: Bool) throws -> ConditionTable {
        let keys = try DiffusersFolder.object(
            folder.appendingPathComponent("config.json"), hint: "expected the folder of a condition table")
        try keys.require("_class_name", is: className, hint: "PolicyZoo's own component")
        guard let list = keys.json["kinds"]?.array else {
            throw keys.refuse("kinds", "a list of objects with name and count")
        }
        let kinds = try list.map { entry in
            guard let name = entry["name"]?.string, let count = entry["count"]?.integer,
                (1...(1 << 24)).contains(count)
            else {
                throw keys.refuse("kinds", "a list of objects with name and count, from 1 to \(1 << 24)")
            }
            return Kind(name, count)
        }
        do {
            return try ConditionTable(
                kinds: kinds, tensors: DiffusersFolder.tensors(in: folder), config: config, device: device, trainable: trainable)
        } catch let error as ModelError {
            throw ModelError("\(folder.path): \(error)")
        }
    }

    func save(to folder: URL) throws {
        let list = kinds.map { ["name": .string($0.name), "count": .integer($0.count)] as JSONValue }
        try DiffusersFolder.write(
            folder, config: ["_class_name": .string(Self.className), "kinds": .array(list)], parameters: parameters)
    }
}
