import ZooKit

// What the paper and other trainers call RLOO. Optimizer, sampler and lengths are the recipe's.
extension RLOO {
    static let presets = [
        Preset(
            "paper", source: "Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740, section 3",
            summary: "One update a rollout, so that every ratio is 1 and the gradient is REINFORCE's.",
            parameters: [
                "samples": 4, "importance_sampling_level": "sequence", "kl_position": "before_baseline", "reward_clip": nil,
                "normalize_advantages": false, "epochs": 1, "minibatches": 1,
            ], notes: ["The paper's k is 2 or 4, its β differs by model."]),
        Preset(
            "trl", source: "huggingface/trl@f2cd577, trl/trainer/rloo_config.py", summary: "The defaults of TRL's RLOOTrainer.",
            parameters: [
                "samples": 2, "beta": 0.05, "importance_sampling_level": "sequence", "kl_position": "before_baseline",
                "clip_range": 0.2,
                "clip_range_high": nil, "reward_clip": nil, "normalize_advantages": false, "epochs": 1,
            ], notes: ["The learning rate is 1e-6, the temperature 1."]),
        Preset(
            "openrlhf", source: "OpenRLHF/OpenRLHF@3c3be62, openrlhf/trainer/ppo_utils/experience_maker.py",
            summary: "The baseline first, then the KL of each token, under PPO's loss per token.",
            parameters: [
                "beta": 0.01, "importance_sampling_level": "token", "loss_agg_mode": "token_mean",
                "kl_position": "after_baseline", "clip_range": 0.2,
                "clip_range_high": 0.2, "reward_clip": 10, "normalize_advantages": false, "epochs": 1,
            ],
            notes: [
                "The learning rate is 1e-6 with a cosine, 1024 sequences a rollout, 128 an update.",
                "Its estimates of the KL are cut to ±10; here they are not.",
            ]),
    ]
}
