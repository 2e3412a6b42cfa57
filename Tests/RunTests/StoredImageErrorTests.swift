import Foundation
import Testing
import ZooBase
import ZooModels
import ZooRecipe
import ZooRun
import ZooTensor

@Suite("faults of stored latents and prompt embeddings")
struct StoredImageErrorTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What is said of the recipe before anything runs; nothing if all is well.
    private func complaint(_ flux: TinyFlux) -> String {
        do {
            try DataCheck(Recipe.load(flux.recipe)).require()
            return ""
        } catch {
            return plainWords(error).replacing(folder.url.standardizedFileURL.path + "/", with: "")
                .replacing(folder.url.path + "/", with: "")
        }
    }

    @Test("a folder that is right is not complained about, nor one of that shape by the recipe of this repository")
    func right() throws {
        var flux = try TinyFlux(in: folder.url)
        #expect(complaint(flux) == "")
        let files = FileManager.default
        let data = folder.url.appending(path: "data", directoryHint: .isDirectory)
        try files.createDirectory(at: data, withIntermediateDirectories: true)
        for name in [
            "prompts.safetensors", "latents.safetensors", "train.jsonl", "pairs.jsonl", "prompts.jsonl", "held-out.jsonl",
        ] {
            try files.copyItem(at: folder.url.appending(path: name), to: data.appending(path: name))
        }
        try files.moveItem(at: folder.url.appending(path: "base"), to: folder.url.appending(path: "FLUX.1-dev"))
        try files.removeItem(at: flux.recipe)
        try files.copyItem(at: ZooCommand.clone.appending(path: "recipes/flux/flux.yaml"), to: flux.recipe)
        flux = TinyFlux(folder: folder.url)
        #expect(complaint(flux) == "")
    }

    // MARK: - Tensors

    /// A file's tensors made wrong, and the sentence about them.
    struct WrongTensors: Sendable {
        var file: String
        var change: @Sendable (inout [String: Tensor]) -> Void
        var sentence: String

        init(
            file: String, change: @escaping @Sendable (inout [String: Tensor]) -> Void, sentence: () -> String
        ) { (self.file, self.change, self.sentence) = (file, change, sentence()) }
    }

    static let wrongTensors: [WrongTensors] = [
        .init(file: "prompts") {
            $0["prompt_embed"] = $0.removeValue(forKey: "prompt_embeds")
        } sentence: {
            "images.prompt_embeds: prompts.safetensors: has no tensor 'prompt_embeds'; found null_pooled_prompt_embeds, null_prompt_embeds, "
                + "pooled_prompt_embeds, prompt_embed; did you mean 'prompt_embed'?"
        },
        .init(file: "prompts") {
            $0["pooled_prompt_embeds"] = nil
        } sentence: {
            "images.prompt_embeds: prompts.safetensors: has no tensor 'pooled_prompt_embeds'; found"
        },
        .init(file: "prompts") {
            $0["pooled_prompt_embeds"] = .zeros([3, 4])
        } sentence: {
            "prompts.safetensors: 'prompt_embeds' has 4 rows and 'pooled_prompt_embeds' has 3; expected as many of both, one for each prompt"
        },
        .init(file: "prompts") {
            $0["prompt_embeds"] = .zeros([4, 3, 7])
            $0["null_prompt_embeds"] = .zeros([1, 3, 7])
        } sentence: {
            "prompts.safetensors: 'prompt_embeds' is 7 wide; expected 6, the model's joint_attention_dim: use the embeddings of this model's own "
                + "text encoders"
        },
        .init(file: "prompts") {
            $0["pooled_prompt_embeds"] = .zeros([4, 5])
            $0["null_pooled_prompt_embeds"] = .zeros([1, 5])
        } sentence: {
            "'pooled_prompt_embeds' is 5 wide; expected 4, the model's pooled_projection_dim"
        },
        .init(file: "prompts") {
            $0["null_prompt_embeds"] = .zeros([3, 6])
        } sentence: {
            "prompts.safetensors: 'null_prompt_embeds' has shape [3, 6]; expected [1, tokens, joint_attention_dim]"
        },
        .init(file: "prompts") {
            $0["null_prompt_embeds"] = .zeros([1, 2, 6])
        } sentence: {
            "'null_prompt_embeds' has shape [1, 2, 6]; expected [1, 3, 6], one row as of 'prompt_embeds'"
        },
        .init(file: "latents") {
            $0["latents"] = .zeros([6, 6, 8])
        } sentence: {
            "images.latents: latents.safetensors: 'latents' has shape [6, 6, 8]; expected [rows, channels, height, width]: latents as the VAE "
                + "gives them, scaled and not packed"
        },
        .init(file: "latents") {
            $0["latents"] = $0["latents"].map { $0.to(.int32) }
        } sentence: {
            "latents.safetensors: 'latents' is int32; expected float32, bfloat16, float16 or float64: save it as latents.float()"
        },
        .init(file: "latents") { tensors in
            var numbers = [Float](repeating: 0.5, count: 6 * 48)
            (numbers[2 * 48 + 1], numbers[2 * 48 + 7]) = (.nan, .infinity)
            tensors["latents"] = Tensor(numbers, shape: [6, 2, 4, 6], device: .cpu)
        } sentence: {
            "latents.safetensors: row 2 of 'latents' has 2 of 48 numbers that are NaN or infinite; compute it again"
        },
        .init(file: "latents") {
            $0["latents"] = .zeros([6, 4, 4, 6])
        } sentence: {
            "images.latents have 4 channels; expected 2, a quarter of the model's in_channels (8): encode the images by this model's own VAE"
        },
        .init(file: "latents") {
            $0["latents"] = .zeros([6, 2, 3, 6])
        } sentence: {
            "latents.safetensors: 'latents' are 3 × 6; expected even sizes, for patches of 2 × 2: resize the images to multiples of 16 pixels"
        },
        .init(file: "latents") {
            $0["latents"] = .zeros([5, 2, 4, 6])
        } sentence: {
            ".jsonl:6: 'latents' is 5; expected the number of its row of images.latents, from 0 to 4"
        },
    ]

    @Test("each wrong tensor is named with its file, what was expected and what to do", arguments: wrongTensors)
    func tensors(wrong: WrongTensors) throws {
        let flux = try TinyFlux(in: folder.url)
        var all = try Safetensors.read(folder.url.appending(path: "\(wrong.file).safetensors"))
        wrong.change(&all)
        try TinyFlux.write(all, to: folder.url, wrong.file)
        let found = complaint(flux)
        #expect(found.contains(wrong.sentence), "\(found)")
        #expect(!found.contains("\n"))
    }

    @Test("several files follow each other; one whose rows have another shape is named beside the first")
    func shards() throws {
        let flux = try TinyFlux(
            in: folder.url, images: "{prompt_embeds: [prompts.safetensors, more.safetensors], latents: lat*.safetensors}")
        try TinyFlux.write(TinyFlux.embeddings(hasNull: false), to: folder.url, "more")
        try TinyFlux.write(["latents": .zeros([2, 2, 4, 6])], to: folder.url, "latents-2")
        try flux.rows("train", count: 8) { ["prompt_embeds": $0, "latents": $0] }
        #expect(complaint(flux) == "")
        try TinyFlux.write(["latents": .zeros([2, 2, 6, 6])], to: folder.url, "latents-2")
        #expect(
            complaint(flux).contains(
                "'latents' has shape [6, 2, 4, 6]; expected rows of [2, 6, 6], as in latents-2.safetensors"))
    }

    @Test("a file of another kind says how to write this one")
    func otherFile() throws {
        _ = try folder.write("no tensors", to: "prompts.pt")
        var flux = try TinyFlux(in: folder.url, images: "{prompt_embeds: prompts.pt, latents: latents.safetensors}")
        #expect(complaint(flux).contains("prompts.pt: expected a safetensors file; write one by safetensors.torch.save_file"))
        flux = try TinyFlux(in: folder.url)
        try FileManager.default.removeItem(at: folder.url.appending(path: "train.jsonl"))
        try FileManager.default.copyItem(
            at: folder.url.appending(path: "latents.safetensors"), to: folder.url.appending(path: "train.jsonl.safetensors"))
        let text = try String(contentsOf: flux.recipe, encoding: .utf8).replacing("train.jsonl", with: "train.jsonl.safetensors")
        try Data(text.utf8).write(to: flux.recipe)
        #expect(complaint(flux).contains("holds tensors, not rows: name it by the recipe's 'images'"))
    }

    // MARK: - Rows

    @Test(
        "a row that names no row of a tensor is named by file and line",
        arguments: [
            (
                "train", #"{"prompt": "a", "prompt_embeds": 4, "latents": 0}"#,
                "'prompt_embeds' is 4; expected the number of its row of images.prompt_embeds, from 0 to 3"
            ),
            ("train", #"{"prompt": "a", "prompt_embeds": -1, "latents": 0}"#, "'prompt_embeds' is -1; expected"),
            (
                "train", #"{"prompt": "a", "prompt_embeds": "0", "latents": 0}"#,
                "'prompt_embeds' is a string; expected the number"
            ),
            (
                "train", #"{"prompt": "a", "prompt_embed": 0, "latents": 0}"#,
                "'prompt_embeds' is missing; expected the number of its row of images.prompt_embeds, from 0 to 3; did you mean 'prompt_embed'?"
            ),
            (
                "train", #"{"prompt": "a", "prompt_embeds": 0}"#,
                "'latents' is missing; expected the number of its row of images.latents, from 0 to 5"
            ),
            ("pairs", #"{"prompt": "a", "prompt_embeds": 0, "chosen": 0}"#, "'rejected' is missing"),
            (
                "pairs", #"{"prompt": "a", "prompt_embeds": 0, "chosen": 2, "rejected": 2}"#,
                "'chosen' and 'rejected' are the same row of images.latents"
            ),
            (
                "prompts", #"{"prompt": "a", "prompt_embeds": 0, "degraded_prompt_embeds": 9}"#,
                "'degraded_prompt_embeds' is 9; expected"
            ),
            ("prompts", #"{"prompt_embeds": 0}"#, "'prompt'"),
        ])
    func rows(file: String, line: String, sentence: String) throws {
        let flux = try TinyFlux(in: folder.url)
        let good = try String(contentsOf: folder.url.appending(path: "\(file).jsonl"), encoding: .utf8).split(separator: "\n")[0]
        _ = try folder.write("\(good)\n\(line)\n", to: "\(file).jsonl")
        let found = complaint(flux)
        #expect(found.contains("\(file).jsonl:2: ") && found.contains(sentence), "\(found)")
    }

    @Test("a Kontext row without its reference, and latents where the recipe has none, are named")
    func references() throws {
        var flux = try TinyFlux(
            in: folder.url,
            images: "{prompt_embeds: prompts.safetensors, latents: latents.safetensors, image_latents: references.safetensors}")
        #expect(
            complaint(flux).contains(
                "'image_latents' is missing; expected the number of its row of images.image_latents, from 0 to 1"))
        flux = try TinyFlux(in: folder.url, images: "{prompt_embeds: prompts.safetensors, height: 4, width: 6}")
        #expect(complaint(flux).contains("'latents' names a row of images.latents; expected that key in the recipe, found none"))
    }

    // MARK: - Keys

    @Test(
        "keys that do not go together are refused where the recipe is read",
        arguments: [
            ("{prompt_embeds: prompts.safetensors}", "expected 'latents', or 'height' and 'width' of the latents to sample"),
            ("{prompt_embeds: prompts.safetensors, height: 4}", "expected 'latents', or 'height' and 'width'"),
            (
                "{prompt_embeds: prompts.safetensors, height: 5, width: 6}",
                "expected an even number, for patches of 2 × 2, found 5"
            ),
            ("{latents: latents.safetensors}", "expected the key 'prompt_embeds'"),
            ("{prompt_embeds: [], height: 4, width: 4}", "expected at least one file of prompt_embeds"),
            ("{prompt_embeds: none.safetensors, latents: latents.safetensors}", "expected a safetensors file, found nothing at"),
            ("{prompt_embeds: base, latents: latents.safetensors}", "expected a safetensors file, found a folder at"),
            ("{prompt_embeds: prompts.safetensors, latent: latents.safetensors, height: 4, width: 6}", "did you mean 'latents'?"),
            (
                "{prompt_embeds: prompts.safetensors, latents: latents.safetensors}\ntask: digits",
                "has both 'images' and 'task: digits'"
            ),
            (
                "{prompt_embeds: prompts.safetensors, latents: latents.safetensors, height: 8}",
                "images.height is 8, and the latents of latents.safetensors are 4 × 6"
            ),
        ])
    func keys(images: String, sentence: String) throws {
        let found = complaint(try TinyFlux(in: folder.url, images: images))
        #expect(found.contains(sentence), "\(found)")
    }

    @Test("dropped conditions need the embeddings of an empty prompt, which are asked for by name")
    func null() async throws {
        let flux = try TinyFlux(in: folder.url, stage: "")
        try TinyFlux.write(TinyFlux.embeddings(hasNull: false), to: folder.url, "prompts")
        let zoo = ZooCommand(in: folder.url)
        try await zoo.succeed(["train", flux.recipe.path, "--run-dir", "run"])
        let ended = try await zoo.run("train", flux.recipe.path, "--set", "score.condition_drop=1", "--run-dir", "dropped")
        #expect(
            try ended.complaint.contains(
                "has no null_prompt_embeds and null_pooled_prompt_embeds, the embeddings of an empty prompt"))
    }

    @Test("a folder of FLUX without stored prompts, and a text model with them, are told what is missing")
    func others() async throws {
        let flux = try TinyFlux(in: folder.url)
        let text = try String(contentsOf: flux.recipe, encoding: .utf8)
        try Data(text.split(separator: "\n").filter { !$0.hasPrefix("images:") }.joined(separator: "\n").utf8).write(
            to: flux.recipe)
        #expect(complaint(flux).contains("images"), "\(complaint(flux))")
    }
}
