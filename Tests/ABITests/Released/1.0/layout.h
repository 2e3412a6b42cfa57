// Made by `layout.py freeze`. Every field of every struct stands where it stood in this version and has its type; what is newer
// stands behind. Names count, so two functions of one type that change places are seen. Constants have their values.
#include "zoo/zoo.h"

#define PIN(record, field, offset, ...) \
    _Static_assert(offsetof(record, field) == (offset), #record "." #field " moved"); \
    _Static_assert(__builtin_types_compatible_p(__typeof__(((record *)0)->field), __VA_ARGS__), #record "." #field " has another type")
#define PIN_SIZE(record, least) _Static_assert(sizeof(record) >= (least), #record " is shorter")
#define PIN_NUMBER(name, value) _Static_assert(name == (value), #name " has another value")
#define PIN_TEXT(name, value) _Static_assert(__builtin_strcmp(name, value) == 0, #name " has another value")

PIN(zoo_str, ptr, 0, const char *);
PIN(zoo_str, len, 8, uint64_t);
_Static_assert(sizeof(zoo_str) == 16, "frozen");

PIN(zoo_error, size, 0, uint32_t);
PIN(zoo_error, flags, 4, uint32_t);
PIN(zoo_error, code, 8, int32_t);
PIN(zoo_error, len, 12, uint32_t);
PIN(zoo_error, msg, 16, char[496]);
PIN_SIZE(zoo_error, 512);

PIN(zoo_array, size, 0, uint32_t);
PIN(zoo_array, flags, 4, uint32_t);
PIN(zoo_array, name, 8, zoo_str);
PIN(zoo_array, dtype, 24, uint32_t);
PIN(zoo_array, rank, 28, uint32_t);
PIN(zoo_array, shape, 32, uint64_t[4]);
PIN(zoo_array, data, 64, void *);
PIN(zoo_array, nbytes, 72, uint64_t);
PIN_SIZE(zoo_array, 80);

PIN(zoo_list, size, 0, uint32_t);
PIN(zoo_list, flags, 4, uint32_t);
PIN(zoo_list, n, 8, uint64_t);
PIN(zoo_list, arrays, 16, const zoo_array *const *);
PIN_SIZE(zoo_list, 24);

PIN(zoo_batch, size, 0, uint32_t);
PIN(zoo_batch, flags, 4, uint32_t);
PIN(zoo_batch, n_sequences, 8, uint64_t);
PIN(zoo_batch, n_steps, 16, uint64_t);
PIN(zoo_batch, offsets, 24, const uint64_t *);
PIN(zoo_batch, tokens, 32, const int32_t *);
PIN(zoo_batch, mask, 40, const uint8_t *);
PIN(zoo_batch, columns, 48, const zoo_array *const *);
PIN(zoo_batch, n_columns, 56, uint64_t);
PIN_SIZE(zoo_batch, 64);

PIN(zoo_rows_args, size, 0, uint32_t);
PIN(zoo_rows_args, flags, 4, uint32_t);
PIN(zoo_rows_args, n, 8, uint64_t);
PIN_SIZE(zoo_rows_args, 16);

PIN(zoo_data_v1, size, 0, uint32_t);
PIN(zoo_data_v1, flags, 4, uint32_t);
PIN(zoo_data_v1, ctx, 8, void *);
PIN(zoo_data_v1, prompts, 16, int32_t (*)(void *ctx, const zoo_rows_args *args, const zoo_batch **out, zoo_error *err));
PIN(zoo_data_v1, pairs, 24, int32_t (*)(void *ctx, const zoo_rows_args *args, const zoo_batch **out, zoo_error *err));
PIN(zoo_data_v1, examples, 32, int32_t (*)(void *ctx, const zoo_rows_args *args, const zoo_batch **out, zoo_error *err));
PIN_SIZE(zoo_data_v1, 40);

PIN(zoo_log_v1, size, 0, uint32_t);
PIN(zoo_log_v1, flags, 4, uint32_t);
PIN(zoo_log_v1, ctx, 8, void *);
PIN(zoo_log_v1, metric, 16, int32_t (*)(void *ctx, zoo_str name, double value, double weight, int32_t normaliser, zoo_error *err));
PIN_SIZE(zoo_log_v1, 24);

PIN(zoo_output_info, size, 0, uint32_t);
PIN(zoo_output_info, flags, 4, uint32_t);
PIN(zoo_output_info, per_step, 8, uint32_t);
PIN(zoo_output_info, reduction, 12, uint32_t);
PIN(zoo_output_info, dimensions, 16, uint64_t);
PIN_SIZE(zoo_output_info, 24);

PIN(zoo_step_info, size, 0, uint32_t);
PIN(zoo_step_info, flags, 4, uint32_t);
PIN(zoo_step_info, gradient_norm, 8, double);
PIN(zoo_step_info, learning_rate, 16, double);
PIN(zoo_step_info, policy_version, 24, uint64_t);
PIN_SIZE(zoo_step_info, 32);

PIN(zoo_loss_info, size, 0, uint32_t);
PIN(zoo_loss_info, flags, 4, uint32_t);
PIN(zoo_loss_info, loss, 8, double);
PIN_SIZE(zoo_loss_info, 16);

PIN(zoo_loss_call, size, 0, uint32_t);
PIN(zoo_loss_call, flags, 4, uint32_t);
PIN(zoo_loss_call, slice, 8, const zoo_batch *);
PIN(zoo_loss_call, outputs, 16, const zoo_array *const *);
PIN(zoo_loss_call, gradients, 24, zoo_array *const *);
PIN(zoo_loss_call, n_outputs, 32, uint64_t);
PIN(zoo_loss_call, loss, 40, double);
PIN_SIZE(zoo_loss_call, 48);

PIN(zoo_forward_args, size, 0, uint32_t);
PIN(zoo_forward_args, flags, 4, uint32_t);
PIN(zoo_forward_args, role, 8, zoo_str);
PIN(zoo_forward_args, batch, 24, const zoo_batch *);
PIN(zoo_forward_args, want, 32, const zoo_str *);
PIN(zoo_forward_args, n_want, 40, uint64_t);
PIN_SIZE(zoo_forward_args, 48);

PIN(zoo_accumulate_args, size, 0, uint32_t);
PIN(zoo_accumulate_args, flags, 4, uint32_t);
PIN(zoo_accumulate_args, role, 8, zoo_str);
PIN(zoo_accumulate_args, batch, 24, const zoo_batch *);
PIN(zoo_accumulate_args, want, 32, const zoo_str *);
PIN(zoo_accumulate_args, n_want, 40, uint64_t);
PIN(zoo_accumulate_args, loss, 48, zoo_loss_fn);
PIN(zoo_accumulate_args, loss_ctx, 56, void *);
PIN_SIZE(zoo_accumulate_args, 64);

PIN(zoo_update_args, size, 0, uint32_t);
PIN(zoo_update_args, flags, 4, uint32_t);
PIN(zoo_update_args, role, 8, zoo_str);
PIN_SIZE(zoo_update_args, 24);

PIN(zoo_model_v1, size, 0, uint32_t);
PIN(zoo_model_v1, flags, 4, uint32_t);
PIN(zoo_model_v1, ctx, 8, void *);
PIN(zoo_model_v1, supports, 16, int32_t (*)(void *ctx, zoo_str role, zoo_str output, zoo_output_info *info, zoo_error *err));
PIN(zoo_model_v1, forward, 24, int32_t (*)(void *ctx, const zoo_forward_args *args, const zoo_list **out, zoo_error *err));
PIN(zoo_model_v1, accumulate, 32, int32_t (*)(void *ctx, const zoo_accumulate_args *args, zoo_loss_info *info, zoo_error *err));
PIN(zoo_model_v1, optimizer_step, 40, int32_t (*)(void *ctx, const zoo_update_args *args, zoo_step_info *info, zoo_error *err));
PIN(zoo_model_v1, blend, 48, int32_t (*)(void *ctx, zoo_str destination, zoo_str source, double weight, zoo_error *err));
PIN(zoo_model_v1, discard, 56, int32_t (*)(void *ctx, zoo_str role, zoo_error *err));
PIN_SIZE(zoo_model_v1, 64);

PIN(zoo_parameters_v1, size, 0, uint32_t);
PIN(zoo_parameters_v1, flags, 4, uint32_t);
PIN(zoo_parameters_v1, ctx, 8, void *);
PIN(zoo_parameters_v1, number, 16, int32_t (*)(void *ctx, zoo_str name, double *out, zoo_error *err));
PIN(zoo_parameters_v1, integer, 24, int32_t (*)(void *ctx, zoo_str name, int64_t *out, zoo_error *err));
PIN(zoo_parameters_v1, boolean, 32, int32_t (*)(void *ctx, zoo_str name, int32_t *out, zoo_error *err));
PIN(zoo_parameters_v1, string, 40, int32_t (*)(void *ctx, zoo_str name, zoo_str *out, zoo_error *err));
PIN(zoo_parameters_v1, list, 48, int32_t (*)(void *ctx, zoo_str name, const zoo_array **out, zoo_error *err));
PIN_SIZE(zoo_parameters_v1, 56);

PIN(zoo_host_v1, size, 0, uint32_t);
PIN(zoo_host_v1, flags, 4, uint32_t);
PIN(zoo_host_v1, abi_version, 8, uint32_t);
PIN(zoo_host_v1, reserved, 12, uint32_t);
PIN(zoo_host_v1, ctx, 16, void *);
PIN(zoo_host_v1, get_extension, 24, const void *(*)(void *ctx, const char *id));
PIN(zoo_host_v1, log, 32, void (*)(void *ctx, int32_t level, zoo_str message));
PIN(zoo_host_v1, cancelled, 40, int32_t (*)(void *ctx));
PIN(zoo_host_v1, release, 48, void (*)(void *ctx, const void *object));
PIN_SIZE(zoo_host_v1, 56);

PIN(zoo_algorithm_v1, size, 0, uint32_t);
PIN(zoo_algorithm_v1, flags, 4, uint32_t);
PIN(zoo_algorithm_v1, self, 8, void *);
PIN(zoo_algorithm_v1, step, 16, int32_t (*)(void *self, zoo_error *err));
PIN(zoo_algorithm_v1, save, 24, int32_t (*)(void *self, zoo_sink_fn sink, void *sink_ctx, zoo_error *err));
PIN(zoo_algorithm_v1, load, 32, int32_t (*)(void *self, const uint8_t *bytes, uint64_t n, zoo_error *err));
PIN(zoo_algorithm_v1, get_extension, 40, const void *(*)(void *self, const char *id));
PIN(zoo_algorithm_v1, destroy, 48, void (*)(void *self));
PIN_SIZE(zoo_algorithm_v1, 56);

PIN(zoo_algorithm_info_v1, size, 0, uint32_t);
PIN(zoo_algorithm_info_v1, flags, 4, uint32_t);
PIN(zoo_algorithm_info_v1, id, 8, zoo_str);
PIN(zoo_algorithm_info_v1, title, 24, zoo_str);
PIN(zoo_algorithm_info_v1, summary, 40, zoo_str);
PIN(zoo_algorithm_info_v1, paper, 56, zoo_str);
PIN(zoo_algorithm_info_v1, parameters, 72, zoo_str);
PIN(zoo_algorithm_info_v1, needs, 88, zoo_str);
PIN(zoo_algorithm_info_v1, presets, 104, zoo_str);
PIN_SIZE(zoo_algorithm_info_v1, 120);

PIN(zoo_plugin_v1, size, 0, uint32_t);
PIN(zoo_plugin_v1, flags, 4, uint32_t);
PIN(zoo_plugin_v1, abi_version, 8, uint32_t);
PIN(zoo_plugin_v1, reserved, 12, uint32_t);
PIN(zoo_plugin_v1, toolchain, 16, zoo_str);
PIN(zoo_plugin_v1, algorithms, 32, const zoo_algorithm_info_v1 *const *);
PIN(zoo_plugin_v1, n_algorithms, 40, uint64_t);
PIN(zoo_plugin_v1, create, 48, int32_t (*)(zoo_str id, const zoo_host_v1 *host, zoo_str parameters, zoo_algorithm_v1 **out, zoo_error *err));
PIN(zoo_plugin_v1, get_extension, 56, const void *(*)(const char *id));
PIN_SIZE(zoo_plugin_v1, 64);

PIN(zoo_score_args, size, 0, uint32_t);
PIN(zoo_score_args, flags, 4, uint32_t);
PIN(zoo_score_args, rollout, 8, const zoo_batch *);
PIN_SIZE(zoo_score_args, 16);

PIN(zoo_reward_v1, size, 0, uint32_t);
PIN(zoo_reward_v1, flags, 4, uint32_t);
PIN(zoo_reward_v1, ctx, 8, void *);
PIN(zoo_reward_v1, score, 16, int32_t (*)(void *ctx, const zoo_score_args *args, const zoo_list **out, zoo_error *err));
PIN_SIZE(zoo_reward_v1, 24);

PIN(zoo_reward_call, size, 0, uint32_t);
PIN(zoo_reward_call, flags, 4, uint32_t);
PIN(zoo_reward_call, samples, 8, const zoo_batch *);
PIN(zoo_reward_call, reward, 16, zoo_array *);
PIN(zoo_reward_call, step_reward, 24, zoo_array *);
PIN_SIZE(zoo_reward_call, 32);

PIN(zoo_reward_function_v1, size, 0, uint32_t);
PIN(zoo_reward_function_v1, flags, 4, uint32_t);
PIN(zoo_reward_function_v1, self, 8, void *);
PIN(zoo_reward_function_v1, score, 16, int32_t (*)(void *self, zoo_reward_call *call, zoo_error *err));
PIN(zoo_reward_function_v1, destroy, 24, void (*)(void *self));
PIN_SIZE(zoo_reward_function_v1, 32);

PIN(zoo_reward_info_v1, size, 0, uint32_t);
PIN(zoo_reward_info_v1, flags, 4, uint32_t);
PIN(zoo_reward_info_v1, id, 8, zoo_str);
PIN(zoo_reward_info_v1, summary, 24, zoo_str);
PIN(zoo_reward_info_v1, parameters, 40, zoo_str);
PIN_SIZE(zoo_reward_info_v1, 56);

PIN(zoo_reward_functions_v1, size, 0, uint32_t);
PIN(zoo_reward_functions_v1, flags, 4, uint32_t);
PIN(zoo_reward_functions_v1, rewards, 8, const zoo_reward_info_v1 *const *);
PIN(zoo_reward_functions_v1, n_rewards, 16, uint64_t);
PIN(zoo_reward_functions_v1, create, 24, int32_t (*)(zoo_str id, const zoo_host_v1 *host, zoo_str parameters, zoo_reward_function_v1 **out, zoo_error *err));
PIN_SIZE(zoo_reward_functions_v1, 32);

PIN(zoo_rng_v1, size, 0, uint32_t);
PIN(zoo_rng_v1, flags, 4, uint32_t);
PIN(zoo_rng_v1, ctx, 8, void *);
PIN(zoo_rng_v1, fill, 16, int32_t (*)(void *ctx, uint64_t *out, uint64_t n, zoo_error *err));
PIN_SIZE(zoo_rng_v1, 24);

PIN(zoo_generate_args, size, 0, uint32_t);
PIN(zoo_generate_args, flags, 4, uint32_t);
PIN(zoo_generate_args, role, 8, zoo_str);
PIN(zoo_generate_args, prompts, 24, const zoo_batch *);
PIN(zoo_generate_args, samples, 32, uint64_t);
PIN_SIZE(zoo_generate_args, 40);

PIN(zoo_rollout_v1, size, 0, uint32_t);
PIN(zoo_rollout_v1, flags, 4, uint32_t);
PIN(zoo_rollout_v1, ctx, 8, void *);
PIN(zoo_rollout_v1, generate, 16, int32_t (*)(void *ctx, const zoo_generate_args *args, const zoo_batch **out, zoo_error *err));
PIN_SIZE(zoo_rollout_v1, 24);

PIN(zoo_run_info, size, 0, uint32_t);
PIN(zoo_run_info, flags, 4, uint32_t);
PIN(zoo_run_info, progress, 8, double);
PIN(zoo_run_info, iteration, 16, uint64_t);
PIN(zoo_run_info, seed, 24, uint64_t);
PIN_SIZE(zoo_run_info, 32);

PIN(zoo_run_v1, size, 0, uint32_t);
PIN(zoo_run_v1, flags, 4, uint32_t);
PIN(zoo_run_v1, ctx, 8, void *);
PIN(zoo_run_v1, info, 16, int32_t (*)(void *ctx, zoo_run_info *out, zoo_error *err));
PIN_SIZE(zoo_run_v1, 24);

_Static_assert(__builtin_types_compatible_p(zoo_loss_fn, int32_t (*)(void *loss_ctx, zoo_loss_call *call, zoo_error *err)), "a function has another type");
_Static_assert(__builtin_types_compatible_p(zoo_sink_fn, int32_t (*)(void *sink_ctx, const uint8_t *bytes, uint64_t n, zoo_error *err)), "a function has another type");
_Static_assert(__builtin_types_compatible_p(__typeof__(&zoo_plugin_entry_v1), const zoo_plugin_v1 *(*)(void)), "a function has another type");

PIN_NUMBER(ZOO_ABI_MAJOR, 1);
PIN_NUMBER(ZOO_OK, 0);
PIN_NUMBER(ZOO_CANCELLED, 1);
PIN_NUMBER(ZOO_UNKNOWN, 2);
PIN_NUMBER(ZOO_INVALID_ARGUMENT, 3);
PIN_NUMBER(ZOO_DEADLINE_EXCEEDED, 4);
PIN_NUMBER(ZOO_NOT_FOUND, 5);
PIN_NUMBER(ZOO_ALREADY_EXISTS, 6);
PIN_NUMBER(ZOO_PERMISSION_DENIED, 7);
PIN_NUMBER(ZOO_RESOURCE_EXHAUSTED, 8);
PIN_NUMBER(ZOO_FAILED_PRECONDITION, 9);
PIN_NUMBER(ZOO_ABORTED, 10);
PIN_NUMBER(ZOO_OUT_OF_RANGE, 11);
PIN_NUMBER(ZOO_UNIMPLEMENTED, 12);
PIN_NUMBER(ZOO_INTERNAL, 13);
PIN_NUMBER(ZOO_UNAVAILABLE, 14);
PIN_NUMBER(ZOO_DATA_LOSS, 15);
PIN_NUMBER(ZOO_F32, 1u);
PIN_NUMBER(ZOO_F64, 2u);
PIN_NUMBER(ZOO_I32, 3u);
PIN_NUMBER(ZOO_I64, 4u);
PIN_NUMBER(ZOO_U8, 5u);
PIN_NUMBER(ZOO_F16, 6u);
PIN_NUMBER(ZOO_BF16, 7u);
PIN_NUMBER(ZOO_I8, 8u);
PIN_NUMBER(ZOO_BOOL, 9u);
PIN_NUMBER(ZOO_STRING, 10u);
PIN_NUMBER(ZOO_PER_STEP, 1u);
PIN_NUMBER(ZOO_RAGGED, 2u);
PIN_NUMBER(ZOO_DEVICE, 4u);
PIN_NUMBER(ZOO_ACTION, 1u);
PIN_NUMBER(ZOO_MAX_SEQUENCES, (UINT64_C(1) << 24));
PIN_NUMBER(ZOO_MAX_STEPS, (UINT64_C(1) << 32));
PIN_NUMBER(ZOO_MAX_COLUMNS, 4096u);
PIN_NUMBER(ZOO_MAX_ROW, (UINT64_C(1) << 24));
PIN_TEXT(ZOO_DATA_ID, "zoo.data/1");
PIN_TEXT(ZOO_LOG_ID, "zoo.log/1");
PIN_NUMBER(ZOO_METRIC_MEAN, 1);
PIN_NUMBER(ZOO_METRIC_SUM, 2);
PIN_NUMBER(ZOO_METRIC_MIN, 3);
PIN_NUMBER(ZOO_METRIC_MAX, 4);
PIN_NUMBER(ZOO_METRIC_LAST, 5);
PIN_TEXT(ZOO_MODEL_ID, "zoo.model/1");
PIN_NUMBER(ZOO_LOSS_SEPARABLE, 0u);
PIN_NUMBER(ZOO_LOSS_GROUPED, 1u);
PIN_NUMBER(ZOO_LOSS_WHOLE, 2u);
PIN_NUMBER(ZOO_LOSS_CUT, 3u);
PIN_NUMBER(ZOO_LOSS_STOP_GRADIENT, 256u);
PIN_NUMBER(ZOO_REDUCTION_SUM, 1u);
PIN_NUMBER(ZOO_REDUCTION_MEAN, 2u);
PIN_TEXT(ZOO_PARAMETERS_ID, "zoo.parameters/1");
PIN_NUMBER(ZOO_LEVEL_DEBUG, 0);
PIN_NUMBER(ZOO_LEVEL_INFO, 1);
PIN_NUMBER(ZOO_LEVEL_WARNING, 2);
PIN_NUMBER(ZOO_LEVEL_ERROR, 3);
PIN_TEXT(ZOO_REWARD_ID, "zoo.reward/1");
PIN_TEXT(ZOO_REWARD_FUNCTION_ID, "zoo.reward-function/1");
PIN_TEXT(ZOO_RNG_ID, "zoo.rng/1");
PIN_TEXT(ZOO_ROLLOUT_ID, "zoo.rollout/1");
PIN_TEXT(ZOO_RUN_ID, "zoo.run/1");
