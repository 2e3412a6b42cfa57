// A plugin that keeps the contract, or breaks it in the one way that its file's name says: libfault-KIND.so, or libfault-KIND@CALL.so
// for what it does to the process in that call. Compiled once and copied under each name.
//
// The algorithm: L = (1/N) sum over actions of w * (0.05 * logp^2 - logp), on examples; for kinds that begin with "samples-", the same
// weighted by a group's advantage, on samples of its own. For kinds that begin with "pairs", on pairs:
// L = (1/P) sum over pairs of w * log(1 + exp(rejected - chosen)), of the scores.
#define _GNU_SOURCE
#include "plumbing.h"
#include "disturb.h"

// The loss -------------------------------------------------------------------------------------------------------------------------

typedef struct algorithm {
    zoo_algorithm_v1 table;
    services use;
    double scale, examples;
    uint64_t steps;
    double weight, actions;
    const int32_t *kept;          // the tokens of the step before
    const double *borrowed;       // the last loss's output
    double seen;
} algorithm;

/// A whole number of a column per sequence.
static int64_t whole(const zoo_array *array, uint64_t s) {
    return array->dtype == ZOO_I64   ? ((const int64_t *)array->data)[s]
           : array->dtype == ZOO_I32 ? ((const int32_t *)array->data)[s]
                                     : ((const uint8_t *)array->data)[s];
}

/// Whether the first of two sequences has the larger tokens.
static int is_larger(const zoo_batch *batch, uint64_t one, uint64_t other) {
    uint64_t n = batch->offsets[one + 1] - batch->offsets[one], m = batch->offsets[other + 1] - batch->offsets[other];
    for (uint64_t i = 0; i < n && i < m; i++) {
        int32_t a = batch->tokens[batch->offsets[one] + i], b = batch->tokens[batch->offsets[other] + i];
        if (a != b) return a > b;
    }
    return n > m;
}

static int32_t pair_loss(algorithm *self, loss_point point, zoo_error *error) {
    const zoo_batch *slice = point.slice;
    const zoo_array *pair = column(slice, "pair"), *chosen = column(slice, "chosen");
    if (pair == NULL || chosen == NULL) return fail(error, ZOO_NOT_FOUND, "the batch has no pairs");
    const double *score = point.output->data;
    double sum = 0, weight = self->weight / self->actions;
    for (uint64_t s = 0; s < slice->n_sequences; s++) {
        uint64_t other = 0;
        while (other < slice->n_sequences && (other == s || whole(pair, other) != whole(pair, s))) other++;
        if (other == slice->n_sequences || whole(chosen, s) == whole(chosen, other))
            return fail(error, ZOO_INVALID_ARGUMENT, "a pair is not one chosen and one rejected sequence");
        if (!(is("pairs-by-tokens") ? is_larger(slice, s, other) : whole(chosen, s) != 0)) continue;
        double margin = score[s] - score[other];
        if (!isfinite(margin)) return fail(error, ZOO_DATA_LOSS, "a score is not finite");
        sum += weight * (margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin);
        point.gradient[s] -= weight / (1 + exp(margin));
        point.gradient[other] += weight / (1 + exp(margin));
    }
    *point.loss = sum;
    return ZOO_OK;
}

static int32_t fixture_loss(void *fixture, loss_point point, zoo_error *error) {
    algorithm *self = fixture;
    if (begins("pairs")) return pair_loss(self, point, error);
    const double *logp = point.output->data;
    const zoo_array *advantages = column(point.slice, "advantage");
    double sum = 0;
    for (uint64_t s = 0; s < point.slice->n_sequences; s++) {
        double advantage = advantages ? ((const double *)advantages->data)[s] : 1;
        for (uint64_t t = point.slice->offsets[s]; t < point.slice->offsets[s + 1]; t++) {
            if (!point.slice->mask[t]) continue;
            double weight = self->weight * advantage / self->actions, slope = 0.1 * logp[t] - 1;
            if (is("sign")) weight = -weight;
            sum += weight * (0.05 * logp[t] * logp[t] - logp[t]);
            if (is("far-off") && logp[t] < -9) slope *= 1.01;
            if (is("late") && self->steps > 10) slope *= 1.01;
            if (is("large") && point.slice->n_sequences > 64) slope *= 1.01;
            if (is("factor")) slope *= 2;
            point.gradient[t] = weight * slope;
        }
    }
    if (!isfinite(sum)) return fail(error, ZOO_DATA_LOSS, "the output is not finite");
    uint64_t n = point.slice->n_steps;
    if (is("past-gradient")) *(volatile double *)&point.gradient[n] = *(volatile double *)&point.gradient[n];
    if (is("writes-slice")) *(volatile uint8_t *)&point.slice->mask[0] = point.slice->mask[0];
    if (is("writes-output")) *(volatile double *)&logp[0] = logp[0];
    self->borrowed = logp;
    *point.loss = sum;
    return ZOO_OK;
}

// One iteration --------------------------------------------------------------------------------------------------------------------

/// The group's mean taken off each reward: the column `advantage`, [n].
static int32_t add_advantages(algorithm *self, const zoo_batch *rollout, double **out, zoo_error *error) {
    const zoo_list *list;
    int32_t status = score(&self->use, rollout, &list, error);
    if (status != ZOO_OK) return status;
    const double *rewards = list_array(list, 0)->data;
    double *advantages = malloc(rollout->n_sequences * sizeof *advantages);
    for (uint64_t s = 0; s < rollout->n_sequences; s += 2) {
        double mean = (rewards[s] + rewards[s + 1]) / 2;
        for (uint64_t i = s; i < s + 2; i++) advantages[i] = rewards[i] - mean + (is("samples-biased") ? 0.1 : 0);
        if (!isfinite(mean)) status = fail(error, ZOO_DATA_LOSS, "a reward is not finite");
    }
    self->use.host->release(self->use.host->ctx, list);
    if (status != ZOO_OK) free(advantages);
    *out = advantages;
    return status;
}

static int32_t update(algorithm *self, const zoo_batch *batch, zoo_error *error) {
    self->actions = 0;
    for (uint64_t t = 0; t < batch->n_steps; t++) self->actions += batch->mask[t];
    if (self->actions == 0) return fail(error, ZOO_INVALID_ARGUMENT, "the batch has no action");
    if (begins("pairs")) self->actions = (double)batch->n_sequences / 2;
    self->weight = self->scale;
    char here;
    if (is("address")) self->weight += 1e-9 * (double)(((uintptr_t)&here >> 12) & 0xfff);
    if (is("process-number")) self->weight += 1e-9 * (double)getpid();
    double total;
    uint32_t flags = begins("pairs") ? ZOO_LOSS_GROUPED : ZOO_LOSS_SEPARABLE;
    if (is("factor") || is("stops")) flags |= ZOO_LOSS_STOP_GRADIENT;
    if (is("flags")) flags |= 4096;
    int32_t status = accumulate(&self->use, "policy", batch, begins("pairs") ? "score" : "logp", self, flags, &total, error);
    if (status != ZOO_OK) return status;
    if (is("keeps-borrowed")) self->seen += *(volatile const double *)self->borrowed;
    status = optimizer_step(&self->use, "policy", error);
    if (status != ZOO_OK) return status;
    if (is("nan-metric")) total = NAN;
    if (is("two-normalisers")) status = metric(&self->use, "loss", total, 1, ZOO_METRIC_SUM, error);
    if (status != ZOO_OK) return status;
    return metric(&self->use, is("metric-name") ? "budget/mine" : "loss", total, self->actions,
                  is("normaliser") ? 9 : ZOO_METRIC_MEAN, error);
}

/// Hands another batch to the host than it got: a token that is none, or an action in the prompt.
static int32_t update_altered(algorithm *self, const zoo_batch *batch, zoo_error *error) {
    zoo_batch copy = *batch;
    int32_t *tokens = malloc(batch->n_steps * sizeof *tokens);
    uint8_t *mask = malloc(batch->n_steps);
    memcpy(tokens, batch->tokens, batch->n_steps * sizeof *tokens);
    memcpy(mask, batch->mask, batch->n_steps);
    if (is("token")) tokens[batch->n_steps - 1] = 1000000;
    if (is("action-in-context")) mask[1] = 1;
    copy.tokens = tokens;
    copy.mask = mask;
    int32_t status = update(self, &copy, error);
    free(tokens);
    free(mask);
    return status;
}

static int32_t get_batch(algorithm *self, const zoo_batch **out, zoo_error *error) {
    if (begins("pairs")) return get_pairs(&self->use, (uint64_t)self->examples, out, error);
    if (!begins("samples")) return get_examples(&self->use, (uint64_t)self->examples, out, error);
    const zoo_batch *prompts;
    int32_t status = get_prompts(&self->use, (uint64_t)self->examples, &prompts, error);
    if (status != ZOO_OK) return status;
    status = generate(&self->use, prompts, 2, out, error);
    self->use.host->release(self->use.host->ctx, prompts);
    return status;
}

static int32_t train(algorithm *self, const zoo_batch *batch, zoo_error *error) {
    if (is("token") || is("action-in-context")) return update_altered(self, batch, error);
    if (!begins("samples")) return update(self, batch, error);
    double *advantages;
    int32_t status = add_advantages(self, batch, &advantages, error);
    if (status != ZOO_OK) return status;
    zoo_array extra = {sizeof extra, 0, TEXT("advantage"), ZOO_F64, 1, {batch->n_sequences, 1, 1, 1}, advantages, batch->n_sequences * 8};
    zoo_batch copy = with_column(batch, &extra);
    status = update(self, &copy, error);
    free_columns(&copy);
    free(advantages);
    return status;
}

/// Breaks the rules on what is released.
static void misuse(algorithm *self, const zoo_batch *batch) {
    const zoo_host_v1 *host = self->use.host;
    if (is("double-release")) host->release(host->ctx, batch);
    if (is("foreign-release")) host->release(host->ctx, self);
    if (is("leaks-memory")) memset(malloc(4096), 1, 4096);
}

static void *log_much(void *context) {
    algorithm *self = context;
    const zoo_host_v1 *host = self->use.host;
    for (int i = 0; i < 500; i++)
        if (!host->cancelled(host->ctx)) host->log(host->ctx, ZOO_LEVEL_DEBUG, text_of("a message from a thread"));
    return NULL;
}

static int32_t step(void *context, zoo_error *error) {
    algorithm *self = context;
    const zoo_host_v1 *host = self->use.host;
    disturb("step");
    int32_t status = find_services(&self->use, error);
    if (status != ZOO_OK) return status;
    if (host->cancelled(host->ctx)) return fail(error, ZOO_CANCELLED, "asked to stop");
    if (is("threads")) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, log_much, self);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    }
    if (is("reads-released") && self->kept) self->seen += *(volatile const int32_t *)self->kept;
    const zoo_batch *batch;
    status = get_batch(self, &batch, error);
    if (status != ZOO_OK) return status;
    self->steps++;
    if (is("role-unlisted")) {
        const zoo_list *list;
        status = forward(&self->use, "reference", batch, "logp", &list, error);
        if (status == ZOO_OK) host->release(host->ctx, list);
    }
    if (is("service-unlisted")) {
        uint64_t number;
        status = ZOO_HAS(self->use.rng, zoo_rng_v1, fill) ? self->use.rng->fill(self->use.rng->ctx, &number, 1, error)
                                                          : fail(error, ZOO_UNAVAILABLE, "the host lacks zoo.rng/1");
    }
    if (status == ZOO_OK && !(is("stops-updating") && self->steps > 5)) status = train(self, batch, error);
    if (is("writes-batch") && batch->n_steps > 0) *(volatile int32_t *)&batch->tokens[0] = batch->tokens[0];
    if (is("leaks-objects") && self->steps > 10) return status;
    self->kept = batch->tokens;
    host->release(host->ctx, batch);
    misuse(self, batch);
    return status;
}

// State and making -----------------------------------------------------------------------------------------------------------------

static const char magic[8] = "FAULTS 1";

static int32_t save(void *context, zoo_sink_fn sink, void *sink_context, zoo_error *error) {
    algorithm *self = context;
    disturb("save");
    int32_t status = sink(sink_context, (const uint8_t *)magic, sizeof magic, error);
    return status != ZOO_OK ? status : sink(sink_context, (const uint8_t *)&self->steps, sizeof self->steps, error);
}

static int32_t load(void *context, const uint8_t *bytes, uint64_t n, zoo_error *error) {
    algorithm *self = context;
    disturb("load");
    if (n != sizeof magic + sizeof self->steps || memcmp(bytes, magic, sizeof magic) != 0)
        return fail(error, ZOO_DATA_LOSS, "these %llu bytes are not a state", (unsigned long long)n);
    memcpy(&self->steps, bytes + sizeof magic, sizeof self->steps);
    return ZOO_OK;
}

static const void *get_extension(void *self, const char *id) {
    (void)self, (void)id;
    return NULL;
}

static void destroy(void *self) {
    disturb("destroy");
    free(self);
}

static int32_t create(zoo_str id, const zoo_host_v1 *host, zoo_str parameters, zoo_algorithm_v1 **out, zoo_error *error) {
    disturb("create");
    if (id.len != 6 || memcmp(id.ptr, "faulty", 6) != 0) return fail(error, ZOO_NOT_FOUND, "no such algorithm; known is: faulty");
    if (!ZOO_HAS(host, zoo_host_v1, release)) return fail(error, ZOO_UNAVAILABLE, "the host's table is too short");
    parameter known[] = {{"scale", is("default") ? 2 : 1, 0.5, 8, 0}, {"examples", 6, 1, 100000, 1}, {"idle", 1, 0, 9, 0}, {NULL, 0, 0, 0, 0}};
    if (!is("idle-parameter")) known[2].name = NULL;
    int32_t status = parse(parameters, known, error);
    if (status != ZOO_OK) return status;
    algorithm *self = calloc(1, sizeof *self);
    if (self == NULL) return fail(error, ZOO_RESOURCE_EXHAUSTED, "no memory");
    self->use.host = host;
    self->scale = known[0].value;
    self->examples = known[1].value;
    self->table = (zoo_algorithm_v1){sizeof(zoo_algorithm_v1), 0, self, step, save, load, get_extension, destroy};
    *out = &self->table;
    return ZOO_OK;
}

#define SCALE "\"scale\": {\"type\": \"number\", \"default\": 1, \"minimum\": 0.5, \"maximum\": 8, \"description\": \"Weight.\"}"
#define COUNT(what) "\"examples\": {\"type\": \"integer\", \"default\": 6, \"minimum\": 1, \"maximum\": 100000, \"counts\": \"" what "\", " \
                    "\"description\": \"Size of an update.\"}"
#define IDLE ", \"idle\": {\"type\": \"number\", \"default\": 1, \"minimum\": 0, \"maximum\": 9, \"description\": \"Nothing.\"}"
#define OBJECT(properties) "{\"type\": \"object\", \"properties\": {" properties "}}"
#define NEEDS(data, roles, services) "{\"data\": \"" data "\", \"roles\": [\"policy\"" roles "], \"services\": [\"zoo.data/1\", " \
                                     "\"zoo.model/1\", \"zoo.log/1\"" services "]}"

static zoo_algorithm_info_v1 info = {
    sizeof info, 0, TEXT("faulty"), TEXT("A fixture"), TEXT("Keeps the contract, or breaks it on purpose."), TEXT("none"), {0}, {0}, {0},
};
static const zoo_algorithm_info_v1 *const algorithms[] = {&info};
static zoo_plugin_v1 plugin;

const zoo_plugin_v1 *zoo_plugin_entry_v1(void) {
    disturb("entry");
    int samples = begins("samples");
    info.parameters = text_of(samples ? OBJECT(SCALE ", " COUNT("prompts"))
                              : begins("pairs") ? OBJECT(SCALE ", " COUNT("pairs"))
                              : is("idle-parameter") ? OBJECT(SCALE ", " COUNT("examples") IDLE)
                                                     : OBJECT(SCALE ", " COUNT("examples")));
    info.needs = text_of(samples ? NEEDS("prompts", "", ", \"zoo.rollout/1\", \"zoo.reward/1\"")
                         : begins("pairs") ? NEEDS("pairs", "", "")
                         : is("role-unused") ? NEEDS("examples", ", \"critic\"", "")
                         : is("role-nobody") ? NEEDS("examples", ", \"oracle\"", "")
                         : is("service-nobody") ? NEEDS("examples", "", ", \"zoo.telepathy/1\"")
                                                : NEEDS("examples", "", ""));
    zoo_plugin_v1 filled = {sizeof plugin, 0, ZOO_ABI_VERSION, 0, TEXT("cc"), algorithms, 1, create, NULL};
    plugin = filled;
    return &plugin;
}
