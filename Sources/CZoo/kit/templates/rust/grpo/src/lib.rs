//! Group Relative Policy Optimization, the starting point of this plugin.
//!
//! Shao et al. 2024, <https://arxiv.org/abs/2402.03300> (eq. 3 and 4).
//!
//!     A_s = (reward_s − mean of its group) / (standard deviation of its group + 1e-4)
//!     L   = (1/N) Σ_t [β (exp(g_t) − g_t − 1) − min(r_t A, clip(r_t, 1 − ε, 1 + ε) A)]       N actions of the rollout
//!     r_t = π(a_t) / π_old(a_t),   g_t = log π_ref(a_t) − log π(a_t)
use zoo_plugin::{Algorithm, Cut, Host, Info, Loss, Parameters, Result};

struct Method {
    prompts: u64,
    samples: u64,
    epochs: u64,
    clip: f64,
    beta: f64,
}

impl Method {
    /// The loss of a slice, and its gradient by log π of each action. A pure function: the host may call it on any slice.
    fn loss(&self, call: &mut Loss, actions: f64) -> Result<f64> {
        let logp = call.output("logp")?;
        let gradient = call.gradient("logp")?;
        let behaviour = call.slice.steps("behaviour_logp")?;
        let reference = call.slice.steps("reference_logp")?;
        let mut sum = 0.0;
        for (s, &a) in call.slice.sequences("advantage")?.iter().enumerate() {
            for t in call.slice.actions_of(s) {
                let (ratio, gap) = ((logp[t] - behaviour[t]).exp(), reference[t] - logp[t]);
                let clipped = ratio.clamp(1.0 - self.clip, 1.0 + self.clip);
                sum += (self.beta * (gap.exp() - gap - 1.0) - (ratio * a).min(clipped * a)) / actions;
                let surrogate = if clipped * a < ratio * a { 0.0 } else { ratio * a };
                gradient[t] = (self.beta * (1.0 - gap.exp()) - surrogate) / actions;
            }
        }
        Ok(sum)
    }
}

/// The sequences of a group stand together. [n]
fn advantages(rewards: &[f64], groups: &[i64]) -> Vec<f64> {
    let mut advantages = Vec::with_capacity(rewards.len());
    for group in groups.chunk_by(|a, b| a == b) {
        let rewards = &rewards[advantages.len()..advantages.len() + group.len()];
        let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
        let squares: f64 = rewards.iter().map(|reward| (reward - mean).powi(2)).sum();
        let scale = (squares / (rewards.len() as f64 - 1.0).max(1.0)).sqrt() + 1e-4;
        advantages.extend(rewards.iter().map(|reward| (reward - mean) / scale));
    }
    advantages
}

impl Algorithm for Method {
    const INFO: Info = Info {
        id: "my-plugin",
        title: "MyPlugin",
        summary: "Clipped policy gradient, each sample measured against the others of its prompt.",
        paper: "Shao et al. 2024, https://arxiv.org/abs/2402.03300",
        parameters: r#"{"type": "object", "additionalProperties": false, "properties": {
            "prompts": {"type": "integer", "default": 16, "minimum": 1, "maximum": 1000000, "counts": "prompts",
                        "description": "Prompts of an iteration."},
            "samples": {"type": "integer", "default": 8, "minimum": 2, "maximum": 1000000, "counts": "samples_per_prompt",
                        "description": "Sequences sampled for each prompt."},
            "epochs": {"type": "integer", "default": 1, "minimum": 1, "maximum": 100, "counts": "passes",
                       "description": "Updates on each rollout."},
            "clip": {"type": "number", "default": 0.2, "minimum": 0, "maximum": 1,
                     "description": "How far a ratio may leave 1 before its gradient stops."},
            "beta": {"type": "number", "default": 0.04, "minimum": 0, "maximum": 1000,
                     "description": "Weight of the KL to the reference, per nat."}}}"#,
        needs: r#"{"data": "prompts", "roles": ["policy", "reference"],
            "services": ["zoo.data/1", "zoo.rollout/1", "zoo.reward/1", "zoo.model/1", "zoo.log/1"]}"#,
        presets: "",
    };

    fn create(parameters: &Parameters) -> Result<Self> {
        Ok(Method {
            prompts: parameters.count("prompts")?,
            samples: parameters.count("samples")?,
            epochs: parameters.count("epochs")?,
            clip: parameters.number("clip")?,
            beta: parameters.number("beta")?,
        })
    }

    fn step(&mut self, host: &Host) -> Result<()> {
        let prompts = host.prompts(self.prompts)?;
        let rollout = host.generate("policy", &prompts, self.samples)?;
        let rewards = host.rewards(&rollout, "reward")?;
        let reference = host.forward_steps("reference", &rollout, "logp")?;
        let advantages = advantages(&rewards, rollout.integers("group")?);
        let batch = rollout.with_sequences("advantage", advantages);
        let batch = batch.with_steps("reference_logp", reference);
        host.log_mean("reward", rewards.iter().sum::<f64>() / rewards.len() as f64, rewards.len())?;

        let actions = rollout.action_count().max(1) as f64;
        for _ in 0..self.epochs {
            let total = host.accumulate("policy", &batch, &["logp"], Cut::Separable, |call| self.loss(call, actions))?;
            host.log_update(host.update("policy")?)?;
            host.log_mean("policy_loss", total, rewards.len())?;
        }
        Ok(())
    }
}

zoo_plugin::plugin!(Method);
