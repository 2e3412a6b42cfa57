import Foundation
import ZooBase

/// Configuration of a `FluxTransformer2DModel`, under the names of diffusers' `transformer/config.json`.
public struct FluxConfig: Sendable, Equatable {
    /// Width of a packed token: channels of a latent · 4.
    public var inChannels = 64
    public var layers = 19
    public var singleLayers = 38
    public var headWidth = 128
    public var heads = 24
    public var jointAttentionDim = 4096
    public var pooledProjectionDim = 768
    /// Whether the guidance scale is an input of the network (a distilled model) instead of a second forward pass.
    public var guidanceEmbeds = false
    /// Width of the rotation by image, row and column; they add up to `headWidth`.
    public var axesDimsRope = [16, 56, 56]

    /// The tiny network of the digits testbed.
    public static let tiny = FluxConfig(
        inChannels: 4, layers: 2, singleLayers: 2, headWidth: 16, heads: 4, jointAttentionDim: 32, pooledProjectionDim: 32,
        axesDimsRope: [4, 6, 6])

    public init(
        inChannels: Int = 64, layers: Int = 19, singleLayers: Int = 38, headWidth: Int = 128, heads: Int = 24,
        jointAttentionDim: Int = 4096, pooledProjectionDim: Int = 768, guidanceEmbeds: Bool = false,
        axesDimsRope: [Int] = [16, 56, 56]
    ) {
        self.inChannels = inChannels
        self.layers = layers
        self.singleLayers = singleLayers
        self.headWidth = headWidth
        self.heads = heads
        self.jointAttentionDim = jointAttentionDim
        self.pooledProjectionDim = pooledProjectionDim
        self.guidanceEmbeds = guidanceEmbeds
        self.axesDimsRope = axesDimsRope
    }

    public var width: Int { heads * headWidth }
    /// Channels of a latent before packing.
    public var channels: Int { inChannels / 4 }

    /// What the class in a folder's `config.json` may be.
    static let className = "FluxTransformer2DModel"

    /// The keys of `config.json` that give a new network's size; the task gives the others.
    public static let shapeKeys = [
        "num_layers", "num_single_layers", "attention_head_dim", "num_attention_heads", "joint_attention_dim",
        "pooled_projection_dim",
    ]

    /// A new network's configuration; a key that is left out is the tiny one's. Of a head's width, about an eighth, made even, is
    /// rotated by the image, and the rest by row and column in equal parts, as FLUX.1 has it.
    ///
    /// - Throws: if sizes are not whole numbers or are inconsistent.
    public init(shape: [String: Double], channels: Int) throws {
        func size(_ key: String, _ value: Int) throws -> Int {
            guard let found = shape[key] else { return value }
            guard let whole = Int(exactly: found) else { throw ModelError("\(key) is \(found); expected a whole number") }
            return whole
        }
        let tiny = Self.tiny
        self.init(
            inChannels: 4 * channels, layers: try size("num_layers", tiny.layers),
            singleLayers: try size("num_single_layers", tiny.singleLayers),
            headWidth: try size("attention_head_dim", tiny.headWidth), heads: try size("num_attention_heads", tiny.heads),
            jointAttentionDim: try size("joint_attention_dim", tiny.jointAttentionDim),
            pooledProjectionDim: try size("pooled_projection_dim", tiny.pooledProjectionDim))
        guard headWidth >= 8, headWidth % 4 == 0 else {
            throw ModelError("attention_head_dim is \(headWidth); expected a multiple of 4 from 8")
        }
        var byImage = max(2, headWidth / 16 * 2)
        // What is left has to be even for rows and columns each.
        if (headWidth - byImage) % 4 != 0 { byImage += 2 }
        axesDimsRope = [byImage, (headWidth - byImage) / 2, (headWidth - byImage) / 2]
        try validate()
    }

    private static let known: Set = [
        "patch_size", "in_channels", "out_channels", "num_layers", "num_single_layers", "attention_head_dim",
        "num_attention_heads", "joint_attention_dim", "pooled_projection_dim", "guidance_embeds", "axes_dims_rope",
    ]

    /// Reads a configuration; a missing key has diffusers' default, an unknown one is refused by name.
    init(keys: ConfigKeys) throws {
        try keys.require("_class_name", is: Self.className, hint: "the image transformer that loads here")
        if let unknown = keys.json.keys.filter({ !$0.hasPrefix("_") && !Self.known.contains($0) }).min() {
            throw ModelError(
                "\(keys.file): \(unknown) is not supported; known keys: \(Self.known.sorted().joined(separator: ", "))")
        }
        func size(_ key: String, _ value: Int, from least: Int = 1) throws -> Int {
            guard let found = try keys.integer(key) else { return value }
            guard found >= least else { throw keys.refuse(key, "a whole number from \(least)") }
            return found
        }
        inChannels = try size("in_channels", 64)
        layers = try size("num_layers", 19, from: 0)
        singleLayers = try size("num_single_layers", 38, from: 0)
        headWidth = try size("attention_head_dim", 128)
        heads = try size("num_attention_heads", 24)
        jointAttentionDim = try size("joint_attention_dim", 4096)
        pooledProjectionDim = try size("pooled_projection_dim", 768)
        guidanceEmbeds = try keys.flag("guidance_embeds") ?? false
        if let axes = keys.json["axes_dims_rope"] {
            let numbers = axes.array?.compactMap(\.integer)
            guard let numbers, numbers.count == axes.array?.count else {
                throw keys.refuse("axes_dims_rope", "three whole numbers")
            }
            axesDimsRope = numbers
        }
        if let patch = try keys.integer("patch_size"), patch != 1 { throw keys.refuse("patch_size", "1") }
        if let out = try keys.integer("out_channels"), out != inChannels {
            throw keys.refuse("out_channels", "null or in_channels (\(inChannels)): input and output have the same channels")
        }
        do {
            try validate()
        } catch let error as ModelError {
            throw ModelError("\(keys.file): \(error)")
        }
    }

    /// Throws if sizes are inconsistent.
    func validate() throws {
        guard inChannels > 0, inChannels % 4 == 0 else {
            throw ModelError("in_channels is \(inChannels); expected a multiple of 4, the elements of a 2 × 2 patch")
        }
        guard heads > 0, headWidth > 0, layers >= 0, singleLayers >= 0, jointAttentionDim > 0, pooledProjectionDim > 0 else {
            throw ModelError(
                "num_attention_heads, attention_head_dim, joint_attention_dim and pooled_projection_dim must be positive")
        }
        let sizes = [
            ("in_channels", inChannels, 1 << 16), ("num_layers", layers, ModelLimits.layers),
            ("num_single_layers", singleLayers, ModelLimits.layers), ("attention_head_dim", headWidth, 1 << 14),
            ("num_attention_heads", heads, 1 << 14), ("joint_attention_dim", jointAttentionDim, 1 << 20),
            ("pooled_projection_dim", pooledProjectionDim, 1 << 20),
        ]
        for (key, size, most) in sizes where size > most {
            throw ModelError("\(key) is \(size); expected at most \(most)")
        }
        guard axesDimsRope.count == 3, axesDimsRope.allSatisfy({ (0...headWidth).contains($0) }),
            axesDimsRope.allSatisfy({ $0 > 0 && $0 % 2 == 0 }),
            axesDimsRope.reduce(0, +) == headWidth
        else {
            throw ModelError(
                "axes_dims_rope is \(axesDimsRope); expected three even numbers whose sum is attention_head_dim (\(headWidth))")
        }
    }

    var json: JSONObject {
        [
            "_class_name": .string(Self.className), "patch_size": 1, "in_channels": .integer(inChannels), "out_channels": .null,
            "num_layers": .integer(layers), "num_single_layers": .integer(singleLayers),
            "attention_head_dim": .integer(headWidth), "num_attention_heads": .integer(heads),
            "joint_attention_dim": .integer(jointAttentionDim), "pooled_projection_dim": .integer(pooledProjectionDim),
            "guidance_embeds": .bool(guidanceEmbeds), "axes_dims_rope": .array(axesDimsRope.map(JSONValue.integer)),
        ]
    }
}
