import Foundation
import ZooTensor

/// Prompt embeddings, and images as latents, computed beforehand by the text encoders and the VAE of a real model.
///
/// One safetensors file: `prompt_embeds` `[n, tokens, joint_attention_dim]`, `pooled_prompt_embeds` `[n, pooled_projection_dim]`,
/// and optionally `latents` `[n, c, h, w]` and what an empty prompt gives, `null_prompt_embeds` `[tokens, joint_attention_dim]` and
/// `null_pooled_prompt_embeds` `[pooled_projection_dim]` (zeros where absent). A condition is one id: the row.
public final class StoredPrompts {
    public let count: Int
    public let tokens: Int
    /// Images as latents, where the file has them.
    public let latents: Tensor?
    /// `[n + 1, tokens, J]` and `[n + 1, P]`; the last row stands for a dropped condition.
    private let prompts: Tensor, pooled: Tensor

    public init(file: URL, config: FluxConfig, device: Device) throws {
        let tensors = try Safetensors.read(file, mustBeFinite: true)
        func take(_ name: String, _ rank: Int, last: Int?) throws -> Tensor {
            guard let tensor = tensors[name] else { throw ModelError("\(file.path): \(name) is missing") }
            guard tensor.rank == rank, last.map({ tensor.size(-1) == $0 }) ?? true else {
                throw ModelError(
                    "\(file.path): \(name) has shape \(tensor.shape); expected \(rank) dimensions\(last.map { ", the last of \($0)" } ?? "")"
                )
            }
            return tensor.to(.float32).to(device)
        }
        let prompts = try take("prompt_embeds", 3, last: config.jointAttentionDim)
        let pooled = try take("pooled_prompt_embeds", 2, last: config.pooledProjectionDim)
        let latents = tensors["latents"] == nil ? nil : try take("latents", 4, last: nil)
        let (count, tokens) = (prompts.size(0), prompts.size(1))
        guard pooled.size(0) == count, latents.map({ $0.size(0) == count }) ?? true else {
            throw ModelError(
                "\(file.path): prompt_embeds has \(count) rows; expected as many of pooled_prompt_embeds and latents")
        }
        let null =
            tensors["null_prompt_embeds"] == nil
            ? Tensor.zeros([tokens, config.jointAttentionDim], device: device)
            : try take("null_prompt_embeds", 2, last: config.jointAttentionDim)
        let nullPooled =
            tensors["null_pooled_prompt_embeds"] == nil
            ? Tensor.zeros([config.pooledProjectionDim], device: device)
            : try take("null_pooled_prompt_embeds", 1, last: config.pooledProjectionDim)
        guard null.size(0) == tokens else {
            throw ModelError("\(file.path): null_prompt_embeds has \(null.size(0)) tokens; expected \(tokens)")
        }
        (self.count, self.tokens, self.latents) = (count, tokens, latents)
        self.prompts = .concatenate([prompts, null.reshape([1, tokens, config.jointAttentionDim])])
        self.pooled = .concatenate([pooled, nullPooled.reshape([1, config.pooledProjectionDim])])
    }

    /// Prompt embeddings `[n · tokens, J]` and pooled projections `[n, P]` of ids `[n]`.
    func embed(_ ids: [Int32]) throws -> (prompt: Tensor, pooled: Tensor) {
        if let wrong = ids.firstIndex(where: { $0 < -1 || $0 >= count }) {
            throw ModelError("batch: sequence \(wrong) has prompt \(ids[wrong]); expected a row below \(count), or -1 for none")
        }
        let rows = Tensor(ids.map { $0 < 0 ? count : Int($0) }, device: prompts.device)
        return (prompts.select(rows).reshape([ids.count * tokens, prompts.size(2)]), pooled.select(rows))
    }
}

/// Where a network's prompt embeddings come from.
public enum Conditioning {
    /// Learned with the network and saved beside it.
    case table(ConditionTable)
    /// Given.
    case stored(StoredPrompts)

    /// Condition ids per sequence.
    var kinds: Int {
        switch self {
        case .table(let table): table.kinds.count
        case .stored: 1
        }
    }

    /// Prompt tokens per sequence.
    var tokens: Int {
        switch self {
        case .table(let table): table.kinds.count
        case .stored(let prompts): prompts.tokens
        }
    }

    var parameters: [NamedTensor] {
        switch self {
        case .table(let table): table.parameters
        case .stored: []
        }
    }

    func embed(_ ids: [Int32]) throws -> (prompt: Tensor, pooled: Tensor) {
        switch self {
        case .table(let table): try table.embed(ids)
        case .stored(let prompts): try prompts.embed(ids)
        }
    }
}
