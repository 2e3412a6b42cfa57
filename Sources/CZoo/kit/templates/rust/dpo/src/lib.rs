//! Direct Preference Optimization, the starting point of this plugin.
//!
//! Rafailov et al. 2023, <https://arxiv.org/abs/2305.18290> (eq. 7).
//!
//!     h = β [(log π(w) − log π_ref(w)) − (log π(l) − log π_ref(l))]        w, l: the chosen and the rejected of a pair
//!     L = −(1/P) Σ log σ(h)                                                 P pairs of the batch
use zoo_plugin::{Algorithm, Cut, Host, Info, Loss, Parameters, Result};

struct Method {
    pairs: u64,
    beta: f64,
}

/// The loss of a slice of whole pairs, and its gradient by each sequence's log-likelihood. A pure function.
fn loss(call: &mut Loss, pairs: f64, beta: f64) -> Result<f64> {
    let score = call.output("score")?;
    let gradient = call.gradient("score")?;
    let reference = call.slice.sequences("reference_score")?;
    let mut sum = 0.0;
    for (w, l) in call.slice.pairs()? {
        let h = beta * (score[w] - reference[w] - score[l] + reference[l]);
        let share = beta / (1.0 + h.exp()) / pairs; // β σ(−h) / P
        sum += ((-h).max(0.0) + (-h.abs()).exp().ln_1p()) / pairs; // −log σ(h) / P
        gradient[w] = -share;
        gradient[l] = share;
    }
    Ok(sum)
}

impl Algorithm for Method {
    const INFO: Info = Info {
        id: "my-plugin",
        title: "MyPlugin",
        summary: "Raises the likelihood of the chosen sequence of each pair against the rejected one.",
        paper: "Rafailov et al. 2023, https://arxiv.org/abs/2305.18290",
        parameters: r#"{"type": "object", "additionalProperties": false, "properties": {
            "pairs": {"type": "integer", "default": 64, "minimum": 1, "maximum": 1000000, "counts": "pairs",
                      "description": "Preference pairs of an iteration."},
            "beta": {"type": "number", "default": 0.1, "minimum": 0, "maximum": 1000,
                     "description": "How strongly the policy is held to the reference."}}}"#,
        needs: r#"{"data": "pairs", "roles": ["policy", "reference"], "services": ["zoo.data/1", "zoo.model/1", "zoo.log/1"]}"#,
        presets: "",
    };

    fn create(parameters: &Parameters) -> Result<Self> {
        Ok(Method { pairs: parameters.count("pairs")?, beta: parameters.number("beta")? })
    }

    fn step(&mut self, host: &Host) -> Result<()> {
        let data = host.pairs(self.pairs)?;
        let pairs = data.pairs()?.len();
        let batch = data.with_sequences("reference_score", host.forward_sequences("reference", &data, "score")?);
        let (count, beta) = (pairs as f64, self.beta);
        let total = host.accumulate("policy", &batch, &["score"], Cut::Grouped, |call| loss(call, count, beta))?;
        host.log_update(host.update("policy")?)?;
        host.log_mean("loss", total, pairs)
    }
}

zoo_plugin::plugin!(Method);
