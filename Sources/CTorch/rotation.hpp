// The rotation of rotary embeddings, for whole sequences and for single steps.
#pragma once

#include "simd.hpp"
#include "support.hpp"

namespace ct {

/// Hugging Face's rotation of several heads at one position: of their first 2 · `half` numbers the halves (a, b) become
/// (a c - b s, b c + a s), the rest of `width` stays. `sign` -1 rotates back. `to` may be `from`.
CT_INLINE void rotate_heads(
    float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t heads, const float *c, const float *s,
    int64_t half, int64_t width, float sign) {
    for (int64_t h = 0; h < heads; ++h) {
        const float *source = from + h * from_stride;
        float *target = to + h * to_stride;
        for (int64_t i = 0; i < half; ++i) {
            const float a = source[i], b = source[half + i], sine = sign * s[i];
            target[i] = a * c[i] - b * sine;
            target[half + i] = b * c[i] + a * sine;
        }
        if (2 * half < width && target != source)
            std::memcpy(target + 2 * half, source + 2 * half, sizeof(float) * static_cast<size_t>(width - 2 * half));
    }
}

/// The same with libtorch's operators, over the last dimension.
inline at::Tensor rotated(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s) {
    const int64_t half = c.size(-1), rest = x.size(-1) - 2 * half;
    const auto parts = x.split_with_sizes({half, half, rest}, -1);
    return at::cat({parts[0] * c - parts[1] * s, parts[1] * c + parts[0] * s, parts[2]}, -1);
}

}  // namespace ct
