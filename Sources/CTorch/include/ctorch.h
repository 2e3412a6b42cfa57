// A hand-written C face of the part of libtorch that PolicyZoo uses: the one place of the project that sees libtorch.
//
// Ownership: a `ct_tensor` or `ct_generator` is a handle that its receiver frees. Inputs are borrowed, outputs are +1.
// Errors: every call that can fail returns a `ct_status`: NULL, or a message that the caller frees with
// `ct_message_free`. When a call fails its outputs are untouched. Nothing throws across this boundary.
// Threads: handles may be used from any thread, one at a time; gradient recording is a property of the calling thread.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;
typedef char *ct_status;

/// Element types; the numbers are this header's own.
enum { CT_F32 = 0, CT_F64 = 1, CT_F16 = 2, CT_BF16 = 3, CT_I64 = 4, CT_I32 = 5, CT_U8 = 6, CT_BOOL = 7 };

// --- Process -------------------------------------------------------------------------------------------------------

/// Keeps freed memory for reuse, so that large temporaries do not fault their pages in again at each step.
void ct_configure_process(void);
void ct_set_threads(int32_t count);
int32_t ct_threads(void);
/// Loads libtorch_cuda.so from beside libtorch_cpu.so; fails where the library or the device is absent.
ct_status ct_load_cuda(int32_t *device_count);
/// Waits until a device has finished what was asked of it; `device` is -1 for the CPU, where it returns at once.
ct_status ct_synchronize(int32_t device);
/// Bytes of a CUDA device: lent to tensors now, and at most since the last reset; taken from the device for that, now and at most since
/// then; and what nobody has taken, of how many in all.
typedef struct {
    int64_t held, peak, reserved, reserved_peak, free, total;
} ct_device_bytes;
ct_status ct_device_memory(ct_device_bytes *out, int32_t device);
ct_status ct_device_reset_peak(int32_t device);
/// Whether a device's operators use only kernels that give the same bits each time; an operator that has none fails then. Without
/// meaning on a CPU.
void ct_set_deterministic(bool wanted);
bool ct_deterministic(void);
/// Bytes that the last failed call of this thread asked for in vain: 0 where that is not known, -1 where it failed for another reason.
int64_t ct_memory_asked(void);
/// Handles (tensors and generators) that exist now.
int64_t ct_live_handles(void);
/// The most memory this process ever held, in bytes.
int64_t ct_peak_resident_bytes(void);
/// The memory that this process holds now, in bytes; 0 if the system does not say.
int64_t ct_resident_bytes(void);
/// Of these, what is mapped from files: the code and constants of the program and its libraries, read in as they are first used.
/// 0 if the system does not say.
int64_t ct_file_backed_bytes(void);
/// Bytes of the heap in use, tensors included; 0 if the system does not say.
int64_t ct_heap_bytes(void);
/// From now on counts the bytes of CPU tensors; call before the first tensor.
void ct_count_memory(void);
/// Bytes of CPU tensors now, and the most since the last reset.
int64_t ct_memory_held(void);
int64_t ct_memory_peak(void);
void ct_memory_reset_peak(void);
/// What a thread has asked for so far: operators, allocations of CPU tensors, their bytes, and those bytes that it has not freed.
typedef struct {
    int64_t operators, allocations, bytes, kept;
} ct_work_done;
ct_work_done ct_work(void);
/// The version of libtorch's headers, "2.13.0". Static.
const char *ct_version(void);
void ct_message_free(ct_status message);

// --- Tensors: life, facts, copies ----------------------------------------------------------------------------------

/// `device` is -1 for the CPU and a CUDA index otherwise.
ct_status ct_empty(ct_tensor *out, const int64_t *shape, int32_t rank, int32_t dtype, int32_t device);
ct_status ct_full(ct_tensor *out, const int64_t *shape, int32_t rank, int32_t dtype, int32_t device, double value);
/// Copies `bytes` bytes of contiguous host memory.
ct_status ct_from_bytes(
    ct_tensor *out, const void *data, size_t bytes, const int64_t *shape, int32_t rank, int32_t dtype, int32_t device);
/// How many of the numbers in `bytes` bytes of host memory, at any alignment, are NaN or infinite; 0 for integers.
int64_t ct_count_non_finite(const void *data, size_t bytes, int32_t dtype);
void ct_free(ct_tensor a);
/// Another handle of the same tensor.
ct_status ct_alias(ct_tensor *out, ct_tensor a);
int32_t ct_rank(ct_tensor a);
int64_t ct_size(ct_tensor a, int32_t dim);
int64_t ct_count(ct_tensor a);
/// -1 for an element type that this header does not name.
int32_t ct_dtype(ct_tensor a);
int32_t ct_device(ct_tensor a);
/// Copies the elements, row by row, to `bytes` bytes of host memory.
ct_status ct_read(ct_tensor a, void *data, size_t bytes);
ct_status ct_to(ct_tensor *out, ct_tensor a, int32_t dtype, int32_t device);
ct_status ct_clone(ct_tensor *out, ct_tensor a);
ct_status ct_detach(ct_tensor *out, ct_tensor a);
ct_status ct_contiguous(ct_tensor *out, ct_tensor a);
/// Copies `source` into `a`, outside of gradient recording.
ct_status ct_copy_into(ct_tensor a, ct_tensor source);
/// How often the tensor's memory was written so far; views of one memory count together.
int64_t ct_changes(ct_tensor a);
/// Fills `a` with one value, outside of gradient recording.
ct_status ct_fill(ct_tensor a, double value);

// --- Gradients -----------------------------------------------------------------------------------------------------

bool ct_grad_enabled(void);
void ct_set_grad_enabled(bool enabled);
/// Whether this thread's products of few rows, at most 64, and no gradient read a weight as it lies. They have other bits than those of
/// the general product, and those of a row do not depend on the other rows.
bool ct_few_rows(void);
void ct_set_few_rows(bool enabled);
ct_status ct_set_requires_grad(ct_tensor a, bool requires_grad);
bool ct_requires_grad(ct_tensor a);
/// The accumulated gradient, or NULL if there is none yet.
ct_status ct_grad(ct_tensor *out, ct_tensor a);
ct_status ct_clear_grad(ct_tensor a);
/// A part of a network: takes `count` inputs, which it frees, and puts its outputs at `outputs`.
typedef void (*ct_part)(void *context, ct_tensor *inputs, int32_t count, ct_tensor *outputs);
/// Runs `part` without recording gradients, and again in the backward pass: of all that it computes only the inputs are kept until
/// then. Everything that it reads besides must be unchanged by then. `release` frees `context` once it is no longer needed, on
/// failure too.
ct_status ct_recompute(ct_tensor *out, int32_t out_count, const ct_tensor *inputs, int32_t count, ct_part part, void *context,
                       void (*release)(void *));
/// Back-propagates `gradients[i]` from `tensors[i]`, adding to the leaves' gradients.
ct_status ct_backward(const ct_tensor *tensors, const ct_tensor *gradients, int32_t count);

// --- Arithmetic ----------------------------------------------------------------------------------------------------

ct_status ct_add(ct_tensor *out, ct_tensor a, ct_tensor b);
ct_status ct_sub(ct_tensor *out, ct_tensor a, ct_tensor b);
ct_status ct_mul(ct_tensor *out, ct_tensor a, ct_tensor b);
ct_status ct_div(ct_tensor *out, ct_tensor a, ct_tensor b);
ct_status ct_add_scalar(ct_tensor *out, ct_tensor a, double b);
ct_status ct_mul_scalar(ct_tensor *out, ct_tensor a, double b);
ct_status ct_neg(ct_tensor *out, ct_tensor a);
ct_status ct_exp(ct_tensor *out, ct_tensor a);
ct_status ct_log(ct_tensor *out, ct_tensor a);
ct_status ct_sqrt(ct_tensor *out, ct_tensor a);
ct_status ct_square(ct_tensor *out, ct_tensor a);
ct_status ct_sigmoid(ct_tensor *out, ct_tensor a);
ct_status ct_silu(ct_tensor *out, ct_tensor a);
ct_status ct_tanh(ct_tensor *out, ct_tensor a);
ct_status ct_matmul(ct_tensor *out, ct_tensor a, ct_tensor b);
/// input [n, in] · weight [out, in]ᵀ + bias [out]; `bias` may be NULL. A frozen weight may be in 16 bits, here, in
/// `ct_add_linear`, `ct_embedding` and `ct_token_logp`; it is widened to float32 for the time of the product.
ct_status ct_linear(ct_tensor *out, ct_tensor input, ct_tensor weight, ct_tensor bias);
/// residual [n, out] + input [n, in] · weight [out, in]ᵀ.
ct_status ct_add_linear(ct_tensor *out, ct_tensor residual, ct_tensor input, ct_tensor weight);
/// input · fusedᵀ + bias, where `fused` [Σ out_i, in] holds the rows of `parts[i]` [out_i, in] in the same memory, and
/// `bias` [Σ out_i] those of `bias_parts[i]`; gradients go to the parts. `bias` and `bias_parts` may both be NULL. `fused` may be a copy
/// of the parts in 16 bits: then products, of the backward pass too, are of numbers in 16 bits, and their results float32.
ct_status ct_fused_linear(
    ct_tensor *out, ct_tensor input, ct_tensor fused, const ct_tensor *parts, ct_tensor bias, const ct_tensor *bias_parts,
    int32_t count);
/// Adds scales[i] · (input · A_iᵀ) · B_iᵀ to the columns of `output` [n, out] that begin at `columns[i]`, in place, and gives `output`.
/// `down` [Σ r_i, in] holds the rows of every A_i [r_i, in]; `factors` are the `count` A_i in that memory and then the B_i
/// [out_i, r_i], to which the gradients go.
ct_status ct_add_low_rank(ct_tensor *out, ct_tensor output, ct_tensor input, ct_tensor down, const ct_tensor *factors,
                          const int64_t *columns, const double *scales, int32_t count);

// --- Reductions ----------------------------------------------------------------------------------------------------

ct_status ct_sum(ct_tensor *out, ct_tensor a);
ct_status ct_mean(ct_tensor *out, ct_tensor a);
ct_status ct_sum_dim(ct_tensor *out, ct_tensor a, int64_t dim, bool keep);
ct_status ct_argmax(ct_tensor *out, ct_tensor a, int64_t dim);
ct_status ct_log_softmax(ct_tensor *out, ct_tensor a, int64_t dim);
ct_status ct_logsumexp(ct_tensor *out, ct_tensor a, int64_t dim, bool keep);

// --- Shapes and rows -----------------------------------------------------------------------------------------------

ct_status ct_reshape(ct_tensor *out, ct_tensor a, const int64_t *shape, int32_t rank);
ct_status ct_transpose(ct_tensor *out, ct_tensor a, int64_t dim0, int64_t dim1);
ct_status ct_narrow(ct_tensor *out, ct_tensor a, int64_t dim, int64_t start, int64_t length);
/// Views of `sizes[i]` rows each, one after the other; `out` has room for `count` handles.
ct_status ct_split_rows(ct_tensor *out, ct_tensor a, const int64_t *sizes, int32_t count);
ct_status ct_cat(ct_tensor *out, const ct_tensor *tensors, int32_t count, int64_t dim);
ct_status ct_index_select(ct_tensor *out, ct_tensor a, int64_t dim, ct_tensor index);
/// Elements picked along `dim`; `index` has the rank of `a`.
ct_status ct_gather(ct_tensor *out, ct_tensor a, int64_t dim, ct_tensor index);
/// Sums the rows of `a` [n, ...] into `count` rows, row i into row index[i].
ct_status ct_segment_sum(ct_tensor *out, ct_tensor a, ct_tensor index, int64_t count);
/// Rows of `a` [n, d] in the order of `rows`, which are distinct, so that the backward pass is a copy and not a sum.
ct_status ct_gather_rows(ct_tensor *out, ct_tensor a, ct_tensor rows);
/// Rows of `table` [v, d] for `index` [n].
ct_status ct_embedding(ct_tensor *out, ct_tensor table, ct_tensor index);

// --- Transformer ---------------------------------------------------------------------------------------------------

/// x / sqrt(mean(x²) + eps) · weight over the last dimension.
ct_status ct_rms_norm(ct_tensor *out, ct_tensor x, ct_tensor weight, double eps);
/// (x - mean(x)) / sqrt(var(x) + eps) · weight + bias over the last dimension.
ct_status ct_layer_norm(ct_tensor *out, ct_tensor x, ct_tensor weight, ct_tensor bias, double eps);
/// x / 2 · (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))).
ct_status ct_gelu_tanh(ct_tensor *out, ct_tensor a);
/// silu(gate) · up for `gate_up` [n, 2 i], whose first half is the gate; gives [n, i].
ct_status ct_swiglu(ct_tensor *out, ct_tensor gate_up);
/// Splits packed projections `qkv` [n, (heads + 2 kv_heads) · width] into rotated q and k, and v, each
/// [batch, heads, length, width]. `rows` [batch · length] names the packed row of each place, a negative number meaning
/// padding (zeros); a row may lie at several places of one position; NULL means that the rows lie there already, in order. The
/// position of a step is its place in its row. `cosine`, `sine`: [positions, turned / 2]; the numbers of a head after its first
/// `turned` stay. Key and value heads are repeated to `heads`.
ct_status ct_rotary_heads(
    ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor qkv, ct_tensor rows, ct_tensor cosine, ct_tensor sine,
    int64_t batch, int64_t length, int64_t heads, int64_t kv_heads);
/// One decoding step: rotates the q and k of `qkv` [r, (heads + 2 kv_heads) · width] at `positions` [r], writes k and v at
/// `column` of the caches [r, kv_heads, columns, width], gives q as [r, kv_heads, heads / kv_heads, width]. No gradient.
ct_status ct_rotary_append(
    ct_tensor *q, ct_tensor qkv, ct_tensor positions, ct_tensor cosine, ct_tensor sine, ct_tensor key_cache,
    ct_tensor value_cache, int64_t column);
/// softmax(scale q kᵀ) v, each query seeing the keys up to its own place: the last `window` of them, or all where `window` is 0.
/// A `scale` of 0 means 1 / sqrt(width); where `cap` is above 0, scores are cap · tanh(score / cap).
ct_status ct_causal_attention(
    ct_tensor *out, ct_tensor q, ct_tensor k, ct_tensor v, int64_t window, double scale, double cap);
/// The same for one new query per row, `q` [r, kv_heads, group, width], over columns starts[r] ..< `end` of the caches
/// [r, kv_heads, columns, width]; gives [r, kv_heads · group · width]. No gradient. Where the maths is composed of libtorch's operators,
/// `mask` says what `starts` does, or is NULL where every row starts at column 0; in float32 on a CPU it is not looked at.
ct_status ct_cached_attention(
    ct_tensor *out, ct_tensor q, ct_tensor key_cache, ct_tensor value_cache, ct_tensor starts, ct_tensor mask, int64_t end,
    double scale, double cap);
/// [r, 1, 1, end]: minus infinity in the columns before starts[r], 0 in the others. The same for all layers of a step.
ct_status ct_column_mask(ct_tensor *out, ct_tensor starts, int64_t end, int32_t dtype);
/// log p(target) and entropy of softmax(hidden · weightᵀ · inverse_temperature), row by row, without ever holding
/// [n, vocabulary]: logits are made in chunks and made again in the backward pass. `inverse_temperature` [n] may be NULL.
/// `entropy` may be NULL where it is not wanted. Where `cap` is above 0, logits are cap · tanh(logit / cap) before the temperature.
ct_status ct_token_logp(
    ct_tensor *logp, ct_tensor *entropy, ct_tensor hidden, ct_tensor weight, ct_tensor targets,
    ct_tensor inverse_temperature, double cap);

// --- Diffusion transformer -----------------------------------------------------------------------------------------

/// LayerNorm(x) (1 + scale) + shift for rows `x` [n, d], without weights of its own. `modulation` [batch, m] holds shift and scale
/// at those columns, each row of it for n / batch rows of x.
ct_status ct_modulated_norm(ct_tensor *out, ct_tensor x, ct_tensor modulation, int64_t shift, int64_t scale, double eps);
/// x + gate · h for rows [n, d], the gate at a column of `modulation` [batch, m].
ct_status ct_gated_add(ct_tensor *out, ct_tensor x, ct_tensor h, ct_tensor modulation, int64_t gate);
/// Splits packed projections of `count` streams (1 or 2) into q and k, RMS-normed per head (eps 1e-6) and rotated in pairs, and v,
/// each [batch, heads, length, width], the first stream's places first. `streams` holds for each its rows
/// [batch · length_i, 3 heads width], query norm and key norm [width]; `cosine`, `sine`: [length, width / 2]. With `rest`, the one
/// stream has further columns, which come back through GELU as [batch · length, columns].
ct_status ct_joint_heads(
    ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor *rest, const ct_tensor *streams, int32_t count, ct_tensor cosine,
    ct_tensor sine, int64_t batch, int64_t heads);
/// softmax(q kᵀ / sqrt(width)) v for q, k, v [batch, heads, length, width]; gives [batch · length, heads · width].
ct_status ct_attention(ct_tensor *out, ct_tensor q, ct_tensor k, ct_tensor v);
/// Views of `sizes[i]` columns each of `a` [n, Σ sizes], one after the other; `out` has room for `count` handles.
ct_status ct_split_columns(ct_tensor *out, ct_tensor a, const int64_t *sizes, int32_t count);

// --- Randomness ----------------------------------------------------------------------------------------------------

ct_status ct_generator_create(ct_generator *out, uint64_t seed);
void ct_generator_free(ct_generator g);
/// The state as bytes; `*bytes` holds the room on entry (0 to ask) and the need on return.
ct_status ct_generator_state(ct_generator g, void *data, size_t *bytes);
ct_status ct_generator_set_state(ct_generator g, const void *data, size_t bytes);
ct_status ct_random_integer(int64_t *out, ct_generator g, int64_t below);
/// Uniform in [0, 1) on the CPU.
ct_status ct_uniform(ct_tensor *out, const int64_t *shape, int32_t rank, ct_generator g);
/// Standard normal on the CPU.
ct_status ct_normal(ct_tensor *out, const int64_t *shape, int32_t rank, ct_generator g);
/// Draws one token per row of `logits` [r, v] by inverting the distribution at `uniform` [r]. A temperature of 0 takes
/// the most likely. `top_k` 0 and `top_p` 1 mean no cut. `logp` is that of the uncut distribution at the temperature
/// (at 1 if the temperature is 0).
ct_status ct_sample(
    ct_tensor *tokens, ct_tensor *logp, ct_tensor logits, ct_tensor uniform, double temperature, int64_t top_k, double top_p);

// --- Optimization --------------------------------------------------------------------------------------------------

/// One AdamW step (decoupled weight decay) over a list of tensors, in place.
ct_status ct_adamw(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *first_moments,
    const ct_tensor *second_moments, const ct_tensor *steps, int32_t count, double learning_rate, double beta1,
    double beta2, double eps, double weight_decay);
/// The Euclidean norm of all gradients together.
ct_status ct_global_norm(double *out, const ct_tensor *tensors, int32_t count);
/// Multiplies each tensor by `factor`, in place.
ct_status ct_scale(const ct_tensor *tensors, int32_t count, double factor);

// --- Several processes ---------------------------------------------------------------------------------------------

typedef struct ct_store_s *ct_store;
typedef struct ct_ranks_s *ct_ranks;
typedef struct ct_exact_sums_s *ct_exact_sums;

/// Texts by key that several processes see, over c10d's TCPStore; `serves`: in this process, at `*port` or, where that is 0, at a free
/// one, which `*port` then is. Otherwise a server is waited for, `timeout` seconds, and so is each answer, but for 30 seconds at most;
/// after one that did not come every call fails at once. May be used from any thread.
ct_status ct_store_open(ct_store *out, int32_t *port, const char *host, bool serves, const char *prefix, double timeout);
void ct_store_close(ct_store store);
ct_status ct_store_set(ct_store store, const char *key, const char *text);
/// `*text` is the caller's, NULL where there is no such key; free it with `free`.
ct_status ct_store_get(ct_store store, const char *key, char **text);

/// Joins `size` processes that meet in the store, over Gloo. A call that another rank does not answer within `timeout` seconds fails.
/// `address` is one of this machine's own; NULL or empty: that of its name, or of the interface that GLOO_SOCKET_IFNAME names.
///
/// Before each call below the ranks compare which one it is; it fails on all of them if one is at another call.
ct_status ct_ranks_join(ct_ranks *out, ct_store store, int32_t rank, int32_t size, double timeout, const char *address);
void ct_ranks_leave(ct_ranks ranks);
/// Every rank's bytes, one after the other at `*out`, which the caller frees with `free`; `sizes` has room for one size per rank.
ct_status ct_ranks_gather(ct_ranks ranks, const char *name, const void *data, size_t bytes, void **out, size_t *sizes);
/// Adds up the gradients over all ranks. A parameter that has one on any rank has one on each afterwards.
ct_status ct_ranks_sum_gradients(ct_ranks ranks, const char *name, const ct_tensor *parameters, int32_t count);
/// Makes each tensor, in place, what it is on its owner.
ct_status ct_ranks_share(ct_ranks ranks, const char *name, const ct_tensor *tensors, const int32_t *owners, int32_t count);
/// Copies tensors of the rank `from` into those of the rank `to`, of the same shapes; the other ranks give none.
ct_status ct_ranks_move(ct_ranks ranks, const char *name, const ct_tensor *tensors, int32_t count, int32_t from, int32_t to);
/// From now on sums and shares of tensors on that GPU go over NCCL, by the library that `make nccl` builds; every rank calls it.
ct_status ct_ranks_use_devices(ct_ranks ranks, ct_store store, const char *library, int32_t device, double timeout);

/// Sums of `count` parameters' float32 gradients that do not depend on the order of adding: gradients of up to 2^21, in units of
/// 2^-60. Sixteen bytes per number.
ct_exact_sums ct_exact_sums_create(int32_t count);
void ct_exact_sums_free(ct_exact_sums sums);
/// Adds the gradients to the sums, and removes them.
ct_status ct_exact_sums_take(ct_exact_sums sums, const ct_tensor *parameters, int32_t count);
/// Adds up the sums over all ranks (NULL: this process alone), makes them the gradients, and begins anew.
ct_status ct_exact_sums_give(
    ct_exact_sums sums, ct_ranks ranks, const char *name, const ct_tensor *parameters, int32_t count);

#ifdef __cplusplus
}
#endif
#endif
