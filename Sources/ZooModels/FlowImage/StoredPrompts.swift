import Foundation
import ZooTensor

/// Prompt embeddings, computed beforehand by the text encoders of a real model.
///
/// Safetensors files with `prompt_embeds` `[rows, tokens, joint_attention_dim]` and `pooled_prompt_embeds` `[rows, pooled_projection_dim]`,
/// and in one of them optionally what an empty prompt gives, `null_prompt_embeds` `[1, tokens, joint_attention_dim]` and
/// `null_pooled_prompt_embeds` `[1, pooled_projection_dim]`. A condition is one id: the row, counted over all files.
public final class StoredPrompts: Sendable {
    private let prompts: StoredRows, pooled: StoredRows
    /// Of a dropped condition; nil where the files have none.
    private let null: (prompt: StoredRows, pooled: StoredRows)?
    private let files: [URL]

    public var count: Int { prompts.count }
    public var tokens: Int { prompts.shape[0] }
    /// The widths of an embedded token and of a pooled prompt.
    public var widths: (token: Int, pooled: Int) { (prompts.shape[1], pooled.shape[0]) }
    public var hasNull: Bool { null != nil }

    /// Maps the files and reads every number once.
    ///
    /// - Throws: `TensorError` or ``ModelError`` that names the file and the tensor at fault.
    public init(_ files: [URL]) throws {
        self.files = files
        prompts = try StoredRows(Self.prompt, in: files, dimensions: ["rows", "tokens", "joint_attention_dim"])
        pooled = try StoredRows(Self.pooled, in: files, dimensions: ["rows", "pooled_projection_dim"])
        guard pooled.count == prompts.count else {
            throw ModelError(
                "\(Self.words(files)): '\(Self.prompt)' has \(prompts.count) rows and '\(Self.pooled)' has \(pooled.count); expected as many of "
                    + "both, one for each prompt")
        }
        let owner = try files.first { file in
            let names = try Safetensors.entries(file).map(\.name)
            return names.contains("null_" + Self.prompt) || names.contains("null_" + Self.pooled)
        }
        null = try owner.map { file in
            (
                try StoredRows("null_" + Self.prompt, in: [file], dimensions: ["1", "tokens", "joint_attention_dim"]),
                try StoredRows("null_" + Self.pooled, in: [file], dimensions: ["1", "pooled_projection_dim"])
            )
        }
        for (own, all) in [(null?.prompt, prompts), (null?.pooled, pooled)] {
            guard let own, own.shape != all.shape || own.count != 1 else { continue }
            throw ModelError(
                "\(Self.words(files)): '\(own.name)' has shape \([own.count] + own.shape); expected \([1] + all.shape), one row as of "
                    + "'\(all.name)'")
        }
    }

    private static let (prompt, pooled) = ("prompt_embeds", "pooled_prompt_embeds")
    private static func words(_ files: [URL]) -> String {
        files.count == 1 ? files[0].path : "\(files.first?.path ?? "") and \(files.count - 1) more"
    }

    /// Throws if a network reads embeddings of other widths.
    public func check(_ config: FluxConfig) throws {
        for (rows, found, key, expected) in [
            (prompts, widths.token, "joint_attention_dim", config.jointAttentionDim),
            (pooled, widths.pooled, "pooled_projection_dim", config.pooledProjectionDim),
        ] where found != expected {
            throw ModelError(
                "\(Self.words(files)): '\(rows.name)' is \(found) wide; expected \(expected), the model's \(key): use the embeddings of this "
                    + "model's own text encoders")
        }
    }

    /// Prompt embeddings `[n · tokens, J]` and pooled projections `[n, P]` of ids `[n]`; -1 is a dropped condition.
    func embed(_ ids: [Int32], _ device: Device) throws -> (prompt: Tensor, pooled: Tensor) {
        if let wrong = ids.firstIndex(where: { $0 < -1 || $0 >= count }) {
            throw ModelError("batch: sequence \(wrong) has prompt \(ids[wrong]); expected a row below \(count), or -1 for none")
        }
        if null == nil, ids.contains(-1) {
            throw ModelError(
                "\(Self.words(files)): has no null_\(Self.prompt) and null_\(Self.pooled), the embeddings of an empty prompt, which "
                    + "guidance and dropped conditions need; compute them from \"\", or use neither")
        }
        // Many images of a batch have one prompt: each is read once.
        let distinct = Set(ids).sorted()
        func rows(_ all: StoredRows, _ none: StoredRows?) -> Tensor {
            var parts = none.map { ids.contains(-1) ? [$0.tensor([0])] : [] } ?? []
            let given = distinct.filter { $0 >= 0 }.map(Int.init)
            if !given.isEmpty { parts.append(all.tensor(given)) }
            let places = ids.map { id in distinct.firstIndex(of: id) ?? 0 }
            let table = Tensor.concatenate(parts).to(device)
            let flat = table.reshape([distinct.count, all.shape.reduce(1, *)])
            return flat.select(Tensor(places, device: device))
        }
        return (
            rows(prompts, null?.prompt).reshape([ids.count * tokens, widths.token]), rows(pooled, null?.pooled)
        )
    }
}

/// Where a network's prompt embeddings come from.
public enum Conditioning {
    /// Learned with the network and saved beside it.
    case table(ConditionTable)
    /// Given.
    case stored(StoredPrompts)
    /// Nowhere: the network's weights are read and written, and it is not run.
    case none

    /// Condition ids per sequence.
    var kinds: Int {
        switch self {
        case .table(let table): table.kinds.count
        case .stored: 1
        case .none: 0
        }
    }

    /// Prompt tokens per sequence.
    var tokens: Int {
        switch self {
        case .table(let table): table.kinds.count
        case .stored(let prompts): prompts.tokens
        case .none: 0
        }
    }

    var parameters: [NamedTensor] {
        switch self {
        case .table(let table): table.parameters
        case .stored, .none: []
        }
    }

    func embed(_ ids: [Int32], _ device: Device) throws -> (prompt: Tensor, pooled: Tensor) {
        switch self {
        case .table(let table): try table.embed(ids)
        case .stored(let prompts): try prompts.embed(ids, device)
        case .none: throw ModelError("a network without prompt embeddings only has weights: give it stored ones to run it")
        }
    }
}
