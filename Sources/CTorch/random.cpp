#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <limits>

#include "parallel.hpp"
#include "simd.hpp"
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

/// Sums of probabilities along the rows, in order. Beside the float32 of a CPU they are added up as integers of 2^-40, of which a sum is
/// the same in any order: a device adds up in parts, and not always in the same ones.
static at::Tensor cumulated(const at::Tensor &probability) {
    if (plain(probability)) return probability.cumsum(1);
    constexpr double unit = 1.0 / static_cast<double>(int64_t(1) << 40);
    return probability.to(at::kDouble).div(unit).round().to(at::kLong).cumsum(1).to(at::kDouble).mul(unit);
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
        const auto outside = (cumulated(probability) - probability) >= top_p;
        const auto at_token = at::zeros_like(outside).scatter(1, order, outside);
        logp = logp.masked_fill(at_token, nothing);
    }
    return logp;
}

namespace {

/// Logits whose probabilities are added up before it is known where among them the draw lies.
constexpr int64_t block = 16 * lanes;

struct Draw {
    int64_t token;
    float logp;
};

/// The token at which the probabilities, added up in order, reach 1 - u of their sum, or the most likely one where `greedy`; `room` holds a
/// number for each block. A row that has no distribution gives NaN.
CT_KERNEL void draw_row(const float *z, int64_t count, float scale, float u, bool greedy, float *room, Draw *out) {
    const float low = -std::numeric_limits<float>::infinity();
    floats best = low, v;
    integers broken = 0;
    for (int64_t i = 0; i < count; i += lanes) {
        if (count - i < lanes) load_tail(v, z + i, count - i, low);
        else load(v, z + i);
        v *= scale;
        broken |= v != v;
        best = __builtin_elementwise_max(best, v);
    }
    const float top = largest(best);
    bool is_broken = !std::isfinite(top);
    for (int64_t i = 0; i < lanes; ++i) is_broken |= broken[i] != 0;
    if (is_broken) {
        *out = {0, std::numeric_limits<float>::quiet_NaN()};
        return;
    }
    double total = 0;
    for (int64_t begin = 0, part = 0; begin < count; begin += block, ++part) {
        const int64_t end = std::min(count, begin + block);
        floats mass = 0.0f;
        float rest = 0;
        for (int64_t i = begin; i < end; i += lanes) {
            if (end - i < lanes) load_tail(v, z + i, end - i, low);
            else load(v, z + i);
            v = v * scale - top;
            exponential(v);
            if (end - i < lanes)
                for (int64_t k = 0; k < end - i; ++k) rest += v[k];
            else mass += v;
        }
        room[part] = sum(mass) + rest;
        total += room[part];
    }
    int64_t token = 0;
    if (greedy) {
        while (z[token] * scale != top) ++token;
    } else {
        // 1 - u lies in (0, 1], so the first sum to reach it belongs to a token of positive probability.
        const double goal = (1.0 - u) * total;
        double reached = 0;
        int64_t part = 0;
        while ((part + 1) * block < count && reached + room[part] < goal) reached += room[part++];
        const int64_t begin = part * block, end = std::min(count, begin + block);
        token = begin;
        for (int64_t i = begin; i < end; ++i) {
            const float p = std::exp(z[i] * scale - top);
            if (p > 0) token = i;
            reached += p;
            if (p > 0 && reached >= goal) break;
        }
    }
    *out = {token, z[token] * scale - top - static_cast<float>(std::log(total))};
}

}  // namespace

ct_status ct_sample(
    ct_tensor *tokens, ct_tensor *logp, ct_tensor logits, ct_tensor uniform, double temperature, int64_t top_k, double top_p) {
    return guard([&] {
        const at::NoGradGuard none;
        const auto &z = ref(logits);
        if (plain(z) && top_k == 0 && top_p >= 1) {
            const auto rows = z.contiguous(), draws = ref(uniform).contiguous();
            const int64_t n = rows.size(0), count = rows.size(1), parts = (count + block - 1) / block;
            TORCH_CHECK(count > 0 && draws.numel() == n, "expected logits [n, v] and uniform [n]");
            auto chosen = at::empty({n}, rows.options().dtype(at::kLong)), density = at::empty({n}, rows.options()),
                 room = at::empty({n, parts}, rows.options());
            auto *t = chosen.mutable_data_ptr<int64_t>();
            auto *l = density.mutable_data_ptr<float>(), *r = room.mutable_data_ptr<float>();
            const auto *from = rows.const_data_ptr<float>(), *u = draws.const_data_ptr<float>();
            const bool greedy = temperature == 0;
            const float scale = greedy ? 1.0f : static_cast<float>(1 / temperature);
            parallel(n, 1, [=](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                    Draw found;
                    draw_row(from + i * count, count, scale, u[i], greedy, r + i * parts, &found);
                    t[i] = found.token;
                    l[i] = found.logp;
                }
            });
            *tokens = give(chosen);
            *logp = give(density);
            return;
        }
        const auto all = (temperature > 0 && temperature != 1 ? z.div(temperature) : z).log_softmax(1);
        at::Tensor chosen;
        if (temperature == 0) {
            chosen = all.argmax(1);
        } else {
            const auto cumulative = cumulated((top_k > 0 || top_p < 1 ? cut(all, top_k, top_p) : all).exp());
            // 1 - u lies in (0, 1], so the first sum to reach it belongs to a token of positive probability.
            const auto goal =
                (1 - ref(uniform)).to(cumulative.scalar_type()).unsqueeze(1) * cumulative.narrow(1, z.size(1) - 1, 1);
            chosen = at::searchsorted(cumulative, goal).squeeze(1).clamp_max_(z.size(1) - 1);
        }
        auto density = all.gather(1, chosen.unsqueeze(1)).squeeze(1);
        *tokens = give(chosen);
        *logp = give(density);
    });
}
