/// \file calls.h
/// Calls of the host, with their argument structs filled in.
#ifndef ZOO_EASY_CALLS_H
#define ZOO_EASY_CALLS_H

#include "zoo/easy/arrays.h"

/// `function` is the offset of one of the functions of `zoo_data_v1`, which are of one type.
static inline const zoo_batch *zoo_rows_at(zoo_scope *scope, size_t function, uint64_t n) {
    int32_t (*rows)(void *, const zoo_rows_args *, const zoo_batch **, zoo_error *);
    const zoo_data_v1 *data = (const zoo_data_v1 *)zoo_service_at(scope, ZOO_DATA_ID, function);
    const zoo_batch *batch = NULL;
    zoo_rows_args args;
    int32_t status;
    if (data == NULL) return NULL;
    memset(&args, 0, sizeof args);
    args.size = sizeof args;
    args.n = n;
    memcpy(&rows, (const char *)data + function, sizeof rows);
    status = rows(data->ctx, &args, &batch, scope->err);
    batch = (const zoo_batch *)zoo_keep(scope, status, batch);
    if (batch != NULL && batch->n_sequences == 0) zoo_stop(scope, ZOO_INVALID_ARGUMENT, "the data gave no sequence");
    return scope->status == ZOO_OK ? batch : NULL;
}

/// The next `n` prompts, pairs or examples of the recipe's data. Released at the end of the scope, as all that follow.
static inline const zoo_batch *zoo_prompts(zoo_scope *scope, uint64_t n) {
    return zoo_rows_at(scope, offsetof(zoo_data_v1, prompts), n);
}

static inline const zoo_batch *zoo_pairs(zoo_scope *scope, uint64_t n) {
    return zoo_rows_at(scope, offsetof(zoo_data_v1, pairs), n);
}

static inline const zoo_batch *zoo_examples(zoo_scope *scope, uint64_t n) {
    return zoo_rows_at(scope, offsetof(zoo_data_v1, examples), n);
}

/// `samples` sequences for each of the prompts, drawn by `role`. An error where there is none at all.
static inline const zoo_batch *zoo_generate(zoo_scope *scope, const char *role, const zoo_batch *prompts, uint64_t samples) {
    const zoo_rollout_v1 *rollout = ZOO_SERVICE(scope, zoo_rollout_v1, ZOO_ROLLOUT_ID, generate);
    const zoo_batch *batch = NULL;
    zoo_generate_args args;
    int32_t status;
    if (rollout == NULL) return NULL;
    memset(&args, 0, sizeof args);
    args.size = sizeof args;
    args.role = zoo_text(role);
    args.prompts = prompts;
    args.samples = samples;
    status = rollout->generate(rollout->ctx, &args, &batch, scope->err);
    batch = (const zoo_batch *)zoo_keep(scope, status, batch);
    if (batch != NULL && batch->n_sequences == 0) zoo_stop(scope, ZOO_INVALID_ARGUMENT, "the rollout has no sequence");
    return scope->status == ZOO_OK ? batch : NULL;
}

/// The rewards of a rollout, [n_sequences]: `reward`, or "reward/NAME". ZOO_DATA_LOSS where one is not finite.
static inline const double *zoo_rewards(zoo_scope *scope, const zoo_batch *rollout, const char *name) {
    const zoo_reward_v1 *reward = ZOO_SERVICE(scope, zoo_reward_v1, ZOO_REWARD_ID, score);
    const zoo_list *list = NULL;
    const double *values;
    zoo_score_args args;
    int32_t status;
    if (reward == NULL) return NULL;
    memset(&args, 0, sizeof args);
    args.size = sizeof args;
    args.rollout = rollout;
    status = reward->score(reward->ctx, &args, &list, scope->err);
    list = (const zoo_list *)zoo_keep(scope, status, list);
    if (list == NULL) return NULL;
    values = (const double *)zoo_find(scope, list->arrays, list->n, name, ZOO_F64, rollout->n_sequences);
    zoo_check_finite(scope, values, rollout->n_sequences, "a reward");
    return scope->status == ZOO_OK ? values : NULL;
}

/// What `role` says of a batch, without gradient: one output of `rows` numbers.
static inline const double *zoo_forward(zoo_scope *scope, const char *role, const zoo_batch *batch, const char *output,
                                        uint64_t rows) {
    const zoo_model_v1 *model = ZOO_SERVICE(scope, zoo_model_v1, ZOO_MODEL_ID, forward);
    const zoo_list *list = NULL;
    const double *values;
    const zoo_str want = zoo_text(output);
    zoo_forward_args args;
    int32_t status;
    if (model == NULL) return NULL;
    memset(&args, 0, sizeof args);
    args.size = sizeof args;
    args.role = zoo_text(role);
    args.batch = batch;
    args.want = &want;
    args.n_want = 1;
    status = model->forward(model->ctx, &args, &list, scope->err);
    list = (const zoo_list *)zoo_keep(scope, status, list);
    if (list == NULL) return NULL;
    values = (const double *)zoo_find(scope, list->arrays, list->n, output, ZOO_F64, rows);
    zoo_check_finite(scope, values, rows, "an output of the model");
    return scope->status == ZOO_OK ? values : NULL;
}

/// Adds to the gradient of `role`, and returns the loss. `want` names the outputs, separated by spaces: "logp entropy". `flags` are
/// ZOO_LOSS_*.
static inline double zoo_accumulate(zoo_scope *scope, const char *role, const zoo_batch *batch, const char *want, uint32_t flags,
                                    zoo_loss_fn loss, void *loss_ctx) {
    const zoo_model_v1 *model = ZOO_SERVICE(scope, zoo_model_v1, ZOO_MODEL_ID, accumulate);
    zoo_accumulate_args args;
    zoo_loss_info info;
    zoo_str names[64];
    if (model == NULL) return 0;
    memset(&args, 0, sizeof args);
    memset(&info, 0, sizeof info);
    args.size = sizeof args;
    args.flags = flags;
    args.role = zoo_text(role);
    args.batch = batch;
    while (*want != '\0' && args.n_want < 64) {
        const size_t length = strcspn(want, " ");
        if (length > 0) {
            names[args.n_want].ptr = want;
            names[args.n_want++].len = length;
        }
        want += length + (want[length] == ' ');
    }
    args.want = names;
    args.loss = loss;
    args.loss_ctx = loss_ctx;
    info.size = sizeof info;
    scope->status = model->accumulate(model->ctx, &args, &info, scope->err);
    return scope->status == ZOO_OK ? info.loss : 0;
}

/// Applies the gradient of `role`.
static inline zoo_step_info zoo_update(zoo_scope *scope, const char *role) {
    const zoo_model_v1 *model = ZOO_SERVICE(scope, zoo_model_v1, ZOO_MODEL_ID, optimizer_step);
    zoo_update_args args;
    zoo_step_info info;
    memset(&args, 0, sizeof args);
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    if (model == NULL) return info;
    args.size = sizeof args;
    args.role = zoo_text(role);
    scope->status = model->optimizer_step(model->ctx, &args, &info, scope->err);
    return info;
}

static inline void zoo_metric(zoo_scope *scope, const char *name, double value, double weight, int32_t normaliser) {
    const zoo_log_v1 *log = ZOO_SERVICE(scope, zoo_log_v1, ZOO_LOG_ID, metric);
    if (log != NULL) scope->status = log->metric(log->ctx, zoo_text(name), value, weight, normaliser, scope->err);
}

/// A metric that is a mean over `count` things.
static inline void zoo_log_mean(zoo_scope *scope, const char *name, double value, uint64_t count) {
    zoo_metric(scope, name, value, (double)count, ZOO_METRIC_MEAN);
}

/// A metric whose last value of the iteration counts.
static inline void zoo_log_last(zoo_scope *scope, const char *name, double value) {
    zoo_metric(scope, name, value, 1, ZOO_METRIC_LAST);
}

/// A parameter of the recipe or its default, checked by the host against the schema.
static inline double zoo_number(zoo_scope *scope, const char *name) {
    const zoo_parameters_v1 *given = ZOO_SERVICE(scope, zoo_parameters_v1, ZOO_PARAMETERS_ID, number);
    double value = 0;
    if (given != NULL) scope->status = given->number(given->ctx, zoo_text(name), &value, scope->err);
    return value;
}

static inline int64_t zoo_integer(zoo_scope *scope, const char *name) {
    const zoo_parameters_v1 *given = ZOO_SERVICE(scope, zoo_parameters_v1, ZOO_PARAMETERS_ID, integer);
    int64_t value = 0;
    if (given != NULL) scope->status = given->integer(given->ctx, zoo_text(name), &value, scope->err);
    return value;
}

static inline int zoo_boolean(zoo_scope *scope, const char *name) {
    const zoo_parameters_v1 *given = ZOO_SERVICE(scope, zoo_parameters_v1, ZOO_PARAMETERS_ID, boolean);
    int32_t value = 0;
    if (given != NULL) scope->status = given->boolean(given->ctx, zoo_text(name), &value, scope->err);
    return value != 0;
}

/// The text lives as long as the host.
static inline zoo_str zoo_string(zoo_scope *scope, const char *name) {
    const zoo_parameters_v1 *given = ZOO_SERVICE(scope, zoo_parameters_v1, ZOO_PARAMETERS_ID, string);
    zoo_str value = zoo_text(NULL);
    if (given != NULL) scope->status = given->string(given->ctx, zoo_text(name), &value, scope->err);
    return value;
}

#endif
