// Products of few rows with a weight, as decoding has them. There the weight is the traffic: a general product rearranges it for every
// call, which is as much work as the product itself. Here each of its rows is read once, straight from where it lies, in whatever type.
#include "few_rows.hpp"

#include "half_weights.hpp"
#include "parallel.hpp"
#include "simd.hpp"

using namespace ct;

namespace {

typedef uint16_t shorts __attribute__((ext_vector_type(16)));
typedef uint32_t words __attribute__((ext_vector_type(16)));
typedef _Float16 halves __attribute__((ext_vector_type(16)));

/// Up to so many rows the weight is not worth rearranging: fewer where it stays in the cache.
int64_t most_rows(const at::Tensor &weight) { return weight.nbytes() > size_t(1) << 20 ? 64 : 24; }
/// Rows of the weight and of the input of one tile: as many sums as there are registers for.
constexpr int tile_outputs = 6, tile_inputs = 4;

CT_INLINE void load_weight(floats &v, const float *p) { load(v, p); }
CT_INLINE void load_weight(floats &v, const at::Half *p) {
    halves narrow;
    std::memcpy(&narrow, p, sizeof narrow);
    v = __builtin_convertvector(narrow, floats);
}
CT_INLINE void load_weight(floats &v, const at::BFloat16 *p) {
    shorts narrow;
    std::memcpy(&narrow, p, sizeof narrow);
    const words wide = __builtin_convertvector(narrow, words) << 16;
    std::memcpy(&v, &wide, sizeof v);
}

template <class Weight>
struct Product {
    float *out;
    const float *input;
    const Weight *weight;
    const float *bias, *residual;  // either or none
    int64_t rows, outputs, inputs;
};

/// Sums of sixteen vectors at once, each added up as `sum` does it: that of vector 4 j + k is at 4 k + j.
CT_INLINE void sums_of(floats &out, const floats *v) {
    floats eights[8], fours[4], twos[2];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; ++i) {
        const floats a = v[2 * i], b = v[2 * i + 1];
        eights[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
            __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; ++i) {
        const floats a = eights[2 * i], b = eights[2 * i + 1];
        fours[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
            __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 2; ++i) {
        const floats a = fours[2 * i], b = fours[2 * i + 1];
        twos[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
            __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
    const floats a = twos[0], b = twos[1];
    out = __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30) +
        __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
}

/// Outputs first ..< first + N of rows row ..< row + M. Sixteen partial sums each, over the inputs in order, whatever N and M are.
///
/// - F: whether it fetches the weights of the next outputs meanwhile.
template <int N, int M, bool F, class Weight>
CT_INLINE void tile(const Product<Weight> &p, int64_t first, int64_t row) {
    const int64_t depth = p.inputs, whole = depth - depth % lanes;
    const float *x = p.input + row * depth;
    const Weight *w = p.weight + first * depth;
    floats partial[N][M] = {};
    for (int64_t i = 0; i < whole; i += lanes) {
        floats a[M], b;
#pragma clang loop unroll(full)
        for (int m = 0; m < M; ++m) load(a[m], x + m * depth + i);
#pragma clang loop unroll(full)
        for (int n = 0; n < N; ++n) {
            load_weight(b, w + n * depth + i);
            if (F) __builtin_prefetch(w + (N + n) * depth + i, 0, 2);
#pragma clang loop unroll(full)
            for (int m = 0; m < M; ++m) partial[n][m] += a[m] * b;
        }
    }
    float totals[N][M];
    if constexpr (N == tile_outputs && M == tile_inputs) {
        static_assert(tile_inputs == 4 && tile_outputs == 6, "16 sums and 8 more");
        const floats zero = 0.0f;
        floats most, rest;
        sums_of(most, &partial[0][0]);
        const floats others[16] = {
            partial[4][0], partial[4][1], partial[4][2], partial[4][3], partial[5][0], partial[5][1], partial[5][2],
            partial[5][3], zero, zero, zero, zero, zero, zero, zero, zero};
        sums_of(rest, others);
#pragma clang loop unroll(full)
        for (int n = 0; n < N; ++n)
#pragma clang loop unroll(full)
            for (int m = 0; m < M; ++m) totals[n][m] = n < 4 ? most[4 * m + n] : rest[4 * m + n - 4];
    } else {
#pragma clang loop unroll(full)
        for (int n = 0; n < N; ++n)
#pragma clang loop unroll(full)
            for (int m = 0; m < M; ++m) totals[n][m] = sum(partial[n][m]);
    }
    if (whole < depth)
        for (int n = 0; n < N; ++n)
            for (int m = 0; m < M; ++m)
                for (int64_t i = whole; i < depth; ++i) totals[n][m] += x[m * depth + i] * static_cast<float>(w[n * depth + i]);
#pragma clang loop unroll(full)
    for (int m = 0; m < M; ++m) {
        const int64_t place = (row + m) * p.outputs + first;
        const float *more = p.bias ? p.bias + first : p.residual ? p.residual + place : nullptr;
        float *out = p.out + place;
#pragma clang loop unroll(full)
        for (int n = 0; n < N; ++n) out[n] = more ? totals[n][m] + more[n] : totals[n][m];
    }
}

template <int N, class Weight>
CT_INLINE void outputs(const Product<Weight> &p, int64_t first) {
    int64_t row = 0;
    if (p.rows >= tile_inputs) {
        tile<N, tile_inputs, true>(p, first, 0);
        for (row = tile_inputs; row + tile_inputs <= p.rows; row += tile_inputs) tile<N, tile_inputs, false>(p, first, row);
    }
    switch (p.rows - row) {
    case 3: return tile<N, 3, true>(p, first, row);
    case 2: return tile<N, 2, true>(p, first, row);
    case 1: return tile<N, 1, true>(p, first, row);
    default: return;
    }
}

/// Outputs begin ..< end of all rows.
template <class Weight>
CT_INLINE void span(const Product<Weight> &p, int64_t begin, int64_t end) {
    int64_t first = begin;
    for (; first + tile_outputs <= end; first += tile_outputs) outputs<tile_outputs>(p, first);
    for (; first < end; ++first) outputs<1>(p, first);
}

CT_KERNEL void few(const Product<float> &p, int64_t begin, int64_t end) { span(p, begin, end); }
CT_KERNEL void few(const Product<at::Half> &p, int64_t begin, int64_t end) { span(p, begin, end); }
CT_KERNEL void few(const Product<at::BFloat16> &p, int64_t begin, int64_t end) { span(p, begin, end); }

template <class Weight>
void multiply(
    at::Tensor &out, const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual) {
    const Product<Weight> p{
        out.mutable_data_ptr<float>(), input.const_data_ptr<float>(), weight.const_data_ptr<Weight>(),
        bias ? bias->const_data_ptr<float>() : nullptr, residual ? residual->const_data_ptr<float>() : nullptr,
        input.size(0), weight.size(0), weight.size(1)};
    // Parts of whole tiles.
    const int64_t tiles = (p.outputs + tile_outputs - 1) / tile_outputs;
    parallel(tiles, 8, [&p](int64_t begin, int64_t end) {
        few(p, begin * tile_outputs, std::min(p.outputs, end * tile_outputs));
    });
}

bool has_wide_registers() {
#if defined(__x86_64__)
    static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return has;
#else
    return false;
#endif
}

thread_local bool is_asked_for = false;

bool is_flat(const std::optional<at::Tensor> &a) { return !a || (plain(*a) && a->is_contiguous()); }

}  // namespace

namespace ct {

bool is_few_rows(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual) {
    return is_asked_for && !at::GradMode::is_enabled() && has_wide_registers() && input.dim() == 2 && weight.dim() == 2 &&
        input.size(0) <= most_rows(weight) && input.size(1) == weight.size(1) && plain(input) && weight.is_cpu() &&
        (weight.scalar_type() == at::kFloat || is_half(weight)) && weight.is_contiguous() && is_flat(bias) && is_flat(residual) &&
        !(bias && residual);
}

at::Tensor few_rows(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual) {
    const auto x = input.contiguous();
    auto out = at::empty({x.size(0), weight.size(0)}, x.options());
    switch (weight.scalar_type()) {
    case at::kHalf: multiply<at::Half>(out, x, weight, bias, residual); break;
    case at::kBFloat16: multiply<at::BFloat16>(out, x, weight, bias, residual); break;
    default: multiply<float>(out, x, weight, bias, residual);
    }
    return out;
}

}  // namespace ct

bool ct_few_rows(void) { return is_asked_for; }

void ct_set_few_rows(bool enabled) { is_asked_for = enabled; }
