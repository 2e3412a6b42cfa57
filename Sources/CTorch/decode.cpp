// One step of decoding against a key-value cache: what training never does, and where calls cost more than arithmetic.
#include <cmath>

#include "attention.hpp"
#include "parallel.hpp"
#include "rotation.hpp"

using namespace ct;

namespace {

CT_KERNEL void rotate(
    float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t heads, const float *c, const float *s,
    int64_t half, int64_t width, float sign) {
    rotate_heads(to, to_stride, from, from_stride, heads, c, s, half, width, sign);
}

/// softmax(scale q · keys) values for one query over `count` columns, scores held below `cap` where there is one; `weights` is
/// room for them.
CT_KERNEL void attend(
    float *out, float *weights, const float *q, const float *keys, const float *values, int64_t count, int64_t width,
    float scale, float cap) {
    const int64_t whole = width - width % lanes;
    floats a, b;
    float top = -3.0e38f;
    for (int64_t c = 0; c < count; ++c) {
        const float *key = keys + c * width;
        floats dots = 0.0f;
        for (int64_t i = 0; i < whole; i += lanes) {
            load(a, q + i);
            load(b, key + i);
            dots += a * b;
        }
        float dot = sum(dots);
        for (int64_t i = whole; i < width; ++i) dot += q[i] * key[i];
        weights[c] = cap > 0 ? cap * std::tanh(dot * scale / cap) : dot * scale;
        top = weights[c] > top ? weights[c] : top;
    }
    float total = 0;
    for (int64_t c = 0; c < count; c += lanes) {
        const int64_t rest = count - c;
        if (rest < lanes) load_tail(a, weights + c, rest, -3.0e38f);
        else load(a, weights + c);
        a -= top;
        exponential(a);
        if (rest < lanes) {
            store_tail(weights + c, a, rest);
            for (int64_t i = 0; i < rest; ++i) total += a[i];
        } else {
            store(weights + c, a);
            total += sum(a);
        }
    }
    const float share = 1.0f / total;
    for (int64_t i = 0; i < whole; i += lanes) {
        floats mean = 0.0f;
        for (int64_t c = 0; c < count; ++c) {
            load(a, values + c * width + i);
            mean += a * weights[c];
        }
        mean *= share;
        store(out + i, mean);
    }
    for (int64_t i = whole; i < width; ++i) {
        float mean = 0;
        for (int64_t c = 0; c < count; ++c) mean += values[c * width + i] * weights[c];
        out[i] = mean * share;
    }
}

}  // namespace

ct_status ct_rotary_append(
    ct_tensor *q, ct_tensor qkv, ct_tensor positions, ct_tensor cosine, ct_tensor sine, ct_tensor key_cache,
    ct_tensor value_cache, int64_t column) {
    return guard([&] {
        const at::NoGradGuard none;
        const auto x = ref(qkv).contiguous(), c = ref(cosine).contiguous(), s = ref(sine).contiguous(),
                   where = ref(positions).contiguous();
        auto &keys = ref(key_cache), &values = ref(value_cache);
        const int64_t rows = keys.size(0), kv_heads = keys.size(1), columns = keys.size(2), width = keys.size(3);
        const int64_t heads = x.size(1) / width - 2 * kv_heads;
        TORCH_CHECK(
            x.size(0) == rows && where.size(0) == rows && column < columns && c.size(1) * 2 <= width && heads > 0 &&
                heads % kv_heads == 0 && keys.is_contiguous() && values.is_contiguous(),
            "the caches do not fit the projections");
        if (!plain(x)) {
            const auto cp = c.index_select(0, where).unsqueeze(1), sp = s.index_select(0, where).unsqueeze(1);
            const auto parts = x.view({rows, -1, width}).split_with_sizes({heads, kv_heads, kv_heads}, 1);
            keys.select(2, column).copy_(rotated(parts[1], cp, sp));
            values.select(2, column).copy_(parts[2]);
            *q = give(rotated(parts[0], cp, sp).view({rows, kv_heads, heads / kv_heads, width}));
            return;
        }
        auto result = at::empty({rows, kv_heads, heads / kv_heads, width}, x.options());
        auto *to = result.mutable_data_ptr<float>(), *pk = keys.mutable_data_ptr<float>(),
             *pv = values.mutable_data_ptr<float>();
        const auto *from = x.const_data_ptr<float>(), *pc = c.const_data_ptr<float>(), *ps = s.const_data_ptr<float>();
        const auto *position = where.const_data_ptr<int64_t>();
        const int64_t half = c.size(1);
        parallel(rows, 32, [=](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                const float *cp = pc + position[r] * half, *sp = ps + position[r] * half,
                            *row = from + r * (heads + 2 * kv_heads) * width;
                rotate(to + r * heads * width, width, row, width, heads, cp, sp, half, width, 1);
                const int64_t first = (r * kv_heads * columns + column) * width;
                rotate(pk + first, columns * width, row + heads * width, width, kv_heads, cp, sp, half, width, 1);
                for (int64_t g = 0; g < kv_heads; ++g) {
                    const int64_t offset = first + g * columns * width;
                    std::memcpy(
                        pv + offset, row + (heads + kv_heads + g) * width, sizeof(float) * static_cast<size_t>(width));
                }
            }
        });
        *q = give(result);
    });
}

ct_status ct_column_mask(ct_tensor *out, ct_tensor starts, int64_t end, int32_t type) {
    return result(out, [&] {
        const at::NoGradGuard none;
        const auto first = ref(starts).contiguous();
        const int64_t rows = first.size(0);
        const auto hidden = (at::arange(end, first.options()).unsqueeze(0) < first.unsqueeze(1)).view({rows, 1, 1, end});
        // In rows of a length that fused kernels take as they are; others are copied for each layer.
        const int64_t room = (end + 15) / 16 * 16;
        return at::zeros({rows, 1, 1, room}, first.options().dtype(dtype(type)))
            .narrow(3, 0, end)
            .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
    });
}

ct_status ct_cached_attention(
    ct_tensor *out, ct_tensor q, ct_tensor key_cache, ct_tensor value_cache, ct_tensor starts, ct_tensor mask, int64_t end,
    double scale, double cap) {
    return result(out, [&] {
        const at::NoGradGuard none;
        const auto query = ref(q).contiguous(), first = ref(starts).contiguous();
        const auto &keys = ref(key_cache), &values = ref(value_cache);
        const int64_t rows = query.size(0), kv_heads = query.size(1), group = query.size(2), width = query.size(3),
                      columns = keys.size(2);
        TORCH_CHECK(
            keys.sizes() == values.sizes() && keys.size(0) == rows && keys.size(1) == kv_heads && keys.size(3) == width &&
                first.size(0) == rows && end > 0 && end <= columns && keys.is_contiguous() && values.is_contiguous(),
            "the caches do not fit the queries");
        if (!plain(query)) {
            return attention(
                       query, keys.narrow(2, 0, end), values.narrow(2, 0, end), maybe(mask), /*is_causal=*/false, scale, cap)
                .reshape({rows, kv_heads * group * width});
        }
        const float factor = scale > 0 ? static_cast<float>(scale) : 1.0f / std::sqrt(static_cast<float>(width)),
                    most = static_cast<float>(cap);
        auto attended = at::empty({rows, kv_heads * group * width}, query.options()),
             weights = at::empty({rows * kv_heads, end}, query.options());
        auto *to = attended.mutable_data_ptr<float>(), *room = weights.mutable_data_ptr<float>();
        const auto *pq = query.const_data_ptr<float>(), *pk = keys.const_data_ptr<float>(),
                   *pv = values.const_data_ptr<float>();
        const auto *begin_of = first.const_data_ptr<int64_t>();
        parallel(rows * kv_heads, 8, [=](int64_t begin, int64_t last) {
            for (int64_t head = begin; head < last; ++head) {
                const int64_t start = begin_of[head / kv_heads], offset = (head * columns + start) * width;
                for (int64_t i = head * group; i < (head + 1) * group; ++i)
                    attend(
                        to + i * width, room + head * end, pq + i * width, pk + offset, pv + offset, end - start, width, factor,
                        most);
            }
        });
        return attended;
    });
}
