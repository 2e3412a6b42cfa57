// REINFORCE with a moving-average baseline, the starting point of this plugin.
//
// Williams 1992, https://doi.org/10.1007/BF00992696 (eq. 11, with reinforcement baseline b the average of past rewards).
//
//   R_s = reward_s - beta * sum_t (log pi(a_t) - log pi_ref(a_t))        return of sequence s, KL estimator k1
//   L   = -(1/S) sum_s (R_s - b) sum_t log pi(a_t)                          S sequences of the step
//   b  <- baseline_decay * b + (1 - baseline_decay) * mean_s R_s            after the step
#include "zoo/easy.h"

struct average {
    double sum, weight;  // of past returns: their decayed sum, and the sum of the weights in it
};

struct algorithm {
    zoo_base base;  // first: the host's `self` points to it
    uint64_t prompts, samples;
    double decay, beta;
    average past;
};

/// Of the slice: -(1/S) sum_s A_s sum_t log pi(a_t); `loss_ctx` is S. The gradient by each action's log pi is -A_s / S.
static int32_t loss(void *loss_ctx, zoo_loss_call *call, zoo_error *err) noexcept {
    zoo_scope z = zoo_begin(nullptr, err);
    const zoo_batch *slice = call->slice;
    const double sequences = *static_cast<const double *>(loss_ctx);
    const double *logp = zoo_output(&z, call, "logp", slice->n_steps);
    const double *advantage = zoo_sequences(&z, slice, "advantage");
    double *gradient = zoo_gradient(&z, call, "logp", slice->n_steps);
    double sum = 0;
    for (uint64_t s = 0; z.status == ZOO_OK && s < slice->n_sequences; s++)
        for (uint64_t t = slice->offsets[s]; t < slice->offsets[s + 1]; t++) {
            if (!(slice->mask[t] & ZOO_ACTION)) continue;
            sum -= advantage[s] * logp[t] / sequences;
            gradient[t] = -advantage[s] / sequences;
        }
    zoo_check_finite(&z, &sum, 1, "the loss");
    call->loss = sum;
    return zoo_end(&z);
}

static int32_t step(void *context, zoo_error *err) noexcept {
    algorithm *self = static_cast<algorithm *>(context);
    zoo_scope z = zoo_begin(self->base.host, err);
    const zoo_batch *prompts = zoo_prompts(&z, self->prompts);
    const zoo_batch *rollout = zoo_generate(&z, "policy", prompts, self->samples);
    const uint64_t n = rollout == nullptr ? 0 : rollout->n_sequences, steps = rollout == nullptr ? 0 : rollout->n_steps;
    const double *reward = zoo_rewards(&z, rollout, "reward");
    const double *reference = zoo_forward(&z, "reference", rollout, "logp", steps);
    const double *behaviour = zoo_steps(&z, rollout, "behaviour_logp");
    double *advantage = zoo_doubles(&z, n);
    zoo_check_finite(&z, behaviour, steps, "a log-probability");
    if (z.status != ZOO_OK) return zoo_end(&z);

    const double baseline = self->past.weight > 0 ? self->past.sum / self->past.weight : 0;
    double mean = 0, mean_kl = 0;
    for (uint64_t s = 0; s < n; s++) {
        double kl = 0;
        for (uint64_t t = rollout->offsets[s]; t < rollout->offsets[s + 1]; t++)
            if (rollout->mask[t] & ZOO_ACTION) kl += behaviour[t] - reference[t];
        const double value = reward[s] - self->beta * kl;
        mean += value / static_cast<double>(n);
        mean_kl += kl / static_cast<double>(n);
        advantage[s] = value - baseline;
    }

    double sequences = static_cast<double>(n);
    const zoo_batch *batch = zoo_with_sequences(&z, rollout, "advantage", advantage);
    const double total = zoo_accumulate(&z, "policy", batch, "logp", ZOO_LOSS_SEPARABLE, loss, &sequences);
    const zoo_step_info update = zoo_update(&z, "policy");
    if (z.status != ZOO_OK) return zoo_end(&z);
    self->past.sum = self->decay * self->past.sum + (1 - self->decay) * mean;
    self->past.weight = self->decay * self->past.weight + (1 - self->decay);

    zoo_log_mean(&z, "return", mean, n);
    zoo_log_mean(&z, "reward", mean + self->beta * mean_kl, n);
    zoo_log_mean(&z, "kl", mean_kl, n);
    zoo_log_last(&z, "baseline", baseline);
    zoo_log_mean(&z, "policy_loss", total, n);
    zoo_log_mean(&z, "grad_norm", update.gradient_norm, 1);
    zoo_log_last(&z, "lr", update.learning_rate);
    return zoo_end(&z);
}

ZOO_STATE(algorithm, past, "my-plugin", isfinite(self->past.sum) && self->past.weight >= 0 && self->past.weight <= 1)

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_algorithm_v1 **out, zoo_error *err) noexcept {
    zoo_scope z = zoo_begin(host, err);
    algorithm *self = static_cast<algorithm *>(
        zoo_make(&z, id, "my-plugin", sizeof(algorithm), step, algorithm_save, algorithm_load));
    static_cast<void>(json);  // the host has read and checked it
    if (self == nullptr) return zoo_made(&z, self, out);
    self->prompts = static_cast<uint64_t>(zoo_integer(&z, "prompts"));
    self->samples = static_cast<uint64_t>(zoo_integer(&z, "samples"));
    self->decay = zoo_number(&z, "baseline_decay");
    self->beta = zoo_number(&z, "beta");
    return zoo_made(&z, self, out);
}

ZOO_PLUGIN(
    "my-plugin", "MyPlugin", "Policy gradient against a moving average of past returns.",
    "Williams 1992, https://doi.org/10.1007/BF00992696",
    ZOO_SCHEMA(
        ZOO_COUNT("prompts", 32, 1, 1000000, "prompts", "Prompts of an iteration.") ", "
        ZOO_COUNT("samples", 1, 1, 1000000, "samples_per_prompt", "Sequences sampled for each prompt.") ", "
        ZOO_REAL("baseline_decay", 0.9, 0, 1, "How much of the baseline stays at each step; 1 keeps it at 0.") ", "
        ZOO_REAL("beta", 0.05, 0, 1000, "Weight of the KL to the reference in the reward, per nat.")),
    ZOO_NEEDS_SAMPLES("\"policy\", \"reference\""), "", create);
