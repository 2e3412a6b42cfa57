#include <ATen/CPUGeneratorImpl.h>

#include "support.hpp"

using namespace ct;

static at::Generator &generator(ct_generator g) { return *reinterpret_cast<at::Generator *>(g); }

ct_status ct_generator_create(ct_generator *out, uint64_t seed) {
    return guard([&] {
        *out = reinterpret_cast<ct_generator>(new at::Generator(at::make_generator<at::CPUGeneratorImpl>(seed)));
        live_handles.fetch_add(1, std::memory_order_relaxed);
    });
}

void ct_generator_free(ct_generator g) {
    if (!g) return;
    delete &generator(g);
    live_handles.fetch_sub(1, std::memory_order_relaxed);
}

ct_status ct_generator_state(ct_generator g, void *data, size_t *bytes) {
    return guard([&] {
        const auto state = generator(g).get_state();
        const size_t need = state.nbytes();
        if (*bytes >= need) std::memcpy(data, state.const_data_ptr(), need);
        *bytes = need;
    });
}

ct_status ct_generator_set_state(ct_generator g, const void *data, size_t bytes) {
    return guard([&] {
        const size_t need = generator(g).get_state().nbytes();
        TORCH_CHECK(bytes == need, "a generator's state has ", need, " bytes, ", bytes, " were given");
        auto state = at::empty({static_cast<int64_t>(bytes)}, at::kByte);
        std::memcpy(state.mutable_data_ptr(), data, bytes);
        generator(g).set_state(state);
    });
}

ct_status ct_random_integer(int64_t *out, ct_generator g, int64_t below) {
    return guard([&] { *out = at::randint(below, {1}, generator(g), at::kLong).item<int64_t>(); });
}

ct_status ct_uniform(ct_tensor *out, const int64_t *shape, int32_t rank, ct_generator g) {
    return result(out, [&] { return at::rand(ints(shape, rank), generator(g), at::kFloat); });
}

ct_status ct_normal(ct_tensor *out, const int64_t *shape, int32_t rank, ct_generator g) {
    return result(out, [&] { return at::randn(ints(shape, rank), generator(g), at::kFloat); });
}

/// Minus infinity where a token lies outside the `top_k` most likely, or outside the smallest set whose probability
/// reaches `top_p`; the most likely token always stays.
static at::Tensor cut(at::Tensor logp, int64_t top_k, double top_p) {
    const double nothing = -std::numeric_limits<double>::infinity();
    if (top_k > 0 && top_k < logp.size(1)) {
        const auto least = std::get<0>(logp.topk(top_k, 1)).narrow(1, top_k - 1, 1);
        logp = logp.masked_fill(logp < least, nothing);
    }
    if (top_p < 1) {
        const auto [sorted, order] = logp.log_softmax(1).sort(1, /*descending=*/true);
        const auto probability = sorted.exp();
        const auto outside = (probability.cumsum(1) - probability) >= top_p;
        const auto at_token = at::zeros_like(outside).scatter(1, order, outside);
        logp = logp.masked_fill(at_token, nothing);
    }
    return logp;
}

ct_status ct_sample(
    ct_tensor *tokens, ct_tensor *logp, ct_tensor logits, ct_tensor uniform, double temperature, int64_t top_k, double top_p) {
    return guard([&] {
        const at::NoGradGuard none;
        const auto &z = ref(logits);
        const auto all = (temperature > 0 && temperature != 1 ? z.div(temperature) : z).log_softmax(1);
        at::Tensor chosen;
        if (temperature == 0) {
            chosen = all.argmax(1);
        } else {
            const auto cumulative = (top_k > 0 || top_p < 1 ? cut(all, top_k, top_p) : all).exp().cumsum(1);
            // 1 - u lies in (0, 1], so the first sum to reach it belongs to a token of positive probability.
            const auto goal = (1 - ref(uniform)).unsqueeze(1) * cumulative.narrow(1, z.size(1) - 1, 1);
            chosen = at::searchsorted(cumulative, goal).squeeze(1).clamp_max_(z.size(1) - 1);
        }
        auto density = all.gather(1, chosen.unsqueeze(1)).squeeze(1);
        *tokens = give(chosen);
        *logp = give(density);
    });
}
