// Attention composed of libtorch's operators.
#pragma once

#include <cmath>
#include <limits>

#include "support.hpp"

namespace ct {

/// softmax(scale q kᵀ + mask) v; `is_causal`: each query sees the keys up to its own place, and there is no mask. A scale of 0 means
/// 1 / sqrt(width). Where `cap` is above 0, scores are cap · tanh(score / cap) before the mask.
inline at::Tensor attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const std::optional<at::Tensor> &mask, bool is_causal,
    double scale, double cap) {
    const auto factor = scale > 0 ? std::optional<double>(scale) : std::nullopt;
    if (!(cap > 0)) return at::scaled_dot_product_attention(q, k, v, mask, 0.0, is_causal, factor);
    const double used = factor.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
    auto scores = cap * at::tanh(at::matmul(q, k.transpose(-2, -1)) * (used / cap));
    if (mask) {
        scores = scores + *mask;
    } else if (is_causal) {
        const auto later = at::ones({q.size(-2), k.size(-2)}, q.options().dtype(at::kBool)).triu(1);
        scores = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
    }
    return at::matmul(at::softmax(scores, -1), v);
}

}  // namespace ct
