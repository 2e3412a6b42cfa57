import ZooKit

// What papers and other trainers call PPO. Optimizer, sampler and lengths are the recipe's; the value loss has an optimizer of its own,
// so that no coefficient weighs it.
extension PPO {
    static let presets = [
        Preset(
            "n-plus", source: "Huang et al. 2024, https://arxiv.org/abs/2403.17031, and vwxyzjn/summarize_from_feedback_details",
            summary: "The N+ implementation details: the score after the end token, −1 where there is none.",
            parameters: [
                "baseline": "critic", "epochs": 4, "minibatches": 1, "gamma": 1, "lambda": 0.95, "clip_range": 0.2,
                "clip_range_value": 0.2, "beta": 0.05, "kl_estimator": "k1", "score_position": "after_end",
                "missing_eos_score": -1, "whiten_advantages": true, "whiten_rewards": false,
                "carry_values": false,
            ],
            notes: [
                "The learning rate is 3e-6 with Adam's ε 1e-5, the temperature 0.7, the length limit 53, 10⁶ episodes.",
                "A completion that ends at the length limit by an end token has its score there, on its last action; here after it.",
            ]),
        Preset(
            "trl", source: "huggingface/trl@f2cd577, trl/experimental/ppo",
            summary: "The defaults of TRL's PPOTrainer, as it was last: N+ without the penalty for a missing end.",
            parameters: [
                "baseline": "critic", "epochs": 4, "minibatches": 1, "gamma": 1, "lambda": 0.95, "clip_range": 0.2,
                "clip_range_value": 0.2, "beta": 0.05, "kl_estimator": "k1", "score_position": "after_end",
                "missing_eos_penalty": nil, "whiten_advantages": true, "whiten_rewards": false, "carry_values": false,
            ],
            notes: [
                "The learning rate is 3e-6, vf_coef 0.1, the temperature 0.7, the length limit 53.",
                "Its examples set missing_eos_penalty 1.",
            ]),
        Preset(
            "openrlhf", source: "OpenRLHF/OpenRLHF@3c3be62, openrlhf/cli/train_ppo_ray.py and openrlhf/models",
            summary: "One pass, λ = 1, a wide clip of the values, rewards cut to ±10.",
            parameters: [
                "baseline": "critic", "epochs": 1, "gamma": 1, "lambda": 1, "clip_range": 0.2, "clip_range_value": 0.5,
                "beta": 0.01, "kl_estimator": "k1", "kl_clip": 10, "reward_clip": 10, "whiten_advantages": true,
                "whiten_variance": "population", "carry_values": false,
            ],
            notes: [
                "Learning rates are 1e-6 and 9e-6 of the critic; 1024 sequences a rollout, 128 an update.",
                "With kl_target the coefficient adapts: kl_control 'adaptive', kl_horizon 10000.",
            ]),
        Preset(
            "verl", source: "verl-project/verl@1dda039, verl/trainer/ppo/core_algos.py and its configuration",
            summary: "One pass, λ = 1, dual clip, no KL unless asked for, values carried over tool tokens.",
            parameters: [
                "baseline": "critic", "epochs": 1, "gamma": 1, "lambda": 1, "clip_range": 0.2, "clip_range_high": 0.2,
                "dual_clip": 3, "clip_range_value": 0.5, "beta": 0, "kl_loss_coef": 0, "kl_loss_estimator": "k3",
                "kl_clip": 10,
                "whiten_advantages": true, "whiten_variance": "unbiased", "carry_values": true,
            ],
            notes: [
                "With use_kl_in_reward or use_kl_loss the coefficient is 0.001: beta or kl_loss_coef.",
                "Its rollout_is 'token' is importance_correction 'token_truncate' with its cap of 2; without it, 'recompute'.",
                "Learning rates are 1e-6 and 1e-5 of the critic, weight decay 0.01, minibatches of 256 prompts.",
            ]),
        Preset(
            "nemo", source: "NVIDIA-NeMo/RL@7ea279a, examples/configs/ppo_math_1B.yaml",
            summary: "DAPO's clips under GAE: a higher upper clip, dual clip 10, no KL.",
            parameters: [
                "prompts": 32, "samples": 16, "baseline": "critic", "epochs": 4, "gamma": 1, "lambda": 0.95, "lambda_critic": nil,
                "lambda_length_alpha": nil, "clip_range": 0.2, "clip_range_high": 0.28, "dual_clip": 10, "clip_range_value": 0.2,
                "beta": 0, "kl_loss_coef": 0, "whiten_advantages": true,
            ],
            notes: [
                "VAPO's settings are lambda_critic 1 and lambda_length_alpha 0.05.",
                "Rewards in 0…1 are stretched to −1…1, overlong samples penalised; both are the recipe's rewards.",
                "Its value loss is scaled by 0.4.",
            ]),
        Preset(
            "torchtune", source: "pytorch/torchtune@bd2a0fc, recipes/ppo_full_finetune_single_device.py",
            summary: "Advantages scaled but not centred; −3 for a completion without an end.",
            parameters: [
                "baseline": "critic", "gamma": 1, "lambda": 0.95, "clip_range": 0.2, "clip_range_value": 0.2, "beta": 0.01,
                "kl_estimator": "k1", "whiten_advantages": true, "whiten_keeps_mean": true, "missing_eos_score": -3,
                "carry_values": false,
            ],
            notes: [
                "The same −3 is for completions shorter than 18 tokens there; here only for those without an end.",
                "Its value loss counts for 0.1. PPOLoss itself has ε 0.1 by default; the recipe sets 0.2.",
            ]),
        Preset(
            "ddpo", source: "kvablack/ddpo-pytorch@1958463, config/base.py, config/dgx.py (compressibility) and scripts/train.py",
            summary: "No critic: rewards against those of their prompt, a very narrow clip, no KL.",
            parameters: [
                "prompts": 16, "samples": 16, "epochs": 1, "minibatches": 4, "baseline": "group_mean", "gamma": 1,
                "clip_range": 1e-4, "clip_range_high": nil, "dual_clip": nil, "entropy_coef": 0, "beta": 0, "kl_loss_coef": 0,
                "score_position": "last_action", "missing_eos_penalty": nil, "reward_clip": nil, "whiten_rewards": false,
                "whiten_advantages": true, "advantage_clip": 5,
            ],
            notes: [
                "Black et al. 2023, arXiv 2305.13301. For images from a diffusion model; ε is in the units of a log-probability that "
                    + "is the mean over the latent's numbers.",
                "There 256 prompts are drawn a rollout, and a prompt's mean and standard deviation are those of its last 16 rewards, from "
                    + "this rollout and earlier ones, or the whole batch's until it has as many. Here the mean is that of the 16 samples of "
                    + "a prompt, and the standard deviation the rollout's.",
                "baseline 'batch_mean' is what it does while no prompt has 16 rewards. grpo with scale_rewards 'group', "
                    + "scale_variance 'population', advantage_epsilon 1e-6 and advantage_clip 5 divides by each prompt's own standard "
                    + "deviation.",
                "Sampler: 50 DDIM steps, η 1, guidance 5, also in training. LoRA, AdamW at 3e-4, weight decay 1e-4, gradient norm 1.",
                "Two updates a rollout for its aesthetic reward: minibatches 2.",
            ]),
    ]
}
