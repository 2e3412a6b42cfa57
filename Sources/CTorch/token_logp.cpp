// log p(target) and entropy of a softmax over a large vocabulary, without the logits of more than a chunk of rows.
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "half_weights.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "support.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// Rows per chunk: some 32 MB of logits. Fewer would stay nearer to the processor, but each chunk reads the weight, and in the backward
/// pass its gradient too, from memory: that is worth at least 128 rows.
int64_t chunk_rows(int64_t vocabulary) { return std::max<int64_t>(128, (int64_t(1) << 23) / std::max<int64_t>(1, vocabulary)); }

/// Whether all logits are kept for the backward pass, up to 64 MB; beyond that they are computed again.
bool are_kept(int64_t rows, int64_t vocabulary) { return rows * vocabulary <= int64_t(1) << 24; }

struct Statistics {
    float lse, entropy, target;
};

/// One pass for the maximum, one for Σ eᶻ and Σ eᶻ z, with z taken from the maximum.
CT_KERNEL void row_statistics(const float *logits, int64_t count, float scale, int64_t target, Statistics *out) {
    const int64_t whole = count - count % lanes;
    const float low = -3.0e38f;
    floats best = low, v;
    // Scaled before the maximum is taken, so that a negative scale is not a special case.
    for (int64_t i = 0; i < whole; i += lanes) {
        load(v, logits + i);
        best = __builtin_elementwise_max(best, v * scale);
    }
    float top = largest(best);
    for (int64_t i = whole; i < count; ++i) top = logits[i] * scale > top ? logits[i] * scale : top;
    floats mass = 0.0f, moment = 0.0f;
    for (int64_t i = 0; i < whole; i += lanes) {
        load(v, logits + i);
        const floats z = v * scale - top;
        v = z;
        exponential(v);
        mass += v;
        moment += v * z;
    }
    float total = sum(mass), first = sum(moment);
    for (int64_t i = whole; i < count; ++i) {
        const float z = logits[i] * scale - top, e = std::exp(z);
        total += e;
        first += e * z;
    }
    const float log_total = std::log(total);
    out->lse = top + log_total;
    out->entropy = log_total - first / total;
    // From the maximum and not from lse, whose rounding grows with the logits.
    out->target = logits[target] * scale - top - log_total;
}

/// Turns a row of logits into dLoss/dlogits: scale · (g_logp (1[target] - p) - g_entropy p (log p + H)).
CT_KERNEL void row_gradient(
    float *logits, int64_t count, float scale, int64_t target, float lse, float entropy, float g_logp, float g_entropy) {
    const float base = -scale * (g_logp + g_entropy * entropy), slope = -scale * g_entropy;
    const int64_t whole = count - count % lanes;
    floats v;
    for (int64_t i = 0; i < whole; i += lanes) {
        load(v, logits + i);
        const floats log_p = v * scale - lse;
        v = log_p;
        exponential(v);
        v *= base + slope * log_p;
        store(logits + i, v);
    }
    for (int64_t i = whole; i < count; ++i) {
        const float log_p = logits[i] * scale - lse;
        logits[i] = std::exp(log_p) * (base + slope * log_p);
    }
    logits[target] += scale * g_logp;
}

struct Rows {
    int64_t begin, count;
    at::Tensor of(const at::Tensor &a) const { return a.defined() ? a.narrow(0, begin, count) : a; }
};

/// `body` for each chunk of `n` rows, with the chunk's unscaled logits, which stay below `cap` where it is above 0, and the weight in
/// float32.
///
/// - `kept`: the logits of all rows, computed if `is_new`; otherwise each chunk's are computed, and lost after it.
template <class Body>
void for_chunks(
    const at::Tensor &hidden, const at::Tensor &weight, double cap, const at::Tensor &kept, bool is_new, Body &&body) {
    const int64_t n = hidden.size(0), rows = chunk_rows(weight.size(0));
    const auto wide = is_half(weight) ? weight.to(at::kFloat) : weight;
    const auto transposed = wide.t();
    const auto room = kept.defined() ? kept : at::empty({std::min(n, rows), weight.size(0)}, hidden.options());
    for (int64_t begin = 0; begin < n; begin += rows) {
        const Rows part{begin, std::min(rows, n - begin)};
        auto logits = room.narrow(0, kept.defined() ? begin : 0, part.count);
        if (is_new || !kept.defined()) {
            at::mm_out(logits, part.of(hidden), transposed);
            if (cap > 0) logits.div_(cap).tanh_().mul_(cap);
        }
        body(part, logits, wide);
    }
}

class TokenLogp : public torch::autograd::Function<TokenLogp> {
public:
    static variable_list forward(
        AutogradContext *context, const at::Tensor &hidden, const at::Tensor &weight, const at::Tensor &targets,
        const std::optional<at::Tensor> &inverse_temperature, double cap, bool want_entropy, bool keeps) {
        const auto scale = inverse_temperature.value_or(at::Tensor());
        const int64_t n = hidden.size(0);
        auto logp = at::empty({n}, hidden.options()), lse = at::empty({n}, hidden.options()),
             entropy = at::empty({n}, hidden.options());
        const auto kept = keeps ? at::empty({n, weight.size(0)}, hidden.options()) : at::Tensor();
        for_chunks(hidden, weight, cap, kept, true, [&](const Rows &part, at::Tensor &logits, const at::Tensor &) {
            statistics(part, logits, targets, scale, logp, lse, entropy);
        });
        context->save_for_backward({hidden, weight, targets, scale, lse, entropy, kept});
        context->saved_data["cap"] = cap;
        context->set_materialize_grads(false);
        if (!want_entropy) return {logp};
        return {logp, entropy};
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &hidden = saved[0], &weight = saved[1], &targets = saved[2], &scale = saved[3], &lse = saved[4],
                   &entropy = saved[5], &kept = saved[6];
        const bool for_hidden = context->needs_input_grad(0), for_weight = context->needs_input_grad(1);
        at::Tensor hidden_gradient, weight_gradient;
        const auto g_logp = gradients[0].defined() ? gradients[0].contiguous() : at::Tensor();
        const auto g_entropy = gradients.size() > 1 && gradients[1].defined() ? gradients[1].contiguous() : at::Tensor();
        if (for_hidden) hidden_gradient = at::empty_like(hidden);
        if (for_weight) weight_gradient = at::zeros_like(weight);
        const double cap = context->saved_data["cap"].toDouble();
        // Their gradient takes the place of the kept logits: a graph is gone through once.
        for_chunks(hidden, weight, cap, kept, false, [&](const Rows &part, at::Tensor &logits, const at::Tensor &wide) {
            // The slope of cap · tanh(z / cap) is 1 - tanh²(z / cap).
            const auto slope = cap > 0 ? (logits / cap).square_().neg_().add_(1) : at::Tensor();
            gradient(part, logits, targets, scale, lse, entropy, g_logp, g_entropy);
            if (cap > 0) logits.mul_(slope);
            if (for_hidden) {
                auto into = part.of(hidden_gradient);
                at::mm_out(into, logits, wide);
            }
            if (for_weight) weight_gradient.addmm_(logits.t(), part.of(hidden));
        });
        return {hidden_gradient, weight_gradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    }

private:
    static const float *floats_of(const at::Tensor &a) { return a.defined() ? a.const_data_ptr<float>() : nullptr; }

    static void statistics(
        const Rows &part, const at::Tensor &logits, const at::Tensor &targets, const at::Tensor &scale, at::Tensor &logp,
        at::Tensor &lse, at::Tensor &entropy) {
        if (plain(logits)) {
            const int64_t v = logits.size(1);
            const auto *z = logits.const_data_ptr<float>(), *s = floats_of(scale);
            const auto *t = targets.const_data_ptr<int64_t>();
            auto *l = logp.mutable_data_ptr<float>(), *e = lse.mutable_data_ptr<float>(),
                 *h = entropy.mutable_data_ptr<float>();
            parallel(part.count, 16, [=](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                    const int64_t row = part.begin + i;
                    Statistics found;
                    row_statistics(z + i * v, v, s ? s[row] : 1.0f, t[row], &found);
                    l[row] = found.target;
                    e[row] = found.lse;
                    h[row] = found.entropy;
                }
            });
            return;
        }
        const auto z = scale.defined() ? logits * part.of(scale).unsqueeze(1) : logits;
        const auto total = z.logsumexp(1), log_p = z - total.unsqueeze(1);
        part.of(lse).copy_(total);
        part.of(logp).copy_(log_p.gather(1, part.of(targets).unsqueeze(1)).squeeze(1));
        part.of(entropy).copy_(-(log_p.exp() * log_p).sum(1));
    }

    static void gradient(
        const Rows &part, at::Tensor &logits, const at::Tensor &targets, const at::Tensor &scale, const at::Tensor &lse,
        const at::Tensor &entropy, const at::Tensor &g_logp, const at::Tensor &g_entropy) {
        if (plain(logits)) {
            const int64_t v = logits.size(1);
            auto *z = logits.mutable_data_ptr<float>();
            const auto *s = floats_of(scale), *e = floats_of(lse), *h = floats_of(entropy), *gl = floats_of(g_logp),
                       *gh = floats_of(g_entropy);
            const auto *t = targets.const_data_ptr<int64_t>();
            parallel(part.count, 16, [=](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                    const int64_t row = part.begin + i;
                    row_gradient(
                        z + i * v, v, s ? s[row] : 1.0f, t[row], e[row], h[row], gl ? gl[row] : 0.0f, gh ? gh[row] : 0.0f);
                }
            });
            return;
        }
        const auto s = scale.defined() ? part.of(scale).unsqueeze(1) : at::ones({1, 1}, logits.options());
        const auto log_p = logits * s - part.of(lse).unsqueeze(1), p = log_p.exp();
        auto d = at::zeros_like(p);
        if (g_logp.defined()) {
            const auto g = part.of(g_logp).unsqueeze(1);
            d -= g * p;
            d.scatter_add_(1, part.of(targets).unsqueeze(1), g);
        }
        if (g_entropy.defined()) d -= part.of(g_entropy).unsqueeze(1) * p * (log_p + part.of(entropy).unsqueeze(1));
        logits.copy_(d * s);
    }
};

}  // namespace

ct_status ct_token_logp(
    ct_tensor *logp, ct_tensor *entropy, ct_tensor hidden, ct_tensor weight, ct_tensor targets,
    ct_tensor inverse_temperature, double cap) {
    return guard([&] {
        const auto &h = ref(hidden), &w = ref(weight), &t = ref(targets);
        TORCH_CHECK(
            h.dim() == 2 && w.dim() == 2 && h.size(1) == w.size(1) && t.dim() == 1 && t.size(0) == h.size(0) &&
                t.scalar_type() == at::kLong,
            "expected hidden [n, d], weight [v, d] and 64-bit targets [n]");
        if (t.numel() > 0) {
            const auto [least, most] = t.aminmax();
            TORCH_CHECK(
                least.item<int64_t>() >= 0 && most.item<int64_t>() < w.size(0), "a target lies outside the vocabulary of ",
                w.size(0));
        }
        std::optional<at::Tensor> scale;
        if (inverse_temperature) scale = ref(inverse_temperature).contiguous();
        const bool has_gradient = at::GradMode::is_enabled() && (h.requires_grad() || w.requires_grad());
        auto outputs = TokenLogp::apply(
            h.contiguous(), w.contiguous(), t.contiguous(), scale, cap, entropy != nullptr,
            has_gradient && are_kept(h.size(0), w.size(0)));
        auto *first = give(outputs[0]);
        if (entropy) *entropy = give(outputs[1]);
        *logp = first;
    });
}
