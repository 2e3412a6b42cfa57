// REINFORCE with a moving-average baseline, in C99 against the plugin contract's headers alone.
//
// Williams 1992, https://doi.org/10.1007/BF00992696 (eq. 11, with reinforcement baseline b the average of past rewards).
//
//   R_s = reward_s - beta * sum_t (log pi(a_t) - log pi_ref(a_t))        return of sequence s, KL estimator k1
//   L   = -(1/S) sum_s (R_s - b) sum_t log pi(a_t)                          S sequences of the step
//   b  <- baseline_decay * b + (1 - baseline_decay) * mean_s R_s            after the step
//
// Departures: b begins at 0, and it is divided by 1 - decay^steps so that it is a mean of what was seen (as Adam's moments are).
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct algorithm {
    zoo_algorithm_v1 table;
    const zoo_host_v1 *host;
    parameters parameters;
    double average, weight;  // of past returns: their decayed sum, and the sum of the weights in it
} algorithm;

static zoo_str str(const char *text) {
    return (zoo_str){text, strlen(text)};
}

static int is_named(zoo_str name, const char *text) {
    return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

/// The f64 array `name` of `rows` numbers, or NULL.
static const double *find(const zoo_array *arrays, uint64_t n, const char *name, uint64_t rows) {
    for (uint64_t i = 0; i < n; i++)
        if (is_named(arrays[i].name, name) && arrays[i].dtype == ZOO_F64 && arrays[i].nbytes == rows * sizeof(double))
            return arrays[i].data;
    return NULL;
}

static int all_finite(const double *values, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

// The loss ------------------------------------------------------------------------------------------------------------------------

/// Of the slice: -(1/S) sum_s A_s sum_t log pi(a_t); `loss_ctx` is S. The gradient by each action's log pi is -A_s / S.
static int32_t loss(void *loss_ctx, const zoo_batch *slice, const zoo_array *outputs, uint64_t n_outputs, zoo_array *gradients,
                    double *loss, zoo_error *err) {
    double sequences = *(const double *)loss_ctx;
    const double *logp = find(outputs, n_outputs, "logp", slice->n_steps);
    const double *advantage = find(slice->columns, slice->n_columns, "advantage", slice->n_sequences);
    if (logp == NULL || advantage == NULL)
        return reinforce_fail(err, ZOO_INTERNAL, "the slice lacks the output 'logp' or the column 'advantage' in f64");
    double *gradient = gradients[0].data;
    double sum = 0;
    for (uint64_t s = 0; s < slice->n_sequences; s++)
        for (uint64_t t = slice->offsets[s]; t < slice->offsets[s + 1]; t++) {
            if (!slice->mask[t]) continue;
            sum -= advantage[s] * logp[t] / sequences;
            gradient[t] = -advantage[s] / sequences;
        }
    if (!isfinite(sum)) return reinforce_fail(err, ZOO_DATA_LOSS, "the output 'logp' or an advantage is not finite");
    *loss = sum;
    return ZOO_OK;
}

// One iteration -------------------------------------------------------------------------------------------------------------------

/// The services of one step, and what they handed out; `release` gives it back.
typedef struct iteration {
    const zoo_data_v1 *data;
    const zoo_rollout_v1 *rollout;
    const zoo_reward_v1 *reward;
    const zoo_model_v1 *model;
    const zoo_log_v1 *log;
    const zoo_batch *prompts, *samples;
    const zoo_list *rewards, *reference;
    double *advantages;
    zoo_array *columns;
} iteration;

static int32_t find_services(const zoo_host_v1 *host, iteration *it, zoo_error *err) {
    it->data = host->get_extension(host->ctx, ZOO_DATA_ID);
    it->rollout = host->get_extension(host->ctx, ZOO_ROLLOUT_ID);
    it->reward = host->get_extension(host->ctx, ZOO_REWARD_ID);
    it->model = host->get_extension(host->ctx, ZOO_MODEL_ID);
    it->log = host->get_extension(host->ctx, ZOO_LOG_ID);
    if (!ZOO_HAS(it->data, zoo_data_v1, prompts)) return reinforce_fail(err, ZOO_UNAVAILABLE, "this host lacks zoo.data/1");
    if (!ZOO_HAS(it->rollout, zoo_rollout_v1, generate))
        return reinforce_fail(err, ZOO_UNAVAILABLE, "this host lacks zoo.rollout/1");
    if (!ZOO_HAS(it->reward, zoo_reward_v1, score)) return reinforce_fail(err, ZOO_UNAVAILABLE, "this host lacks zoo.reward/1");
    if (!ZOO_HAS(it->model, zoo_model_v1, optimizer_step))
        return reinforce_fail(err, ZOO_UNAVAILABLE, "this host lacks zoo.model/1");
    if (!ZOO_HAS(it->log, zoo_log_v1, metric)) return reinforce_fail(err, ZOO_UNAVAILABLE, "this host lacks zoo.log/1");
    return ZOO_OK;
}

static void release(const zoo_host_v1 *host, iteration *it) {
    host->release(host->ctx, it->prompts);
    host->release(host->ctx, it->samples);
    host->release(host->ctx, it->rewards);
    host->release(host->ctx, it->reference);
    free(it->advantages);
    free(it->columns);
}

/// Returns in `it->advantages`, and their mean and the mean KL. [n_sequences]
static int32_t returns(iteration *it, double beta, double *mean, double *mean_kl, zoo_error *err) {
    const zoo_batch *b = it->samples;
    const double *reward = find(it->rewards->arrays, it->rewards->n, "reward", b->n_sequences);
    const double *reference = find(it->reference->arrays, it->reference->n, "logp", b->n_steps);
    const double *behaviour = find(b->columns, b->n_columns, "behaviour_logp", b->n_steps);
    if (reward == NULL || reference == NULL || behaviour == NULL)
        return reinforce_fail(err, ZOO_INTERNAL, "the host gave no 'reward', 'logp' or 'behaviour_logp' in f64");
    if (!all_finite(reward, b->n_sequences)) return reinforce_fail(err, ZOO_DATA_LOSS, "a reward is not finite");
    if (!all_finite(reference, b->n_steps) || !all_finite(behaviour, b->n_steps))
        return reinforce_fail(err, ZOO_DATA_LOSS, "a log-probability is not finite");
    *mean = *mean_kl = 0;
    for (uint64_t s = 0; s < b->n_sequences; s++) {
        double kl = 0;
        for (uint64_t t = b->offsets[s]; t < b->offsets[s + 1]; t++)
            if (b->mask[t]) kl += behaviour[t] - reference[t];
        it->advantages[s] = reward[s] - beta * kl;
        *mean += it->advantages[s] / (double)b->n_sequences;
        *mean_kl += kl / (double)b->n_sequences;
    }
    return ZOO_OK;
}

/// Accumulates and applies the gradient of the loss on the samples with the column `advantage`.
static int32_t update(iteration *it, double *total, zoo_step_info *info, zoo_error *err) {
    zoo_batch batch = *it->samples;
    batch.size = sizeof batch;
    it->columns = malloc((batch.n_columns + 1) * sizeof *it->columns);
    if (it->columns == NULL) return reinforce_fail(err, ZOO_RESOURCE_EXHAUSTED, "no memory for the batch's columns");
    if (batch.n_columns > 0) memcpy(it->columns, batch.columns, batch.n_columns * sizeof *it->columns);
    it->columns[batch.n_columns] = (zoo_array){.size = sizeof(zoo_array), .name = str("advantage"), .dtype = ZOO_F64, .rank = 1,
                                               .shape = {batch.n_sequences, 1, 1, 1}, .data = it->advantages,
                                               .nbytes = batch.n_sequences * sizeof(double)};
    batch.columns = it->columns;
    batch.n_columns++;
    zoo_str want = str("logp");
    double sequences = (double)batch.n_sequences;
    int32_t status = it->model->accumulate(it->model->ctx, str("policy"), &batch, &want, 1, loss, &sequences, ZOO_LOSS_SEPARABLE,
                                           total, err);
    if (status != ZOO_OK) return status;
    return it->model->optimizer_step(it->model->ctx, str("policy"), info, err);
}

static int32_t log_metric(const iteration *it, const char *name, double value, int32_t normaliser, zoo_error *err) {
    return it->log->metric(it->log->ctx, str(name), value, (double)it->samples->n_sequences, normaliser, err);
}

static int32_t run(algorithm *self, iteration *it, zoo_error *err) {
    int32_t status;
    const zoo_str logp = str("logp");
    const parameters *p = &self->parameters;
    if ((status = it->data->prompts(it->data->ctx, p->prompts, &it->prompts, err)) != ZOO_OK) return status;
    if ((status = it->rollout->generate(it->rollout->ctx, str("policy"), it->prompts, p->samples, &it->samples, err)) != ZOO_OK)
        return status;
    if (it->samples->n_sequences == 0) return reinforce_fail(err, ZOO_INVALID_ARGUMENT, "the rollout has no sequence");
    if ((status = it->reward->score(it->reward->ctx, it->samples, &it->rewards, err)) != ZOO_OK) return status;
    if ((status = it->model->forward(it->model->ctx, str("reference"), it->samples, &logp, 1, &it->reference, err)) != ZOO_OK)
        return status;

    it->advantages = malloc(it->samples->n_sequences * sizeof *it->advantages);
    if (it->advantages == NULL) return reinforce_fail(err, ZOO_RESOURCE_EXHAUSTED, "no memory for the advantages");
    double mean, kl, total = 0;
    if ((status = returns(it, p->beta, &mean, &kl, err)) != ZOO_OK) return status;
    double baseline = self->weight > 0 ? self->average / self->weight : 0;
    for (uint64_t s = 0; s < it->samples->n_sequences; s++) it->advantages[s] -= baseline;

    zoo_step_info info = {.size = sizeof info};
    if ((status = update(it, &total, &info, err)) != ZOO_OK) return status;
    self->average = p->baseline_decay * self->average + (1 - p->baseline_decay) * mean;
    self->weight = p->baseline_decay * self->weight + (1 - p->baseline_decay);

    if ((status = log_metric(it, "return", mean, ZOO_METRIC_MEAN, err)) != ZOO_OK) return status;
    if ((status = log_metric(it, "reward", mean + p->beta * kl, ZOO_METRIC_MEAN, err)) != ZOO_OK) return status;
    if ((status = log_metric(it, "kl", kl, ZOO_METRIC_MEAN, err)) != ZOO_OK) return status;
    if ((status = log_metric(it, "baseline", baseline, ZOO_METRIC_LAST, err)) != ZOO_OK) return status;
    if ((status = log_metric(it, "policy_loss", total, ZOO_METRIC_MEAN, err)) != ZOO_OK) return status;
    if ((status = log_metric(it, "grad_norm", info.gradient_norm, ZOO_METRIC_MEAN, err)) != ZOO_OK) return status;
    return log_metric(it, "lr", info.learning_rate, ZOO_METRIC_LAST, err);
}

static int32_t step(void *context, zoo_error *err) {
    algorithm *self = context;
    iteration it = {0};
    int32_t status = find_services(self->host, &it, err);
    if (status == ZOO_OK) status = run(self, &it, err);
    release(self->host, &it);
    return status;
}

// State ---------------------------------------------------------------------------------------------------------------------------

static const char magic[16] = "reinforce state";

typedef struct state {
    char magic[16];
    double average, weight;
} state;

static int32_t save(void *context, zoo_sink_fn sink, void *sink_ctx, zoo_error *err) {
    const algorithm *self = context;
    state saved = {.average = self->average, .weight = self->weight};
    memcpy(saved.magic, magic, sizeof magic);
    return sink(sink_ctx, (const uint8_t *)&saved, sizeof saved, err);
}

static int32_t load(void *context, const uint8_t *bytes, uint64_t n, zoo_error *err) {
    algorithm *self = context;
    state saved;
    if (n != sizeof saved) return reinforce_fail(err, ZOO_DATA_LOSS, "the saved state of 'reinforce' has the wrong length");
    memcpy(&saved, bytes, sizeof saved);
    if (memcmp(saved.magic, magic, sizeof magic) != 0 || !isfinite(saved.average) || !(saved.weight >= 0 && saved.weight <= 1))
        return reinforce_fail(err, ZOO_DATA_LOSS, "these bytes are not a saved state of 'reinforce'");
    self->average = saved.average;
    self->weight = saved.weight;
    return ZOO_OK;
}

// The plugin ----------------------------------------------------------------------------------------------------------------------

static const void *no_extension(void *context, const char *id) {
    (void)context;
    (void)id;
    return NULL;
}

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_algorithm_v1 **out, zoo_error *err) {
    if (!is_named(id, "reinforce")) return reinforce_fail(err, ZOO_NOT_FOUND, "this plugin has one algorithm: 'reinforce'");
    if (!ZOO_HAS(host, zoo_host_v1, release) || host->get_extension == NULL || host->release == NULL)
        return reinforce_fail(err, ZOO_INVALID_ARGUMENT, "the host's table is too short: it needs get_extension and release");
    parameters parsed;
    int32_t status = reinforce_parse(json, &parsed, err);
    if (status != ZOO_OK) return status;
    algorithm *self = malloc(sizeof *self);
    if (self == NULL) return reinforce_fail(err, ZOO_RESOURCE_EXHAUSTED, "no memory for the algorithm");
    *self = (algorithm){.table = {.size = sizeof self->table, .self = self, .step = step, .save = save, .load = load,
                                  .get_extension = no_extension, .destroy = free},
                        .host = host, .parameters = parsed};
    *out = &self->table;
    return ZOO_OK;
}

#define TEXT(literal) {literal, sizeof(literal) - 1}

static const zoo_algorithm_info_v1 info = {
    .size = sizeof info,
    .id = TEXT("reinforce"),
    .title = TEXT("REINFORCE with a moving-average baseline"),
    .summary = TEXT("The oldest policy gradient, written in C99 against the headers alone."),
    .paper = TEXT("Williams 1992, https://doi.org/10.1007/BF00992696"),
    .parameters = TEXT(
        "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
        "\"prompts\": {\"type\": \"integer\", \"default\": 32, \"minimum\": 1, \"maximum\": 1000000, "
        "\"description\": \"Prompts of an iteration.\", \"counts\": \"prompts\"}, "
        "\"samples\": {\"type\": \"integer\", \"default\": 1, \"minimum\": 1, \"maximum\": 1000000, "
        "\"description\": \"Sequences sampled for each prompt.\", \"counts\": \"samples_per_prompt\"}, "
        "\"baseline_decay\": {\"type\": \"number\", \"default\": 0.9, \"minimum\": 0, \"maximum\": 1, "
        "\"description\": \"How much of the baseline stays at each step; 1 keeps it at 0.\"}, "
        "\"beta\": {\"type\": \"number\", \"default\": 0.05, \"minimum\": 0, \"maximum\": 1000, "
        "\"description\": \"Weight of the KL to the reference in the reward, per nat.\", \"formerly\": [\"kl_coef\"]}}, "
        "\"order\": [\"prompts\", \"samples\", \"baseline_decay\", \"beta\"]}"),
    .needs = TEXT(
        "{\"data\": \"prompts\", \"roles\": [\"policy\", \"reference\"], "
        "\"services\": [\"zoo.data/1\", \"zoo.rollout/1\", \"zoo.reward/1\", \"zoo.model/1\", \"zoo.log/1\"]}"),
};

static const zoo_algorithm_info_v1 *const algorithms[] = {&info};

#define STRINGIFIED(x) #x
#define STRING(x) STRINGIFIED(x)

static const zoo_plugin_v1 plugin = {
    .size = sizeof plugin,
    .abi_minor = ZOO_ABI_MINOR,
#if defined(__clang__)
    .toolchain = TEXT("clang " STRING(__clang_major__) "." STRING(__clang_minor__) "." STRING(__clang_patchlevel__)),
#else
    .toolchain = TEXT("c compiler"),
#endif
    .algorithms = algorithms,
    .n_algorithms = 1,
    .create = create,
};

const zoo_plugin_v1 *zoo_plugin_entry_v1(void) {
    return &plugin;
}
