// A library that offers two rewards, and no algorithm, in C99 by the headers alone. Compiled with -DBROKEN_x it breaks the contract in
// exactly one way.
#include "zoo/zoo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}

typedef struct reward {
    zoo_reward_function_v1 table;
    const zoo_host_v1 *host;
    double scale;
    int counts;  // the letter, or the steps
    char letter;
    volatile char seen;
} reward;

static int32_t fail(zoo_error *error, int32_t code, const char *message) {
    if (!ZOO_HAS(error, zoo_error, len)) return code;
    size_t room = error->size - offsetof(zoo_error, msg), length = strlen(message);
    error->code = code;
    error->len = (uint32_t)(length < room ? length : room);
    memcpy(error->msg, message, error->len);
    return code;
}

static const zoo_str *texts(const zoo_batch *batch, const char *name) {
    for (uint64_t i = 0; i < batch->n_columns; i++) {
        const zoo_array *column = batch->columns[i];
        if (column->name.len == strlen(name) && memcmp(column->name.ptr, name, strlen(name)) == 0 && column->dtype == ZOO_STRING)
            return column->data;
    }
    return NULL;
}

static int32_t score(void *context, zoo_reward_call *call, zoo_error *error) {
    reward *self = context;
    const zoo_batch *samples = call->samples;
    const zoo_str *completions = texts(samples, "completion"), *extras = texts(samples, "extras");
    if (completions == NULL || extras == NULL) return fail(error, ZOO_INTERNAL, "the samples have no texts");
    double *total = call->reward->data, *steps = call->step_reward->data;
#ifdef BROKEN_KEEPS
    static const char *kept;
    if (kept != NULL) self->seen = *kept;
    kept = completions[0].ptr;
#endif
#ifdef BROKEN_WRITES
    *(volatile uint64_t *)&samples->offsets[0] = 0;
#endif
#ifdef BROKEN_LEAKS
    memset(malloc(4096), 1, 4096);
#endif
#ifdef BROKEN_SETTING
    umask(0);
#endif
    for (uint64_t s = 0; s < samples->n_sequences; s++) {
        if (completions[s].len == 0) total[s] = NAN;  // it cannot score nothing
        for (uint64_t i = 0; self->counts && i < completions[s].len; i++) total[s] += self->scale * (completions[s].ptr[i] == self->letter);
        for (uint64_t t = samples->offsets[s]; !self->counts && t < samples->offsets[s + 1]; t++)
            if (samples->mask[t] & ZOO_ACTION) total[s] += steps[t] = self->scale;
#ifdef BROKEN_EMPTY
        if (completions[s].len == 0) return fail(error, ZOO_INVALID_ARGUMENT, "a completion is empty");
#endif
#ifdef BROKEN_PAST
        self->seen = *(volatile const char *)&completions[s].ptr[completions[s].len];
#endif
#ifdef BROKEN_INFINITE
        total[s] = INFINITY;
#endif
#ifdef BROKEN_RANDOM
        static double calls;
        total[s] += 1e-9 * ++calls;
#endif
#ifdef BROKEN_RANKS
        total[s] -= total[0];
#endif
#ifdef BROKEN_STRAY
        if (!self->counts) steps[samples->offsets[s]] = 1;
#endif
#ifdef BROKEN_FORGETS
        if (!self->counts) total[s] = 0;
#endif
    }
    return ZOO_OK;
}

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_reward_function_v1 **out, zoo_error *error) {
    (void)json;
    *out = NULL;
#ifdef BROKEN_CRASHES
    abort();
#endif
    const zoo_parameters_v1 *parameters = host->get_extension(host->ctx, ZOO_PARAMETERS_ID);
    if (!ZOO_HAS(parameters, zoo_parameters_v1, string)) return fail(error, ZOO_UNAVAILABLE, "this host lacks zoo.parameters/1");
    static const zoo_str scale = TEXT("scale"), letter = TEXT("letter");
    reward made = {.host = host, .counts = id.len == 7 && memcmp(id.ptr, "letters", 7) == 0, .letter = 'e'};
    int32_t status = parameters->number(parameters->ctx, scale, &made.scale, error);
    if (status != ZOO_OK) return status;
    if (made.counts) {
        zoo_str text;
        if ((status = parameters->string(parameters->ctx, letter, &text, error)) != ZOO_OK) return status;
        if (text.len != 1) return fail(error, ZOO_INVALID_ARGUMENT, "parameter 'letter' is not one letter");
        made.letter = text.ptr[0];
    }
    reward *self = malloc(sizeof *self);
    if (self == NULL) return fail(error, ZOO_RESOURCE_EXHAUSTED, "no memory");
    *self = made;
    self->table = (zoo_reward_function_v1){.size = sizeof self->table, .self = self, .score = score, .destroy = free};
    *out = &self->table;
    return ZOO_OK;
}

#define SCALE "\"scale\": {\"type\": \"number\", \"default\": 1, \"minimum\": 0, \"description\": \"Of each.\"}"
static const zoo_reward_info_v1 letters = {
    .size = sizeof letters, .id = TEXT("letters"), .summary = TEXT("How often a letter occurs."),
    .parameters = TEXT("{\"type\": \"object\", \"properties\": {" SCALE ", "
                       "\"letter\": {\"type\": \"string\", \"default\": \"e\", \"description\": \"The letter.\"}}}")};
static const zoo_reward_info_v1 actions = {
    .size = sizeof actions, .id = TEXT("actions"),
#ifndef BROKEN_NAMELESS
    .summary = TEXT("A reward for each action."),
#endif
    .parameters = TEXT("{\"type\": \"object\", \"properties\": {" SCALE "}}")};
static const zoo_reward_info_v1 *const rewards[] = {&letters, &actions, &actions};
#ifdef BROKEN_TWICE
#define COUNT 3
#else
#define COUNT 2
#endif
static const zoo_reward_functions_v1 functions = {.size = sizeof functions, .rewards = rewards, .n_rewards = COUNT, .create = create};

static int32_t no_algorithm(zoo_str id, const zoo_host_v1 *host, zoo_str json, zoo_algorithm_v1 **out, zoo_error *error) {
    (void)id, (void)host, (void)json;
    *out = NULL;
    return fail(error, ZOO_NOT_FOUND, "this library offers rewards alone");
}

static const void *get_extension(const char *id) {
    return strcmp(id, ZOO_REWARD_FUNCTION_ID) == 0 ? &functions : NULL;
}

static const zoo_plugin_v1 plugin = {.size = sizeof plugin, .abi_version = ZOO_ABI_VERSION, .toolchain = TEXT("c compiler"),
                                     .create = no_algorithm, .get_extension = get_extension};

const zoo_plugin_v1 *zoo_plugin_entry_v1(void) {
    return &plugin;
}
