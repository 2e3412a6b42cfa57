// Group Relative Policy Optimization, the starting point of this plugin.
//
// Shao et al. 2024, https://arxiv.org/abs/2402.03300 (eq. 3 and 4).
//
//   A_s = (reward_s - mean of its group) / (standard deviation of its group + 1e-4)
//   L   = (1/N) sum_t [beta * (exp(g_t) - g_t - 1) - min(r_t A, clip(r_t, 1 - e, 1 + e) A)]       N actions of the rollout
//   r_t = pi(a_t) / pi_old(a_t),   g_t = log pi_ref(a_t) - log pi(a_t)
#include "zoo/easy.h"

struct algorithm {
    zoo_base base;  // first: the host's `self` points to it
    uint64_t prompts, samples, epochs;
    double clip, beta;
};

struct objective {
    double actions, clip, beta;
};

/// The loss of a slice, and its gradient by log pi of each action. A pure function: the host may call it on any slice.
static int32_t loss(void *loss_ctx, zoo_loss_call *call, zoo_error *err) noexcept {
    const objective *o = static_cast<const objective *>(loss_ctx);
    zoo_scope z = zoo_begin(nullptr, err);
    const zoo_batch *slice = call->slice;
    const double *logp = zoo_output(&z, call, "logp", slice->n_steps);
    const double *behaviour = zoo_steps(&z, slice, "behaviour_logp");
    const double *reference = zoo_steps(&z, slice, "reference_logp");
    const double *advantage = zoo_sequences(&z, slice, "advantage");
    double *gradient = zoo_gradient(&z, call, "logp", slice->n_steps);
    double sum = 0;
    for (uint64_t s = 0; z.status == ZOO_OK && s < slice->n_sequences; s++)
        for (uint64_t t = slice->offsets[s]; t < slice->offsets[s + 1]; t++) {
            if (!(slice->mask[t] & ZOO_ACTION)) continue;
            const double a = advantage[s], ratio = exp(logp[t] - behaviour[t]), gap = reference[t] - logp[t];
            const double clipped = fmin(fmax(ratio, 1 - o->clip), 1 + o->clip);
            sum += (o->beta * (exp(gap) - gap - 1) - fmin(ratio * a, clipped * a)) / o->actions;
            gradient[t] = (o->beta * (1 - exp(gap)) - (clipped * a < ratio * a ? 0 : ratio * a)) / o->actions;
        }
    zoo_check_finite(&z, &sum, 1, "the loss");
    call->loss = sum;
    return zoo_end(&z);
}

/// The sequences of a group stand together.
static void set_advantages(double *advantage, const double *reward, const int64_t *group, uint64_t n) noexcept {
    for (uint64_t first = 0, end = 0; first < n; first = end) {
        double mean = 0, squares = 0;
        for (end = first; end < n && group[end] == group[first]; end++) mean += reward[end];
        mean /= static_cast<double>(end - first);
        for (uint64_t s = first; s < end; s++) squares += (reward[s] - mean) * (reward[s] - mean);
        const double scale = sqrt(squares / fmax(1, static_cast<double>(end - first) - 1)) + 1e-4;
        for (uint64_t s = first; s < end; s++) advantage[s] = (reward[s] - mean) / scale;
    }
}

/// One iteration: sample, compare within groups, update.
static int32_t step(void *context, zoo_error *err) noexcept {
    algorithm *self = static_cast<algorithm *>(context);
    zoo_scope z = zoo_begin(self->base.host, err);
    const zoo_batch *prompts = zoo_prompts(&z, self->prompts);
    const zoo_batch *rollout = zoo_generate(&z, "policy", prompts, self->samples);
    const uint64_t n = rollout == nullptr ? 0 : rollout->n_sequences, steps = rollout == nullptr ? 0 : rollout->n_steps;
    const double *reward = zoo_rewards(&z, rollout, "reward");
    const double *reference = zoo_forward(&z, "reference", rollout, "logp", steps);
    const int64_t *group = zoo_integers(&z, rollout, "group");
    double *advantage = zoo_doubles(&z, n);
    if (z.status != ZOO_OK) return zoo_end(&z);

    double mean = 0;
    for (uint64_t s = 0; s < n; s++) mean += reward[s] / static_cast<double>(n);
    zoo_log_mean(&z, "reward", mean, n);
    set_advantages(advantage, reward, group, n);
    const zoo_batch *batch = zoo_with_sequences(&z, rollout, "advantage", advantage);
    batch = zoo_with_steps(&z, batch, "reference_logp", reference);

    objective o = {fmax(1, static_cast<double>(zoo_all_actions(rollout))), self->clip, self->beta};
    for (uint64_t epoch = 0; epoch < self->epochs; epoch++) {
        const double total = zoo_accumulate(&z, "policy", batch, "logp", ZOO_LOSS_SEPARABLE, loss, &o);
        const zoo_step_info update = zoo_update(&z, "policy");
        zoo_log_mean(&z, "policy_loss", total, n);
        zoo_log_mean(&z, "grad_norm", update.gradient_norm, 1);
        zoo_log_last(&z, "lr", update.learning_rate);
    }
    return zoo_end(&z);
}

ZOO_STATELESS(algorithm, "my-plugin")

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_algorithm_v1 **out, zoo_error *err) noexcept {
    zoo_scope z = zoo_begin(host, err);
    algorithm *self = static_cast<algorithm *>(
        zoo_make(&z, id, "my-plugin", sizeof(algorithm), step, algorithm_save, algorithm_load));
    static_cast<void>(json);  // the host has read and checked it
    if (self == nullptr) return zoo_made(&z, self, out);
    self->prompts = static_cast<uint64_t>(zoo_integer(&z, "prompts"));
    self->samples = static_cast<uint64_t>(zoo_integer(&z, "samples"));
    self->epochs = static_cast<uint64_t>(zoo_integer(&z, "epochs"));
    self->clip = zoo_number(&z, "clip");
    self->beta = zoo_number(&z, "beta");
    return zoo_made(&z, self, out);
}

ZOO_PLUGIN(
    "my-plugin", "MyPlugin", "Clipped policy gradient, each sample measured against the others of its prompt.",
    "Shao et al. 2024, https://arxiv.org/abs/2402.03300",
    ZOO_SCHEMA(
        ZOO_COUNT("prompts", 16, 1, 1000000, "prompts", "Prompts of an iteration.") ", "
        ZOO_COUNT("samples", 8, 2, 1000000, "samples_per_prompt", "Sequences sampled for each prompt.") ", "
        ZOO_COUNT("epochs", 1, 1, 100, "passes", "Updates on each rollout.") ", "
        ZOO_REAL("clip", 0.2, 0, 1, "How far a ratio may leave 1 before its gradient stops.") ", "
        ZOO_REAL("beta", 0.04, 0, 1000, "Weight of the KL to the reference, per nat.")),
    ZOO_NEEDS_SAMPLES("\"policy\", \"reference\""), "", create);
