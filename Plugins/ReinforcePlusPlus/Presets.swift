import ZooKit

// What the paper and other trainers call REINFORCE++. Optimizer, sampler and lengths are the recipe's.
extension ReinforcePlusPlus {
    static let presets = [
        Preset(
            "paper", source: "Hu et al. 2025, https://arxiv.org/abs/2501.03262",
            summary: "One sample a prompt, the KL in the reward of each token, normalised over the batch.",
            parameters: [
                "samples": 1, "baseline": "none", "gamma": 1, "beta": 0.01, "kl_estimator": "k1", "kl_loss_coef": 0,
                "clip_range": 0.2, "clip_range_high": nil, "epochs": 1,
            ],
            notes: [
                "Its REINFORCE++-baseline is baseline 'group_mean' with samples above 1, beta 0 and the KL in the loss as k2."
            ]),
        Preset(
            "openrlhf", source: "OpenRLHF/OpenRLHF@3c3be62, the estimator 'reinforce' of openrlhf/trainer/ppo_utils",
            summary: "The authors' own code: variance over n, rewards and KL cut to ±10.",
            parameters: [
                "baseline": "none", "gamma": 1, "beta": 0.01, "kl_estimator": "k1", "kl_clip": 10, "reward_clip": 10,
                "whiten_variance": "population", "clip_range": 0.2, "clip_range_high": 0.2, "epochs": 1,
            ],
            notes: [
                "Its 'reinforce_baseline' is baseline 'group_mean'.",
                "The learning rate is 1e-6 with a cosine, 1024 sequences a rollout, 128 an update.",
            ]),
        Preset(
            "verl", source: "verl-project/verl@1dda039, core_algos.py and examples/reinforce_plus_plus_trainer",
            summary: "Variance over n − 1 and the dual clip; eight samples a prompt, the KL in the reward.",
            parameters: [
                "samples": 8, "baseline": "none", "gamma": 1, "beta": 0.001, "kl_estimator": "k1",
                "whiten_variance": "unbiased", "clip_range": 0.2, "clip_range_high": 0.2, "dual_clip": 3, "epochs": 1,
            ],
            notes: [
                "Its reinforce_plus_plus_baseline is baseline 'group_mean' with beta 0: it spreads the whole score over all tokens.",
                "Its rollout_is 'token' is importance_correction 'token_truncate' with its cap of 2; without it, 'recompute'.",
            ]),
    ]
}
