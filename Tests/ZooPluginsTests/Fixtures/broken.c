// A plugin that keeps the contract, and, compiled with -DBROKEN_x, breaks it in exactly one way. The tests of the conformance bench
// compile every variant and see which cases fail.
//
// The algorithm: L = (1/N) sum over actions of w * (logp^2 / 2 + logp), with w = scale * (1 + steps taken), on examples.
#include "zoo/zoo.h"

#include "hostile.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}

typedef struct algorithm {
    zoo_algorithm_v1 table;
    const zoo_host_v1 *host;
    double scale;
    uint64_t steps;
    const zoo_data_v1 *data;
    const zoo_model_v1 *model;
    const zoo_log_v1 *log;
    double weight, actions;
    uint64_t calls;
} algorithm;

static int32_t fail(zoo_error *error, int32_t code, const char *format, ...) {
    char message[sizeof error->msg];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (error == NULL || error->size < offsetof(zoo_error, msg)) return code;
    size_t room = (error->size < sizeof *error ? error->size : sizeof *error) - offsetof(zoo_error, msg);
#ifdef BROKEN_LONG_ERROR
    room = sizeof error->msg;
    memset(error->msg, ' ', room);
#endif
    size_t length = strlen(message) < room ? strlen(message) : room;
    error->code = code;
    error->len = (uint32_t)length;
    memcpy(error->msg, message, length);
    return code;
}

// The loss ------------------------------------------------------------------------------------------------------------------------

static int32_t loss(void *context, zoo_loss_call *call, zoo_error *error) {
    algorithm *self = context;
    const zoo_batch *slice = call->slice;
    if (call->n_outputs != 1) return fail(error, ZOO_INTERNAL, "expected one output");
    const double *logp = call->outputs[0]->data;
    double *gradient = call->gradients[0]->data;
    double sum = 0, actions = self->actions;
#ifdef BROKEN_NOT_SEPARABLE
    actions = 0;
    for (uint64_t t = 0; t < slice->n_steps; t++) actions += slice->mask[t];
#endif
    for (uint64_t t = 0; t < slice->n_steps; t++) {
#ifdef BROKEN_MASKED_GRADIENT
        if (!slice->mask[t]) gradient[t] = 1e-9;
#endif
        if (!slice->mask[t]) continue;
        double weight = self->weight / actions;
#ifdef BROKEN_ORDER
        if (t == slice->offsets[1] - 1) weight *= 1.01;
#endif
        sum += weight * (logp[t] * logp[t] / 2 + logp[t]);
        gradient[t] = weight * (logp[t] + 1);
#ifdef BROKEN_GRADIENT
        gradient[t] *= 1.001;
#endif
    }
#ifdef BROKEN_HALF  // the loss of the second part
    if (self->calls++ > 0) return fail(error, ZOO_ABORTED, "no more");
#endif
#ifdef BROKEN_IMPURE
    sum += 1e-13 * (double)++self->calls;
#endif
#ifndef BROKEN_NOT_FINITE
    if (!isfinite(sum)) return fail(error, ZOO_DATA_LOSS, "the output 'logp' is not finite");
#endif
    call->loss = sum;
#ifdef BROKEN_LOSS_VALUE
    call->loss = BROKEN_LOSS_VALUE;
#endif
    return ZOO_OK;
}

// One iteration -------------------------------------------------------------------------------------------------------------------

static int32_t train(algorithm *self, const zoo_batch *batch, zoo_error *error) {
    #ifndef BROKEN_METRIC
#define BROKEN_METRIC "loss"
#endif
    static const zoo_str policy = TEXT("policy"), logp = TEXT("logp"), name = TEXT(BROKEN_METRIC);
    zoo_loss_info total = {.size = sizeof total};
    self->actions = 0;
    for (uint64_t t = 0; t < batch->n_steps; t++) self->actions += batch->mask[t];
#ifdef BROKEN_EMPTY
    if (self->actions == 0) return ZOO_OK;
#endif
    if (self->actions == 0) return fail(error, ZOO_INVALID_ARGUMENT, "the examples have no action");
#ifdef BROKEN_IDLE
    return ZOO_OK;
#endif
    self->weight = self->scale * (double)(1 + self->steps++);
#ifdef BROKEN_SEED
    static uint64_t updates;
    self->weight += 1e-6 * (double)++updates;
#endif
    self->calls = 0;
    zoo_accumulate_args args = {.size = sizeof args, .flags = ZOO_LOSS_SEPARABLE, .role = policy, .batch = batch, .want = &logp,
                                .n_want = 1, .loss = loss, .loss_ctx = self};
    int32_t status = self->model->accumulate(self->model->ctx, &args, &total, error);
#ifndef BROKEN_HALF
    if (status != ZOO_OK) return status;
#endif
    zoo_update_args update = {.size = sizeof update, .role = policy};
    status = self->model->optimizer_step(self->model->ctx, &update, NULL, error);
    if (status != ZOO_OK) return status;
#ifdef BROKEN_REFERENCE  // No breach: the reference follows the policy with this weight.
    static const zoo_str reference = TEXT("reference");
    status = self->model->blend(self->model->ctx, reference, policy, BROKEN_REFERENCE, error);
    if (status != ZOO_OK) return status;
#endif
    status = self->log->metric(self->log->ctx, name, total.loss, self->actions, ZOO_METRIC_MEAN, error);
#ifdef BROKEN_SWALLOWS_ERRORS
    return ZOO_OK;
#endif
    return status;
}

static int32_t step(void *context, zoo_error *error) {
    algorithm *self = context;
#ifdef BROKEN_IN_STEP
    BROKEN_IN_STEP;
#endif
#ifdef BROKEN_LOGS
    self->host->log(self->host->ctx, ZOO_LEVEL_WARNING, (zoo_str)TEXT("\033[31mcareful\033[0m\007"));
#endif
#ifdef BROKEN_CRASH_IN_STEP
    abort();
#endif
#ifdef BROKEN_SAYS
    return fail(error, ZOO_INTERNAL, "no\033[2J more");
#endif
#ifdef BROKEN_EXIT_IN_STEP  // the status
    exit(BROKEN_EXIT_IN_STEP);
#endif
#ifdef BROKEN_SIGNAL_IN_STEP  // the signal's number
    kill(getpid(), BROKEN_SIGNAL_IN_STEP);
    sleep(1);
#endif
#ifdef BROKEN_HANG_IN_STEP
    for (;;) sleep(1);
#endif
    self->data = self->host->get_extension(self->host->ctx, ZOO_DATA_ID);
    self->model = self->host->get_extension(self->host->ctx, ZOO_MODEL_ID);
    self->log = self->host->get_extension(self->host->ctx, ZOO_LOG_ID);
#ifdef BROKEN_READS_PAST
    if (!self->data || !self->model || !self->log || !self->data->examples || !self->model->blend)
#else
    if (!ZOO_HAS(self->data, zoo_data_v1, examples) || !ZOO_HAS(self->model, zoo_model_v1, blend)
        || !ZOO_HAS(self->log, zoo_log_v1, metric))
#endif
        return fail(error, ZOO_UNAVAILABLE, "the host lacks zoo.data/1, zoo.model/1 or zoo.log/1");
#ifdef BROKEN_LONG_TABLES
    if (self->data->size != sizeof(zoo_data_v1)) return fail(error, ZOO_UNAVAILABLE, "zoo.data/1 has another size");
#endif
#ifdef BROKEN_CANCELLATION
    if (self->host->cancelled(self->host->ctx)) return fail(error, ZOO_INTERNAL, "asked to stop");
#endif
    if (self->host->cancelled(self->host->ctx)) return fail(error, ZOO_CANCELLED, "asked to stop");
    const zoo_batch *batch;
    zoo_rows_args rows = {.size = sizeof rows, .n = 6};
    int32_t status = self->data->examples(self->data->ctx, &rows, &batch, error);
    if (status != ZOO_OK) return status;
    status = train(self, batch, error);
#ifdef BROKEN_NEVER_RELEASES
    return status;
#endif
    self->host->release(self->host->ctx, batch);
    return status;
}

// State ---------------------------------------------------------------------------------------------------------------------------

static const char magic[8] = "BROKEN 1";

static int32_t save(void *context, zoo_sink_fn sink, void *sink_context, zoo_error *error) {
    algorithm *self = context;
#ifdef BROKEN_IN_SAVE
    BROKEN_IN_SAVE;
#endif
    uint64_t steps = self->steps;
#ifdef BROKEN_LOSES_STATE
    steps = 0;
#endif
    int32_t status = sink(sink_context, (const uint8_t *)magic, sizeof magic, error);
    return status != ZOO_OK ? status : sink(sink_context, (const uint8_t *)&steps, sizeof steps, error);
}

static int32_t load(void *context, const uint8_t *bytes, uint64_t n, zoo_error *error) {
    algorithm *self = context;
#ifdef BROKEN_DAMAGED_STATE
    if (n < sizeof magic + sizeof self->steps) return ZOO_OK;
#else
    if (n != sizeof magic + sizeof self->steps || memcmp(bytes, magic, sizeof magic) != 0)
        return fail(error, ZOO_DATA_LOSS, "these %llu bytes are not a state", (unsigned long long)n);
#endif
    memcpy(&self->steps, bytes + sizeof magic, sizeof self->steps);
    return ZOO_OK;
}

// Making ----------------------------------------------------------------------------------------------------------------------------

static const void *get_extension(void *self, const char *id) {
    (void)self, (void)id;
#ifdef BROKEN_EXTENSION
    return self;
#endif
    return NULL;
}

static void destroy(void *self) {
#ifdef BROKEN_IN_DESTROY
    BROKEN_IN_DESTROY;
#endif
    free(self);
}

/// Skips spaces and the character `expected`; NULL where another one stands there.
static const char *skip(const char *text, char expected) {
    text += strspn(text, " \n\t");
    if (*text != expected) return NULL;
    return text + 1 + strspn(text + 1, " \n\t");
}

/// Reads {} or {"scale": number}.
static int32_t parse(zoo_str parameters, double *scale, zoo_error *error) {
    char copy[256], name[64] = "";
    if (parameters.len >= sizeof copy) return fail(error, ZOO_INVALID_ARGUMENT, "the parameters are too long");
    memcpy(copy, parameters.ptr, parameters.len);
    copy[parameters.len] = 0;
    *scale = 1;
    const char *text = skip(copy, '{'), *end = text ? skip(text, '}') : NULL;
    if (end != NULL && *end == 0) return ZOO_OK;
    if (text == NULL || sscanf(text, "\"%63[^\"]\"", name) != 1 || (text = skip(text + strlen(name) + 2, ':')) == NULL || *text == '}')
        return fail(error, ZOO_INVALID_ARGUMENT, "the parameters are not a JSON object");
#ifdef BROKEN_IGNORES_UNKNOWN
    if (strcmp(name, "scale") != 0) return ZOO_OK;
#endif
    if (strcmp(name, "scale") != 0) return fail(error, ZOO_INVALID_ARGUMENT, "no parameter '%s'; known is: scale", name);
    char *after;
    *scale = strtod(text, &after);
    end = after == text ? NULL : skip(after, '}');
    if (end == NULL || *end != 0 || !(*scale >= 0.5 && *scale <= 8))
        return fail(error, ZOO_INVALID_ARGUMENT, "parameter 'scale' is %s expected a number from 0.5 to 8", text);
    return ZOO_OK;
}

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str parameters, zoo_algorithm_v1 **out, zoo_error *error) {
    double scale;
#ifdef BROKEN_IN_CREATE
    BROKEN_IN_CREATE;
#endif
#ifdef BROKEN_EXIT_IN_CREATE
    exit(0);
#endif
#ifdef BROKEN_CRASH_IN_CREATE
    *(volatile int *)8 = 0;
#endif
    if (id.len != 6 || memcmp(id.ptr, "broken", 6) != 0) return fail(error, ZOO_NOT_FOUND, "no such algorithm; known is: broken");
#ifdef BROKEN_NEEDS_MINOR
    if (host->abi_version != ZOO_ABI_VERSION) return fail(error, ZOO_UNAVAILABLE, "the host is of another version than the plugin");
#endif
    if (!ZOO_HAS(host, zoo_host_v1, release)) return fail(error, ZOO_UNAVAILABLE, "the host's table is too short");
    int32_t status = parse(parameters, &scale, error);
    if (status != ZOO_OK) return status;
    algorithm *self = calloc(1, sizeof *self);
    if (self == NULL) return fail(error, ZOO_RESOURCE_EXHAUSTED, "no memory");
#ifdef BROKEN_LEAKS
    memset(malloc(1 << 16), 1, 1 << 16);
#endif
    self->host = host;
    self->scale = scale;
    self->table = (zoo_algorithm_v1){sizeof(zoo_algorithm_v1), 0, self, step, save, load, get_extension, destroy};
    *out = &self->table;
    return ZOO_OK;
}

#if defined(BROKEN_PRESET_NAME)
#define PRESET "{\"scal\": 2}"
#elif defined(BROKEN_PRESET_RANGE)
#define PRESET "{\"scale\": 9}"
#else
#define PRESET "{\"scale\": 2}"
#endif

#ifndef BROKEN_TITLE
#define BROKEN_TITLE "A fixture"
#endif

static const zoo_algorithm_info_v1 info = {
    sizeof info,
    0, TEXT("broken"), TEXT(BROKEN_TITLE), TEXT("Keeps the contract, or breaks it on purpose."), TEXT("none"),
#ifdef BROKEN_SCHEMA
    TEXT(BROKEN_SCHEMA),
#else
    TEXT("{\"type\": \"object\", \"properties\": {\"scale\": {\"type\": \"number\", \"default\": 1, \"minimum\": 0.5, \"maximum\": 8, "
         "\"description\": \"Weight of the loss.\"}}}"),
#endif
    TEXT("{\"data\": \"examples\", \"roles\": [\"policy\"], \"services\": [\"zoo.data/1\", \"zoo.model/1\", \"zoo.log/1\"]}"),
#if defined(BROKEN_PRESETS)
    TEXT("[{\"name\": \"Strong\"}]"),
#else
    TEXT("[{\"name\": \"strong\", \"source\": \"nobody\", \"summary\": \"Twice the loss.\", \"parameters\": " PRESET ", "
         "\"notes\": [\"A fixture's.\"]}]"),
#endif
};
#ifndef BROKEN_TOOLCHAIN
#define BROKEN_TOOLCHAIN "cc"
#endif
static const zoo_algorithm_info_v1 *const algorithms[] = {&info};
static const zoo_plugin_v1 plugin = {
#ifdef BROKEN_TRUNCATED_TABLE
    offsetof(zoo_plugin_v1, create),
#else
    sizeof plugin,
#endif
    0,
#ifdef BROKEN_DRAFT
    1, 0,
#else
    ZOO_ABI_VERSION, 0,
#endif
    TEXT(BROKEN_TOOLCHAIN), algorithms, 1, create, NULL,
};

#ifdef BROKEN_UNDEFINED_SYMBOL
void nobody_defines_this(void);
#endif

#ifdef BROKEN_EXPORTS_MORE
ZOO_EXPORT void zoo_fixture_helper(void);
void zoo_fixture_helper(void) {}
#endif

#if defined(BROKEN_NOT_A_PLUGIN)
ZOO_EXPORT int zoo_fixture(void);
int zoo_fixture(void) { return plugin.abi_version != 0; }
#elif defined(BROKEN_WRONG_MAJOR)
ZOO_EXPORT const zoo_plugin_v1 *zoo_plugin_entry_v2(void);
const zoo_plugin_v1 *zoo_plugin_entry_v2(void) { return &plugin; }
#else
const zoo_plugin_v1 *zoo_plugin_entry_v1(void) {
#ifdef BROKEN_EXIT_IN_ENTRY
    exit(0);
#endif
#ifdef BROKEN_CRASH_IN_ENTRY
    __builtin_trap();
#endif
#ifdef BROKEN_UNDEFINED_SYMBOL
    nobody_defines_this();
#endif
#ifdef BROKEN_SLOW
    for (clock_t start = clock(); clock() - start < CLOCKS_PER_SEC * 3 / 20;) {}
#endif
#ifdef BROKEN_ENTRY
    zoo_plugin_v1 *copy = malloc(sizeof *copy);
    memcpy(copy, &plugin, sizeof plugin);
    return copy;
#endif
    return &plugin;
}
#endif
