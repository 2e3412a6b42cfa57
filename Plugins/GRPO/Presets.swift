import ZooKit

// What papers and other trainers call by these names. Optimizer, sampler and lengths are the recipe's.
extension GRPO {
    static let presets = tokens + gaussian

    /// Of trainers of language models.
    private static let tokens = [
        Preset(
            "deepseekmath", source: "Shao et al. 2024, https://arxiv.org/abs/2402.03300, sections 4.1.2 and 4.2",
            summary: "The run of DeepSeekMath-RL: 64 samples a prompt, one update a rollout, the KL in the loss.",
            parameters: [
                "samples": 64, "scale_rewards": "group", "loss_type": "grpo", "epochs": 1, "beta": 0.04,
                "kl_estimator": "k3",
            ],
            notes: ["The learning rate is 1e-6 and the batch 1024 sequences of at most 1024 tokens.", "The paper gives no ε."]),
        Preset(
            "trl", source: "huggingface/trl@f2cd577, trl/trainer/grpo_config.py",
            summary: "The defaults of TRL's GRPOTrainer: DAPO's token mean, no KL.",
            parameters: [
                "samples": 8, "scale_rewards": "group", "advantage_epsilon": 1e-4, "loss_type": "dapo", "clip_range": 0.2,
                "clip_range_high": nil, "beta": 0, "epochs": 1, "mask_truncated": false,
            ],
            notes: [
                "The learning rate is 1e-6, the temperature 1, the length limit 512.",
                "With vLLM it corrects: importance_correction 'sequence_mask', importance_correction_cap 3.",
            ]),
        Preset(
            "dr-grpo", source: "Liu et al. 2025, https://arxiv.org/abs/2503.20783; sail-sg/understand-r1-zero@dfca49d",
            summary: "No standard deviation and no length in a denominator, so neither biases the gradient.",
            parameters: [
                "samples": 8, "scale_rewards": "none", "loss_type": "dr_grpo", "max_completion_length": 3000, "clip_range": 0.2,
                "beta": 0,
            ],
            notes: ["max_completion_length is the sampler's limit in that code; set it to the recipe's."]),
        Preset(
            "dapo", source: "Yu et al. 2025, https://arxiv.org/abs/2503.14476, section 4.1",
            summary:
                "Token mean, a higher upper clip, dynamic sampling, a penalty for overlong samples, truncated ones masked, no KL.",
            parameters: [
                "samples": 16, "scale_rewards": "group", "loss_type": "dapo", "clip_range": 0.2, "clip_range_high": 0.28,
                "beta": 0, "epochs": 1, "minibatches": 16, "mask_truncated": true, "dynamic_sampling": 10,
                "max_completion_length": 20480, "overlong_buffer": 4096, "overlong_penalty": 1,
            ],
            notes: [
                "max_completion_length is that paper's limit: set it to the recipe's, and overlong_buffer to a fifth of it.",
                "512 prompts a rollout, cut into 16 minibatches of 512 sequences; the learning rate is 1e-6. The reward is 1 or −1.",
                "Prompts are drawn again until there are enough there; here 10 times at most, as in verl.",
            ]),
        Preset(
            "cispo",
            source: "MiniMax 2025, https://arxiv.org/abs/2506.13585; cap and scale: ScaleRL, https://arxiv.org/abs/2510.13786",
            summary: "Every token keeps its gradient; the ratio only weighs it, up to a cap.",
            parameters: [
                "samples": 16, "scale_rewards": "batch", "loss_type": "cispo", "cispo_clip": "upper", "clip_range_high": 5,
                "beta": 0,
            ], notes: ["ScaleRL also casts the output layer to float32; here everything is float32."]),
        Preset(
            "gspo", source: "Zheng et al. 2025, https://arxiv.org/abs/2507.18071, section 5.1",
            summary: "One ratio for a whole completion, clipped in a narrow band.",
            parameters: [
                "importance_sampling_level": "sequence", "loss_type": "grpo", "scale_rewards": "group", "clip_range": 3e-4,
                "clip_range_high": 4e-4, "beta": 0, "minibatches": 4,
            ], notes: ["A rollout is cut into four minibatches."]),
        Preset(
            "verl", source: "verl-project/verl@1dda039, verl/trainer/ppo/core_algos.py and its configuration",
            summary: "verl's policy loss with its GRPO advantages: token mean, dual clip, no KL.",
            parameters: [
                "scale_rewards": "group", "advantage_epsilon": 1e-6, "loss_type": "grpo", "loss_agg_mode": "token_mean",
                "clip_range": 0.2, "clip_range_high": 0.2, "dual_clip": 3, "cispo_clip": "both", "beta": 0, "kl_estimator": "k3",
                "kl_clip": 10, "epochs": 1,
            ],
            notes: [
                "With use_kl_loss its coefficient is 0.001: beta.",
                "Its rollout_is 'token' is importance_correction 'token_truncate' with its cap of 2; without it, 'recompute'.",
                "The learning rate is 1e-6, weight decay 0.01, minibatches of 256 prompts.",
                "Log-ratios are cut to ±20 there; e^20 is no ratio that trains, and here nothing cuts it.",
            ]),
        Preset(
            "openrlhf", source: "OpenRLHF/OpenRLHF@3c3be62, openrlhf/trainer/ppo_utils and openrlhf/models/loss.py",
            summary: "Its group_norm estimator under its policy loss, with the KL in the loss.",
            parameters: [
                "scale_rewards": "group", "advantage_epsilon": 1e-9, "loss_type": "dapo", "clip_range": 0.2,
                "clip_range_high": 0.2,
                "beta": 0.01, "kl_estimator": "k3", "kl_clip": 10, "epochs": 1,
            ],
            notes: [
                "Without use_kl_loss its KL is part of the reward after normalisation, which grpo does not do; "
                    + "rloo's kl_position 'after_baseline' does.",
                "The learning rate is 1e-6 with a cosine, 1024 sequences a rollout, 128 an update.",
            ]),
        Preset(
            "nemo", source: "NVIDIA-NeMo/RL@7ea279a, examples/configs/grpo_math_1B.yaml",
            summary: "Mean and standard deviation of the others of the group, token mean, KL in the loss.",
            parameters: [
                "prompts": 32, "samples": 16, "baseline": "leave_one_out", "scale_rewards": "group", "advantage_epsilon": 1e-6,
                "loss_type": "dapo", "clip_range": 0.2, "clip_range_high": 0.2, "beta": 0.01, "kl_estimator": "k3", "kl_clip": 10,
            ], notes: ["The difference that its k3 sees is cut to ±20 first, which no kl_clip of 10 lets through."]),
    ]

    /// Of trainers whose policies take steps with a continuous action.
    private static let gaussian = [
        Preset(
            "flow-grpo", source: "yifan123/flow_grpo@ac4c86e, config/grpo.py (general_ocr_sd3) and scripts/train_sd3.py",
            summary: "Means of groups over the standard deviation of the batch, a very narrow clip, the exact KL in the loss.",
            parameters: [
                "prompts": 48, "samples": 24, "baseline": "group_mean", "scale_rewards": "batch", "scale_variance": "population",
                "advantage_epsilon": 1e-4, "advantage_clip": 5, "loss_type": "grpo", "importance_sampling_level": "token",
                "clip_range": 1e-4, "clip_range_high": nil, "beta": 0.04, "kl_estimator": "exact", "kl_clip": nil, "epochs": 1,
                "minibatches": 2,
            ],
            notes: [
                "Liu et al. 2025, arXiv 2505.05470. For images from a flow model; ε is in the units of a log-probability that is the "
                    + "mean over the latent's numbers.",
                "Its KL lacks the |Δσ| of the step's variance, so it is |Δσ| times the exact KL: beta 0.004 is as strong as its 0.04 "
                    + "where ten even steps sample.",
                "Samples whose advantage is 0 are left out there, with their KL.",
                "Sampler: 10 steps, the last of which is not trained, noise level 0.7, guidance 4.5; 40 steps without noise to "
                    + "evaluate. LoRA, AdamW at 3e-4, weight decay 1e-4, gradient norm 1, averaged weights.",
                "Its PickScore run has beta 0.01.",
            ]),
        Preset(
            "dance-grpo",
            source: "XueZeyue/DanceGRPO@15cc71d, scripts/finetune/finetune_flux_grpo.sh and fastvideo/train_grpo_flux.py",
            summary: "Means and standard deviations of groups of 12, a very narrow clip, no KL.",
            parameters: [
                "prompts": 16, "samples": 12, "baseline": "group_mean", "scale_rewards": "group", "scale_variance": "unbiased",
                "advantage_epsilon": 1e-8, "advantage_clip": 5, "loss_type": "grpo", "importance_sampling_level": "token",
                "clip_range": 1e-4, "clip_range_high": nil, "beta": 0, "epochs": 1, "minibatches": 3,
            ],
            notes: [
                "Xue et al. 2025, arXiv 2505.07818. For images from a flow model; ε is in the units of a log-probability that is the "
                    + "mean over the latent's numbers.",
                "16 devices have a prompt each and make an update after every four of its samples, in order; here minibatches are "
                    + "drawn.",
                "No advantage in a group of 12 is beyond 3.2, so advantage_clip never binds.",
                "Sampler: 16 steps, shift 3, η 0.3, no guidance, one initial noise for a group; a random 60% of a sample's steps "
                    + "train, never the last. AdamW at 1e-5, weight decay 1e-4, gradient norm 1.",
            ]),
    ]
}
