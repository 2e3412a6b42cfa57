//! REINFORCE with a moving-average baseline, the starting point of this plugin.
//!
//! Williams 1992, <https://doi.org/10.1007/BF00992696>.
//!
//!     R_s = reward_s − β Σ_t (log π(a_t) − log π_ref(a_t))        return of sequence s
//!     L   = −(1/S) Σ_s (R_s − b) Σ_t log π(a_t)                     S sequences of the iteration
//!     b   ← decay·b + (1 − decay)·mean R                            after the iteration
use zoo_plugin::{Algorithm, Cut, Error, Host, Info, Loss, Normaliser, Parameters, Result};

struct Method {
    prompts: u64,
    samples: u64,
    decay: f64,
    beta: f64,
    /// Of past returns: their decayed sum, and the sum of the weights in it.
    past: (f64, f64),
}

/// The loss of a slice, and its gradient by log π of each action. A pure function: the host may call it on any slice.
fn loss(call: &mut Loss, sequences: f64) -> Result<f64> {
    let logp = call.output("logp")?;
    let gradient = call.gradient("logp")?;
    let advantage = call.slice.sequences("advantage")?;
    let mut sum = 0.0;
    for (s, advantage) in advantage.iter().enumerate() {
        for t in call.slice.actions_of(s) {
            sum -= advantage * logp[t] / sequences;
            gradient[t] = -advantage / sequences;
        }
    }
    Ok(sum)
}

impl Algorithm for Method {
    const INFO: Info = Info {
        id: "my-plugin",
        title: "MyPlugin",
        summary: "Policy gradient against a moving average of past returns.",
        paper: "Williams 1992, https://doi.org/10.1007/BF00992696",
        parameters: r#"{"type": "object", "additionalProperties": false, "properties": {
            "prompts": {"type": "integer", "default": 32, "minimum": 1, "maximum": 1000000, "counts": "prompts",
                        "description": "Prompts of an iteration."},
            "samples": {"type": "integer", "default": 1, "minimum": 1, "maximum": 1000000, "counts": "samples_per_prompt",
                        "description": "Sequences sampled for each prompt."},
            "baseline_decay": {"type": "number", "default": 0.9, "minimum": 0, "maximum": 1,
                               "description": "How much of the baseline stays at each step; 1 keeps it at 0."},
            "beta": {"type": "number", "default": 0.05, "minimum": 0, "maximum": 1000,
                     "description": "Weight of the KL to the reference in the reward, per nat."}}}"#,
        needs: r#"{"data": "prompts", "roles": ["policy", "reference"],
            "services": ["zoo.data/1", "zoo.rollout/1", "zoo.reward/1", "zoo.model/1", "zoo.log/1"]}"#,
        presets: "",
    };

    fn create(parameters: &Parameters) -> Result<Self> {
        Ok(Method {
            prompts: parameters.count("prompts")?,
            samples: parameters.count("samples")?,
            decay: parameters.number("baseline_decay")?,
            beta: parameters.number("beta")?,
            past: (0.0, 0.0),
        })
    }

    fn step(&mut self, host: &Host) -> Result<()> {
        let prompts = host.prompts(self.prompts)?;
        let rollout = host.generate("policy", &prompts, self.samples)?;
        let rewards = host.rewards(&rollout, "reward")?;
        let reference = host.forward_steps("reference", &rollout, "logp")?;
        let behaviour = rollout.steps("behaviour_logp")?;
        if !behaviour.iter().all(|logp| logp.is_finite()) {
            return Err(Error::data_loss("a log-probability is not finite"));
        }

        let (sum, weight) = self.past;
        let baseline = if weight > 0.0 { sum / weight } else { 0.0 };
        let kl = |s| rollout.actions_of(s).map(|t| behaviour[t] - reference[t]).sum::<f64>();
        let returns: Vec<f64> = rewards.iter().enumerate().map(|(s, reward)| reward - self.beta * kl(s)).collect();
        let n = returns.len();
        let mean = returns.iter().sum::<f64>() / n as f64;
        let batch = rollout.with_sequences("advantage", returns.iter().map(|value| value - baseline).collect());

        let total = host.accumulate("policy", &batch, &["logp"], Cut::Separable, |call| loss(call, n as f64))?;
        let update = host.update("policy")?;
        self.past = (self.decay * sum + (1.0 - self.decay) * mean, self.decay * weight + (1.0 - self.decay));

        host.log_mean("return", mean, n)?;
        host.log_mean("reward", rewards.iter().sum::<f64>() / n as f64, n)?;
        host.log("baseline", baseline, 1.0, Normaliser::Last)?;
        host.log_mean("policy_loss", total, n)?;
        host.log_update(update)
    }

    fn save(&self) -> Vec<u8> {
        [*b"baseline", self.past.0.to_le_bytes(), self.past.1.to_le_bytes()].concat()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let number = |at: usize| bytes.get(at..at + 8).and_then(|part| part.try_into().ok()).map(f64::from_le_bytes);
        let past = number(8).zip(number(16)).filter(|past| past.0.is_finite() && (0.0..=1.0).contains(&past.1));
        match past {
            Some(past) if bytes.len() == 24 && bytes.starts_with(b"baseline") => self.past = past,
            _ => return Err(Error::data_loss(format!("these {} bytes are no saved state of my-plugin", bytes.len()))),
        }
        Ok(())
    }
}

zoo_plugin::plugin!(Method);
