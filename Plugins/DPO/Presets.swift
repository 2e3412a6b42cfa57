import ZooKit

extension DPO {
    private static let trlIndex = "as in huggingface/trl@f2cd577 docs/source/paper_index.md"

    static let presets =
        [
            Preset(
                "paper", source: "Rafailov et al. 2023, arXiv 2305.18290, appendix B", summary: "The runs of the DPO paper.",
                parameters: ["loss_type": "sigmoid", "beta": 0.1, "label_smoothing": 0, "pairs": 64],
                notes: [
                    "RMSprop with a learning rate of 1e-6, warmed up over 150 steps; here it is AdamW, and the rate is the recipe's.",
                    "For TL;DR summarisation β is 0.5.",
                ]),
            Preset(
                "trl", source: "huggingface/trl@f2cd577 trl/trainer/dpo_config.py", summary: "DPOConfig as it comes.",
                parameters: [
                    "loss_type": "sigmoid", "beta": 0.1, "label_smoothing": 0, "f_divergence_type": "reverse_kl",
                    "f_alpha_divergence_coef": 0.5, "discopop_tau": 0.05, "ipo_average": true,
                ],
                notes: ["Learning rate 1e-6, sequences of at most 1024 tokens; the batch is the user's."]),
            Preset(
                "openrlhf", source: "OpenRLHF/OpenRLHF@3c3be62 openrlhf/cli/train_dpo.py",
                summary: "OpenRLHF's defaults, whose IPO takes sums.",
                parameters: [
                    "loss_type": "sigmoid", "beta": 0.1, "label_smoothing": 0, "ipo_average": false, "pairs": 128,
                ],
                notes: ["Adam with a learning rate of 1e-5, 3% warm-up, then a cosine to a tenth; gradient norm 1."]),
            Preset(
                "torchtune", source: "pytorch/torchtune@bd2a0fc recipes/configs/llama2/7B_lora_dpo.yaml",
                summary: "torchtune's LoRA recipe for Llama 2.",
                parameters: ["loss_type": "sigmoid", "beta": 0.1, "label_smoothing": 0, "pairs": 32],
                notes: [
                    "32 pairs are 4 in each of 8 accumulated passes, on each device; AdamW at 5e-4 on adapters.",
                    "recipes/configs/llama3_1/8B_full_dpo.yaml has β 0.05 and 2e-5.",
                ]),
            Preset(
                "open-instruct", source: "allenai/open-instruct@e6c3044 open_instruct/dpo_utils.py",
                summary: "dpo_norm, the length-normalised loss of Tülu 3, with its β.",
                parameters: ["loss_type": "sigmoid_norm", "beta": 5, "label_smoothing": 0],
                notes: ["Lambert et al. 2024, arXiv 2411.15124, train the 8B model at 5e-7 with 128 pairs an update."]),
            Preset(
                "cdpo", source: "eric-mitchell/direct-preference-optimization@f8b8c0f README.md",
                summary: "Conservative DPO with the noise that its author suggests.",
                parameters: ["loss_type": "sigmoid", "label_smoothing": 0.1],
                notes: ["β is DPO's own, 0.1 to 0.5.", "ContextualAI/HALOs@4831988 config/loss/cdpo.yaml takes ε 0.2 and β 0.1."]),
            Preset(
                "ipo-paper", source: "Azar et al. 2023, arXiv 2310.12036, eq. 17", summary: "IPO on sums of log-probabilities.",
                parameters: ["loss_type": "ipo", "ipo_average": false],
                notes: ["The paper gives no single τ: set beta."]),
        ] + squaredErrors + papers

    /// Of trainers whose score is minus a mean of squares. What their code multiplies by is β here, wherever it has a factor ½.
    private static let squaredErrors = [
        Preset(
            "diffusion-dpo", source: "SalesforceAIResearch/DiffusionDPO@5233e75 train.py and launchers/sd15.sh",
            summary: "The sigmoid loss on scores that are minus a mean squared error: its β of 5000, halved.",
            parameters: ["loss_type": "sigmoid", "beta": 2500, "label_smoothing": 0, "pairs": 2048],
            notes: [
                "Wallace et al. 2023, arXiv 2311.12908. For images from a diffusion model: the error is the mean over the latent's "
                    + "numbers, at a uniform time and noise that both answers and both networks share.",
                "Its code multiplies by −0.5·β with β 5000.",
                "AdamW at 1e-8 times the number of pairs, which is 2.05e-5, 500 steps of warm-up, 2000 steps.",
            ]),
        Preset(
            "sfo", source: "Shin et al. 2025, arXiv 2506.03621v2, eq. 3",
            summary: "The sigmoid loss on scores that are minus a mean squared error, at β 1000.",
            parameters: ["loss_type": "sigmoid", "beta": 1000, "label_smoothing": 0],
            notes: [
                "Subject fidelity optimization of images: the chosen one is the real target, the rejected one is sampled with its "
                    + "reference image blurred and its prompt made generic.",
                "No factor ½. Times are a logistic of a standard normal; a new LoRA of rank 16 over the fine-tuned one, which is the "
                    + "reference; Prodigy, 300 updates on 4 devices with a batch of 4.",
            ]),
        Preset(
            "flow-dpo", source: "yifan123/flow_grpo@ac4c86e scripts/train_sd3_dpo.py and config/dpo.py",
            summary: "The sigmoid loss on scores that are minus a mean squared error: its β of 100, halved.",
            parameters: ["loss_type": "sigmoid", "beta": 50, "label_smoothing": 0],
            notes: [
                "For images from a flow model: the error of the velocity, a mean over the latent's numbers, at a time that is a "
                    + "logistic of a standard normal and a noise that both answers and both networks share.",
                "Its code multiplies by −0.5·β with β 100.",
                "It samples its pairs: best and worst of 24 for a prompt; here they are the recipe's. Its reference stays as it is "
                    + "unless ref_update_step is set. LoRA, AdamW at 3e-4.",
            ]),
    ]

    /// Settings of later papers.
    private static let papers = [
        paper("nca", "Chen et al. 2024, arXiv 2402.05369", ["loss_type": "nca_pair", "beta": 0.01, "pairs": 32], rate: "5e-6"),
        paper(
            "robust", "Chowdhury et al. 2024, arXiv 2403.00409",
            ["loss_type": "robust", "beta": 0.1, "label_smoothing": 0.1, "pairs": 16], rate: "1e-3"),
        paper("bco", "Jung et al. 2024, arXiv 2404.04656", ["loss_type": "bco_pair", "beta": 0.01, "pairs": 128], rate: "5e-7"),
        paper("sppo", "Wu et al. 2024, arXiv 2405.00675", ["loss_type": "sppo_hard", "beta": 0.001, "pairs": 64], rate: "5e-7"),
        paper("aot", "Melnyk et al. 2024, arXiv 2406.05882", ["loss_type": "aot", "beta": 0.01]),
        paper("aot-unpaired", "Melnyk et al. 2024, arXiv 2406.05882", ["loss_type": "aot_unpaired", "beta": 0.01]),
        paper(
            "discopop", "Lu et al. 2024, arXiv 2406.08414",
            ["loss_type": "discopop", "beta": 0.05, "discopop_tau": 0.05, "pairs": 64], rate: "5e-7"),
        paper(
            "apo-zero", "D'Oosterlinck et al. 2024, arXiv 2408.06266", ["loss_type": "apo_zero", "beta": 0.1, "pairs": 64],
            rate: "2e-7"),
        paper(
            "apo-down", "D'Oosterlinck et al. 2024, arXiv 2408.06266", ["loss_type": "apo_down", "beta": 0.1, "pairs": 64],
            rate: "2e-7"),
    ]

    private static func paper(
        _ name: String, _ source: String, _ parameters: [String: Preset.Value], rate: String? = nil
    ) -> Preset {
        Preset(
            name, source: "\(source), \(trlIndex)", summary: "The setting of the loss's own paper.", parameters: parameters,
            notes: rate.map { ["The learning rate, \($0), is the recipe's."] } ?? [])
    }
}
