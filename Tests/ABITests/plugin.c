// An algorithm that calls every function of the contract once in an iteration, in C11 by the headers alone. A library of it is kept for
// each released minor version; what it logs is what the tests compare.
#include "zoo/zoo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}
static const zoo_str policy = TEXT("policy"), reference = TEXT("reference"), old = TEXT("old"), logp = TEXT("logp");

typedef struct algorithm {
    zoo_algorithm_v1 table;
    const zoo_host_v1 *host;
    double scale;
    int64_t samples;
    uint64_t steps;
} algorithm;

static int32_t fail(zoo_error *error, int32_t code, const char *message) {
    if (!ZOO_HAS(error, zoo_error, len)) return code;
    size_t room = error->size - offsetof(zoo_error, msg), length = strlen(message);
    error->code = code;
    error->len = (uint32_t)(length < room ? length : room);
    memcpy(error->msg, message, error->len);
    return code;
}

/// The numbers of an f64 array by its name, or NULL.
static const double *find(const zoo_array *const *arrays, uint64_t n, const char *name) {
    for (uint64_t i = 0; i < n; i++)
        if (arrays[i]->name.len == strlen(name) && memcmp(arrays[i]->name.ptr, name, strlen(name)) == 0 && arrays[i]->dtype == ZOO_F64)
            return arrays[i]->data;
    return NULL;
}

/// -(scale / S) sum_s advantage_s sum_t log pi(a_t); `loss_ctx` is scale / S.
static int32_t loss(void *loss_ctx, zoo_loss_call *call, zoo_error *error) {
    double scale = *(const double *)loss_ctx, sum = 0;
    const zoo_batch *slice = call->slice;
    const double *values = find(call->outputs, call->n_outputs, "logp");
    const double *advantage = find(slice->columns, slice->n_columns, "advantage");
    if (values == NULL || advantage == NULL) return fail(error, ZOO_INTERNAL, "the slice lacks 'logp' or 'advantage'");
    double *gradient = call->gradients[0]->data;
    for (uint64_t s = 0; s < slice->n_sequences; s++)
        for (uint64_t t = slice->offsets[s]; t < slice->offsets[s + 1]; t++)
            if (slice->mask[t] & ZOO_ACTION) {
                sum -= scale * advantage[s] * values[t];
                gradient[t] = -scale * advantage[s];
            }
    if (!isfinite(sum)) return fail(error, ZOO_DATA_LOSS, "the output 'logp' is not finite");
    call->loss = sum;
    return ZOO_OK;
}

/// The services of an iteration and what they handed out.
typedef struct iteration {
    const zoo_data_v1 *data;
    const zoo_rollout_v1 *rollout;
    const zoo_reward_v1 *reward;
    const zoo_model_v1 *model;
    const zoo_log_v1 *log;
    const zoo_rng_v1 *rng;
    const zoo_run_v1 *run;
    const zoo_batch *prompts, *samples;
    const zoo_list *rewards, *outputs;
    double *advantage;
    const zoo_array **columns;
} iteration;

#define CALL(...) do { int32_t status = (__VA_ARGS__); if (status != ZOO_OK) return status; } while (0)

static int32_t train(algorithm *self, iteration *it, zoo_step_info *info, double *total, zoo_error *error) {
    uint64_t n = it->samples->n_sequences;
    const double *reward = find(it->rewards->arrays, it->rewards->n, "reward");
    if (reward == NULL || n == 0) return fail(error, ZOO_INTERNAL, "the host gave no reward");
    it->advantage = malloc(n * sizeof *it->advantage);
    it->columns = malloc((it->samples->n_columns + 1) * sizeof *it->columns);
    double mean = 0;
    for (uint64_t s = 0; s < n; s++) mean += reward[s] / (double)n;
    for (uint64_t s = 0; s < n; s++) {
        if (!isfinite(reward[s])) return fail(error, ZOO_DATA_LOSS, "a reward is not finite");
        it->advantage[s] = reward[s] - mean;
    }
    zoo_array column = {.size = sizeof column, .name = TEXT("advantage"), .dtype = ZOO_F64, .rank = 1, .shape = {n, 1, 1, 1},
                        .data = it->advantage, .nbytes = n * sizeof(double)};
    zoo_batch batch = {.size = sizeof batch, .n_sequences = n, .n_steps = it->samples->n_steps, .offsets = it->samples->offsets,
                       .tokens = it->samples->tokens, .mask = it->samples->mask, .columns = it->columns,
                       .n_columns = it->samples->n_columns + 1};
    if (it->samples->n_columns > 0) memcpy(it->columns, it->samples->columns, it->samples->n_columns * sizeof *it->columns);
    it->columns[it->samples->n_columns] = &column;

    double scale = self->scale / (double)n;
    zoo_accumulate_args accumulate = {.size = sizeof accumulate, .flags = ZOO_LOSS_SEPARABLE, .role = policy, .batch = &batch,
                                      .want = &logp, .n_want = 1, .loss = loss, .loss_ctx = &scale};
    zoo_update_args update = {.size = sizeof update, .role = policy};
    zoo_loss_info sum = {.size = sizeof sum};
    CALL(it->model->accumulate(it->model->ctx, &accumulate, NULL, error));
    CALL(it->model->discard(it->model->ctx, policy, error));
    CALL(it->model->accumulate(it->model->ctx, &accumulate, &sum, error));
    CALL(it->model->optimizer_step(it->model->ctx, &update, info, error));
    *total = sum.loss;
    return it->model->blend(it->model->ctx, old, policy, 0.5, error);
}

static int32_t run(algorithm *self, iteration *it, zoo_error *error) {
    zoo_rows_args rows = {.size = sizeof rows, .n = 3};
    CALL(it->data->prompts(it->data->ctx, &rows, &it->prompts, error));
    zoo_generate_args generate = {.size = sizeof generate, .role = policy, .prompts = it->prompts, .samples = (uint64_t)self->samples};
    CALL(it->rollout->generate(it->rollout->ctx, &generate, &it->samples, error));
    zoo_score_args score = {.size = sizeof score, .rollout = it->samples};
    CALL(it->reward->score(it->reward->ctx, &score, &it->rewards, error));
    zoo_output_info known = {.size = sizeof known};
    CALL(it->model->supports(it->model->ctx, policy, logp, &known, error));
    zoo_forward_args forward = {.size = sizeof forward, .role = reference, .batch = it->samples, .want = &logp, .n_want = 1};
    CALL(it->model->forward(it->model->ctx, &forward, &it->outputs, error));
    uint64_t number;
    CALL(it->rng->fill(it->rng->ctx, &number, 1, error));
    zoo_run_info position = {.size = sizeof position};
    CALL(it->run->info(it->run->ctx, &position, error));
    zoo_step_info info = {.size = sizeof info};
    double total = 0;
    CALL(train(self, it, &info, &total, error));
    self->steps++;
    const struct { zoo_str name; double value; } metrics[] = {
        {TEXT("loss"), total}, {TEXT("norm"), info.gradient_norm}, {TEXT("rate"), info.learning_rate},
        {TEXT("version"), (double)info.policy_version}, {TEXT("dimensions"), (double)(known.dimensions + known.per_step)},
        {TEXT("random"), (double)(number >> 11)}, {TEXT("progress"), position.progress},
        {TEXT("iteration"), (double)position.iteration}, {TEXT("run_seed"), (double)position.seed},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        CALL(it->log->metric(it->log->ctx, metrics[i].name, metrics[i].value, 1, ZOO_METRIC_MEAN, error));
    return ZOO_OK;
}

static int32_t step(void *context, zoo_error *error) {
    algorithm *self = context;
    const zoo_host_v1 *host = self->host;
    iteration it = {
        .data = host->get_extension(host->ctx, ZOO_DATA_ID), .rollout = host->get_extension(host->ctx, ZOO_ROLLOUT_ID),
        .reward = host->get_extension(host->ctx, ZOO_REWARD_ID), .model = host->get_extension(host->ctx, ZOO_MODEL_ID),
        .log = host->get_extension(host->ctx, ZOO_LOG_ID), .rng = host->get_extension(host->ctx, ZOO_RNG_ID),
        .run = host->get_extension(host->ctx, ZOO_RUN_ID),
    };
    if (!ZOO_HAS(it.data, zoo_data_v1, prompts) || !ZOO_HAS(it.rollout, zoo_rollout_v1, generate)
        || !ZOO_HAS(it.reward, zoo_reward_v1, score) || !ZOO_HAS(it.model, zoo_model_v1, discard)
        || !ZOO_HAS(it.log, zoo_log_v1, metric) || !ZOO_HAS(it.rng, zoo_rng_v1, fill) || !ZOO_HAS(it.run, zoo_run_v1, info))
        return fail(error, ZOO_UNAVAILABLE, "this host lacks one of the seven services of version 1.0");
    if (host->cancelled(host->ctx)) return fail(error, ZOO_CANCELLED, "asked to stop");
    static const zoo_str message = TEXT("an iteration begins");
    host->log(host->ctx, ZOO_LEVEL_DEBUG, message);
    int32_t status = run(self, &it, error);
    host->release(host->ctx, it.prompts);
    host->release(host->ctx, it.samples);
    host->release(host->ctx, it.rewards);
    host->release(host->ctx, it.outputs);
    free(it.advantage);
    free(it.columns);
    return status;
}

static int32_t save(void *context, zoo_sink_fn sink, void *sink_ctx, zoo_error *error) {
    return sink(sink_ctx, (const uint8_t *)&((algorithm *)context)->steps, sizeof(uint64_t), error);
}

static int32_t load(void *context, const uint8_t *bytes, uint64_t n, zoo_error *error) {
    if (n != sizeof(uint64_t)) return fail(error, ZOO_DATA_LOSS, "the saved state has the wrong length");
    memcpy(&((algorithm *)context)->steps, bytes, sizeof(uint64_t));
    return ZOO_OK;
}

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_algorithm_v1 **out, zoo_error *error) {
    (void)json;
    *out = NULL;
    if (id.len != 8 || memcmp(id.ptr, "released", 8) != 0) return fail(error, ZOO_NOT_FOUND, "known is: released");
    if (!ZOO_HAS(host, zoo_host_v1, release)) return fail(error, ZOO_UNAVAILABLE, "the host's table is too short");
    const zoo_parameters_v1 *parameters = host->get_extension(host->ctx, ZOO_PARAMETERS_ID);
    if (!ZOO_HAS(parameters, zoo_parameters_v1, list)) return fail(error, ZOO_UNAVAILABLE, "this host lacks zoo.parameters/1");
    static const zoo_str scale = TEXT("scale"), samples = TEXT("samples"), quiet = TEXT("quiet"), mode = TEXT("mode"),
                         weights = TEXT("weights");
    algorithm made = {.host = host};
    int32_t is_quiet;
    zoo_str text;
    const zoo_array *list;
    CALL(parameters->number(parameters->ctx, scale, &made.scale, error));
    CALL(parameters->integer(parameters->ctx, samples, &made.samples, error));
    CALL(parameters->boolean(parameters->ctx, quiet, &is_quiet, error));
    CALL(parameters->string(parameters->ctx, mode, &text, error));
    CALL(parameters->list(parameters->ctx, weights, &list, error));
    if (is_quiet != 0 || text.len != 5 || memcmp(text.ptr, "plain", 5) != 0 || list->nbytes != 2 * sizeof(double)
        || ((const double *)list->data)[1] != 0.25)
        return fail(error, ZOO_INVALID_ARGUMENT, "the parameters quiet, mode and weights are not their defaults");
    algorithm *self = malloc(sizeof *self);
    if (self == NULL) return fail(error, ZOO_RESOURCE_EXHAUSTED, "no memory");
    *self = made;
    self->table = (zoo_algorithm_v1){.size = sizeof self->table, .self = self, .step = step, .save = save, .load = load, .destroy = free};
    *out = &self->table;
    return ZOO_OK;
}

static const zoo_algorithm_info_v1 info = {
    .size = sizeof info, .id = TEXT("released"), .title = TEXT("Of a released version"), .summary = TEXT("Calls everything."),
    .paper = TEXT("none"),
    .parameters = TEXT(
        "{\"type\": \"object\", \"properties\": {"
        "\"scale\": {\"type\": \"number\", \"default\": 0.5, \"minimum\": 0, \"description\": \"Of the loss.\"}, "
        "\"samples\": {\"type\": \"integer\", \"default\": 2, \"minimum\": 1, \"description\": \"For each prompt.\"}, "
        "\"quiet\": {\"type\": \"boolean\", \"default\": false, \"description\": \"Nothing.\"}, "
        "\"mode\": {\"type\": \"string\", \"default\": \"plain\", \"enum\": [\"plain\"], \"description\": \"Nothing.\"}, "
        "\"weights\": {\"type\": \"array\", \"items\": {\"type\": \"number\"}, \"default\": [1, 0.25], \"description\": \"Nothing.\"}}}"),
    .needs = TEXT("{\"data\": \"prompts\", \"roles\": [\"policy\", \"reference\"], \"services\": [\"zoo.data/1\", \"zoo.rollout/1\", "
                  "\"zoo.reward/1\", \"zoo.model/1\", \"zoo.log/1\", \"zoo.rng/1\", \"zoo.run/1\", \"zoo.parameters/1\"]}"),
};
static const zoo_algorithm_info_v1 *const algorithms[] = {&info};

static const zoo_plugin_v1 plugin = {.size = sizeof plugin, .abi_version = ZOO_ABI_VERSION, .toolchain = TEXT("c compiler"),
                                     .algorithms = algorithms, .n_algorithms = 1, .create = create};

const zoo_plugin_v1 *zoo_plugin_entry_v1(void) {
    return &plugin;
}
