// What the fixtures need of the contract, in one place: calls of the host, the loss's arguments, errors and parameters.
#ifndef PLUMBING_H
#define PLUMBING_H

#include "zoo/zoo.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}

static zoo_str text_of(const char *text) {
    zoo_str result = {text, strlen(text)};
    return result;
}

static int32_t fail(zoo_error *error, int32_t code, const char *format, ...) {
    char message[sizeof error->msg];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (error == NULL || error->size < offsetof(zoo_error, msg)) return code;
    size_t room = (error->size < sizeof *error ? error->size : sizeof *error) - offsetof(zoo_error, msg);
    size_t length = strlen(message) < room ? strlen(message) : room;
    error->code = code;
    error->len = (uint32_t)length;
    memcpy(error->msg, message, length);
    return code;
}

// The host -----------------------------------------------------------------------------------------------------------------------

typedef struct services {
    const zoo_host_v1 *host;
    const zoo_data_v1 *data;
    const zoo_rollout_v1 *rollout;
    const zoo_reward_v1 *reward;
    const zoo_model_v1 *model;
    const zoo_log_v1 *log;
    const zoo_rng_v1 *rng;
} services;

static const void *service(const services *self, const char *id) { return self->host->get_extension(self->host->ctx, id); }

/// Finds the services that every fixture uses; the others may be NULL.
static int32_t find_services(services *self, zoo_error *error) {
    self->data = service(self, ZOO_DATA_ID);
    self->rollout = service(self, ZOO_ROLLOUT_ID);
    self->reward = service(self, ZOO_REWARD_ID);
    self->model = service(self, ZOO_MODEL_ID);
    self->log = service(self, ZOO_LOG_ID);
    self->rng = service(self, ZOO_RNG_ID);
    if (!ZOO_HAS(self->data, zoo_data_v1, examples) || !ZOO_HAS(self->model, zoo_model_v1, optimizer_step)
        || !ZOO_HAS(self->log, zoo_log_v1, metric))
        return fail(error, ZOO_UNAVAILABLE, "the host lacks zoo.data/1, zoo.model/1 or zoo.log/1");
    return ZOO_OK;
}

static int32_t get_prompts(const services *self, uint64_t n, const zoo_batch **out, zoo_error *error) {
    const zoo_rows_args args = {sizeof args, 0, n};
    return self->data->prompts(self->data->ctx, &args, out, error);
}

static int32_t get_pairs(const services *self, uint64_t n, const zoo_batch **out, zoo_error *error) {
    const zoo_rows_args args = {sizeof args, 0, n};
    return self->data->pairs(self->data->ctx, &args, out, error);
}

static int32_t get_examples(const services *self, uint64_t n, const zoo_batch **out, zoo_error *error) {
    const zoo_rows_args args = {sizeof args, 0, n};
    return self->data->examples(self->data->ctx, &args, out, error);
}

static int32_t generate(const services *self, const zoo_batch *prompts, uint64_t samples, const zoo_batch **out, zoo_error *error) {
    if (!ZOO_HAS(self->rollout, zoo_rollout_v1, generate)) return fail(error, ZOO_UNAVAILABLE, "the host lacks zoo.rollout/1");
    const zoo_generate_args args = {sizeof args, 0, TEXT("policy"), prompts, samples};
    return self->rollout->generate(self->rollout->ctx, &args, out, error);
}

static int32_t score(const services *self, const zoo_batch *rollout, const zoo_list **out, zoo_error *error) {
    if (!ZOO_HAS(self->reward, zoo_reward_v1, score)) return fail(error, ZOO_UNAVAILABLE, "the host lacks zoo.reward/1");
    const zoo_score_args args = {sizeof args, 0, rollout};
    return self->reward->score(self->reward->ctx, &args, out, error);
}

static int32_t forward(const services *self, const char *role, const zoo_batch *batch, const char *output, const zoo_list **out,
                       zoo_error *error) {
    const zoo_str want = text_of(output);
    const zoo_forward_args args = {sizeof args, 0, text_of(role), batch, &want, 1};
    return self->model->forward(self->model->ctx, &args, out, error);
}

static int32_t optimizer_step(const services *self, const char *role, zoo_error *error) {
    const zoo_update_args args = {sizeof args, 0, text_of(role)};
    return self->model->optimizer_step(self->model->ctx, &args, NULL, error);
}

static int32_t metric(const services *self, const char *name, double value, double weight, int32_t normaliser, zoo_error *error) {
    return self->log->metric(self->log->ctx, text_of(name), value, weight, normaliser, error);
}

static const zoo_array *list_array(const zoo_list *list, uint64_t index) { return list->arrays[index]; }

static const zoo_array *column(const zoo_batch *batch, const char *name) {
    for (uint64_t i = 0; i < batch->n_columns; i++) {
        const zoo_array *array = batch->columns[i];
        if (array->name.len == strlen(name) && memcmp(array->name.ptr, name, array->name.len) == 0) return array;
    }
    return NULL;
}

/// A copy of the batch's struct with one more column. The caller frees what `columns` points to.
static zoo_batch with_column(const zoo_batch *batch, const zoo_array *extra) {
    zoo_batch copy = *batch;
    const zoo_array **columns = malloc((batch->n_columns + 1) * sizeof *columns);
    for (uint64_t i = 0; i < batch->n_columns; i++) columns[i] = batch->columns[i];
    columns[batch->n_columns] = extra;
    copy.columns = columns;
    copy.n_columns++;
    return copy;
}

static void free_columns(const zoo_batch *copy) { free((void *)copy->columns); }

// The loss -----------------------------------------------------------------------------------------------------------------------

/// One call of the loss: a single wanted output and its gradient.
typedef struct loss_point {
    const zoo_batch *slice;
    const zoo_array *output;
    double *gradient;
    double *loss;
} loss_point;

/// The fixture's loss; `fixture` is what was passed to `accumulate`.
static int32_t fixture_loss(void *fixture, loss_point point, zoo_error *error);

static int32_t loss_callback(void *context, zoo_loss_call *call, zoo_error *error) {
    if (call->n_outputs != 1) return fail(error, ZOO_INTERNAL, "expected one output");
    loss_point point = {call->slice, call->outputs[0], call->gradients[0]->data, &call->loss};
    return fixture_loss(context, point, error);
}

static int32_t accumulate(const services *self, const char *role, const zoo_batch *batch, const char *output, void *fixture,
                          uint32_t flags, double *total, zoo_error *error) {
    const zoo_str want = text_of(output);
    const zoo_accumulate_args args = {sizeof args, flags, text_of(role), batch, &want, 1, loss_callback, fixture};
    zoo_loss_info info = {sizeof info, 0, 0};
    int32_t status = self->model->accumulate(self->model->ctx, &args, &info, error);
    *total = info.loss;
    return status;
}

// Parameters ---------------------------------------------------------------------------------------------------------------------

typedef struct parameter {
    const char *name;
    double value, low, high;
    int is_whole;
} parameter;

static const char *skip(const char *text, char expected) {
    text += strspn(text, " \n\t");
    if (*text != expected) return NULL;
    return text + 1 + strspn(text + 1, " \n\t");
}

/// Reads a flat JSON object of numbers into `known`, which ends with a NULL name.
static int32_t parse(zoo_str parameters, parameter *known, zoo_error *error) {
    char copy[512], name[64];
    if (parameters.len >= sizeof copy) return fail(error, ZOO_INVALID_ARGUMENT, "the parameters are too long");
    memcpy(copy, parameters.ptr, parameters.len);
    copy[parameters.len] = 0;
    const char *text = skip(copy, '{');
    if (text == NULL) return fail(error, ZOO_INVALID_ARGUMENT, "the parameters are not a JSON object");
    for (int first = 1;; first = 0) {
        const char *end = skip(text, '}');
        if (end != NULL) return *end == 0 ? ZOO_OK : fail(error, ZOO_INVALID_ARGUMENT, "there is more than a JSON object");
        if (!first) text = skip(text, ',');
        if (text == NULL || sscanf(text, "\"%63[^\"]\"", name) != 1 || (text = skip(text + strlen(name) + 2, ':')) == NULL || *text == '}')
            return fail(error, ZOO_INVALID_ARGUMENT, "the parameters are not a JSON object");
        parameter *found = known;
        while (found->name != NULL && strcmp(found->name, name) != 0) found++;
        if (found->name == NULL) return fail(error, ZOO_INVALID_ARGUMENT, "no parameter '%s'", name);
        char *after;
        double value = strtod(text, &after);
        if (after == text || !(value >= found->low && value <= found->high) || (found->is_whole && value != floor(value)))
            return fail(error, ZOO_INVALID_ARGUMENT, "parameter '%s' is %s; expected %g to %g", name, text, found->low, found->high);
        found->value = value;
        text = after;
    }
}

#endif
