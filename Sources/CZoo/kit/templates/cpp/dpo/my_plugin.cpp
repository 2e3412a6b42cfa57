// Direct Preference Optimization, the starting point of this plugin.
//
// Rafailov et al. 2023, https://arxiv.org/abs/2305.18290 (eq. 7).
//
//   h = beta * [(log pi(w) - log pi_ref(w)) - (log pi(l) - log pi_ref(l))]        w, l: the chosen and the rejected of a pair
//   L = -(1/P) sum log sigmoid(h)                                                 P pairs of the batch
#include "zoo/easy.h"

struct algorithm {
    zoo_base base;  // first: the host's `self` points to it
    uint64_t pairs;
    double beta;
};

struct objective {
    double pairs, beta;
};

/// The loss of a slice that holds whole pairs, and its gradient by each sequence's log-likelihood.
static int32_t loss(void *loss_ctx, zoo_loss_call *call, zoo_error *err) noexcept {
    const objective *o = static_cast<const objective *>(loss_ctx);
    zoo_scope z = zoo_begin(nullptr, err);
    const zoo_batch *slice = call->slice;
    const double *score = zoo_output(&z, call, "score", slice->n_sequences);
    const double *reference = zoo_sequences(&z, slice, "reference_score");
    const uint64_t *match = zoo_match(&z, slice);
    double *gradient = zoo_gradient(&z, call, "score", slice->n_sequences);
    double sum = 0;
    for (uint64_t i = 0; z.status == ZOO_OK && i + 1 < slice->n_sequences; i += 2) {
        const uint64_t w = match[i], l = match[i + 1];
        const double h = o->beta * (score[w] - reference[w] - score[l] + reference[l]);
        const double share = o->beta / (1 + exp(h)) / o->pairs;  // beta * sigmoid(-h) / P
        sum += (fmax(-h, 0) + log1p(exp(-fabs(h)))) / o->pairs;   // -log sigmoid(h) / P
        gradient[w] = -share;
        gradient[l] = share;
    }
    zoo_check_finite(&z, &sum, 1, "the loss");
    call->loss = sum;
    return zoo_end(&z);
}

/// One iteration: pairs, what the reference says of them, an update.
static int32_t step(void *context, zoo_error *err) noexcept {
    algorithm *self = static_cast<algorithm *>(context);
    zoo_scope z = zoo_begin(self->base.host, err);
    const zoo_batch *pairs = zoo_pairs(&z, self->pairs);
    const uint64_t n = pairs == nullptr ? 0 : pairs->n_sequences;
    const double *reference = zoo_forward(&z, "reference", pairs, "score", n);
    if (z.status == ZOO_OK) zoo_match(&z, pairs);

    objective o = {static_cast<double>(n) / 2, self->beta};
    const zoo_batch *batch = zoo_with_sequences(&z, pairs, "reference_score", reference);
    const double total = zoo_accumulate(&z, "policy", batch, "score", ZOO_LOSS_GROUPED, loss, &o);
    const zoo_step_info update = zoo_update(&z, "policy");
    zoo_log_mean(&z, "loss", total, n / 2);
    zoo_log_mean(&z, "grad_norm", update.gradient_norm, 1);
    zoo_log_last(&z, "lr", update.learning_rate);
    return zoo_end(&z);
}

ZOO_STATELESS(algorithm, "my-plugin")

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_algorithm_v1 **out, zoo_error *err) noexcept {
    zoo_scope z = zoo_begin(host, err);
    algorithm *self = static_cast<algorithm *>(
        zoo_make(&z, id, "my-plugin", sizeof(algorithm), step, algorithm_save, algorithm_load));
    static_cast<void>(json);  // the host has read and checked it
    if (self == nullptr) return zoo_made(&z, self, out);
    self->pairs = static_cast<uint64_t>(zoo_integer(&z, "pairs"));
    self->beta = zoo_number(&z, "beta");
    return zoo_made(&z, self, out);
}

ZOO_PLUGIN(
    "my-plugin", "MyPlugin", "Raises the likelihood of the chosen sequence of each pair against the rejected one.",
    "Rafailov et al. 2023, https://arxiv.org/abs/2305.18290",
    ZOO_SCHEMA(
        ZOO_COUNT("pairs", 64, 1, 1000000, "pairs", "Preference pairs of an iteration.") ", "
        ZOO_REAL("beta", 0.1, 0, 1000, "How strongly the policy is held to the reference.")),
    ZOO_NEEDS_PAIRS("\"policy\", \"reference\""), "", create);
