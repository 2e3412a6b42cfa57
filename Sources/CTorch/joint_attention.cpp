// Joint attention of FLUX: from packed projections of one or two streams to normed, rotated heads, and GELU beside it.
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "parallel.hpp"
#include "simd.hpp"
#include "support.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

constexpr float eps = 1e-6f;

// --- GELU ----------------------------------------------------------------------------------------------------------

/// tanh's form, x σ(2 u) with u = √(2/π) (x + 0.044715 x³). Hendrycks & Gimpel 2016.
CT_INLINE void gelu(floats &y, const floats &x) {
    floats e = -2.0f * 0.7978845608f * (x + 0.044715f * x * x * x);
    exponential(e);
    y = x / (1.0f + e);
}

/// g (s + x s (1 - s) 2 u').
CT_INLINE void gelu_gradient(floats &y, const floats &g, const floats &x) {
    floats e = -2.0f * 0.7978845608f * (x + 0.044715f * x * x * x);
    exponential(e);
    const floats s = 1.0f / (1.0f + e);
    y = g * s * (1.0f + x * (1.0f - s) * (2.0f * 0.7978845608f * (1.0f + 0.134145f * x * x)));
}

CT_KERNEL void gelu_row(float *y, const float *x, int64_t d) {
    floats v, u;
    for (int64_t i = 0; i < d; i += lanes) {
        if (d - i < lanes) load_tail(v, x + i, d - i, 0);
        else load(v, x + i);
        gelu(u, v);
        if (d - i < lanes) store_tail(y + i, u, d - i);
        else store(y + i, u);
    }
}

CT_KERNEL void gelu_row_gradient(float *gx, const float *g, const float *x, int64_t d) {
    floats v, u, w;
    for (int64_t i = 0; i < d; i += lanes) {
        if (d - i < lanes) {
            load_tail(v, x + i, d - i, 0);
            load_tail(u, g + i, d - i, 0);
        } else {
            load(v, x + i);
            load(u, g + i);
        }
        gelu_gradient(w, u, v);
        if (d - i < lanes) store_tail(gx + i, w, d - i);
        else store(gx + i, w);
    }
}

class GELU : public torch::autograd::Function<GELU> {
public:
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x) {
        auto y = at::empty_like(x);
        auto *py = y.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>();
        parallel(x.numel(), 4096, [=](int64_t begin, int64_t end) { gelu_row(py + begin, px + begin, end - begin); });
        context->save_for_backward({x});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto x = context->get_saved_variables()[0];
        const auto g = gradients[0].contiguous();
        auto gx = at::empty_like(x);
        auto *pgx = gx.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>(), *pg = g.const_data_ptr<float>();
        parallel(x.numel(), 4096, [=](int64_t begin, int64_t end) {
            gelu_row_gradient(pgx + begin, pg + begin, px + begin, end - begin);
        });
        return {gx};
    }
};

// --- Normed, rotated heads -----------------------------------------------------------------------------------------

/// Each head of `from`: RMSNorm with weight w, then pairs (a, b) become (a c - b s, b c + a s).
CT_KERNEL void norm_rotate(
    float *to, const float *from, const float *w, const float *c, const float *s, int64_t heads, int64_t width) {
    for (int64_t h = 0; h < heads; ++h, from += width, to += width) {
        float squares = 0;
        for (int64_t i = 0; i < width; ++i) squares += from[i] * from[i];
        const float r = 1.0f / std::sqrt(squares / static_cast<float>(width) + eps);
        for (int64_t i = 0; i < width; i += 2) {
            const float a = from[i] * r * w[i], b = from[i + 1] * r * w[i + 1];
            to[i] = a * c[i / 2] - b * s[i / 2];
            to[i + 1] = b * c[i / 2] + a * s[i / 2];
        }
    }
}

/// With u the gradient rotated back: gx = r (u w - x r² mean(u w x)); gw += u x r.
CT_KERNEL void norm_rotate_gradient(
    float *gx, float *gw, const float *g, const float *x, const float *w, const float *c, const float *s, int64_t heads,
    int64_t width) {
    for (int64_t h = 0; h < heads; ++h, g += width, x += width, gx += width) {
        float squares = 0, dot = 0;
        for (int64_t i = 0; i < width; ++i) squares += x[i] * x[i];
        const float r = 1.0f / std::sqrt(squares / static_cast<float>(width) + eps);
        for (int64_t i = 0; i < width; i += 2) {
            const float a = g[i] * c[i / 2] + g[i + 1] * s[i / 2], b = g[i + 1] * c[i / 2] - g[i] * s[i / 2];
            dot += a * w[i] * x[i] + b * w[i + 1] * x[i + 1];
            gw[i] += a * x[i] * r;
            gw[i + 1] += b * x[i + 1] * r;
            gx[i] = a * w[i];
            gx[i + 1] = b * w[i + 1];
        }
        const float pull = dot * r * r / static_cast<float>(width);
        for (int64_t i = 0; i < width; ++i) gx[i] = r * (gx[i] - x[i] * pull);
    }
}

/// Rows [batch · length, columns] of one stream: queries, keys, values, and what follows them.
struct Stream {
    const float *rows, *query_norm, *key_norm;
    int64_t length, columns;
};

struct Shape {
    int64_t batch, heads, width, length;
    int64_t d() const { return heads * width; }
};

/// Inputs: cosine, sine, then rows, query norm and key norm of each stream. Outputs: q, k, v [batch, heads, length, width],
/// then, where a single stream is wider than its heads, GELU of the columns that follow.
class JointHeads : public torch::autograd::Function<JointHeads> {
public:
    static std::vector<Stream> streams(const variable_list &inputs, int64_t batch) {
        std::vector<Stream> result;
        for (size_t i = 2; i < inputs.size(); i += 3)
            result.push_back(
                {inputs[i].const_data_ptr<float>(), inputs[i + 1].const_data_ptr<float>(), inputs[i + 2].const_data_ptr<float>(),
                 inputs[i].size(0) / batch, inputs[i].size(1)});
        return result;
    }

    static variable_list forward(AutogradContext *context, at::TensorList given, int64_t batch, int64_t heads) {
        const variable_list inputs(given.begin(), given.end());
        const auto parts = streams(inputs, batch);
        const Shape at{batch, heads, inputs[0].size(1) * 2, inputs[0].size(0)};
        variable_list outputs;
        for (int i = 0; i < 3; ++i) outputs.push_back(at::empty({batch, at.length, heads, at.width}, inputs[2].options()));
        float *to[3];
        for (size_t i = 0; i < 3; ++i) to[i] = outputs[i].mutable_data_ptr<float>();
        const int64_t rest = parts[0].columns - 3 * at.d();
        if (rest > 0) outputs.push_back(at::empty({batch * at.length, rest}, inputs[2].options()));
        auto *active = rest > 0 ? outputs[3].mutable_data_ptr<float>() : nullptr;
        const auto *c = inputs[0].const_data_ptr<float>(), *s = inputs[1].const_data_ptr<float>();
        parallel(batch, 1, [&, c, s, active](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b) {
                int64_t position = 0;
                for (const auto &part : parts)
                    for (int64_t row = b * part.length; row < (b + 1) * part.length; ++row, ++position) {
                        const float *from = part.rows + row * part.columns, *cp = c + position * at.width / 2,
                                    *sp = s + position * at.width / 2;
                        const int64_t place = (b * at.length + position) * at.d();
                        norm_rotate(to[0] + place, from, part.query_norm, cp, sp, at.heads, at.width);
                        norm_rotate(to[1] + place, from + at.d(), part.key_norm, cp, sp, at.heads, at.width);
                        std::memcpy(to[2] + place, from + 2 * at.d(), sizeof(float) * static_cast<size_t>(at.d()));
                        if (active) gelu_row(active + row * rest, from + 3 * at.d(), rest);
                    }
            }
        });
        context->save_for_backward(inputs);
        context->saved_data["shape"] = std::vector<int64_t>{batch, heads};
        for (size_t i = 0; i < 3; ++i) outputs[i] = outputs[i].transpose(1, 2);
        return outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto inputs = context->get_saved_variables();
        const auto sizes = context->saved_data["shape"].toIntVector();
        const int64_t batch = sizes[0];
        const Shape at{batch, sizes[1], inputs[0].size(1) * 2, inputs[0].size(0)};
        const auto parts = streams(inputs, batch);
        const float *from[3];
        for (size_t i = 0; i < 3; ++i) {
            gradients[i] = gradients[i].transpose(1, 2).contiguous();
            from[i] = gradients[i].const_data_ptr<float>();
        }
        const int64_t rest = parts[0].columns - 3 * at.d();
        if (rest > 0) gradients[3] = gradients[3].contiguous();
        const auto *active = rest > 0 ? gradients[3].const_data_ptr<float>() : nullptr;
        // Norm weights get one partial sum per batch entry, added up in order, so that the result does not depend on who ran first.
        auto partial = at::zeros({batch, static_cast<int64_t>(parts.size()), 2, at.width}, inputs[2].options());
        auto *gw = partial.mutable_data_ptr<float>();
        variable_list result(2 + 3 * parts.size());
        std::vector<float *> to;
        for (size_t p = 0; p < parts.size(); ++p) {
            result[2 + 3 * p] = at::empty_like(inputs[2 + 3 * p]);
            to.push_back(result[2 + 3 * p].mutable_data_ptr<float>());
        }
        const auto *c = inputs[0].const_data_ptr<float>(), *s = inputs[1].const_data_ptr<float>();
        parallel(batch, 1, [&, c, s, active, gw](int64_t begin, int64_t end) {
            const int64_t half = at.width / 2, d = at.d();
            for (int64_t b = begin; b < end; ++b) {
                int64_t position = 0;
                for (size_t p = 0; p < parts.size(); ++p) {
                    const auto &part = parts[p];
                    float *weights = gw + (b * static_cast<int64_t>(parts.size()) + static_cast<int64_t>(p)) * 2 * at.width;
                    for (int64_t row = b * part.length; row < (b + 1) * part.length; ++row, ++position) {
                        const float *x = part.rows + row * part.columns, *cp = c + position * half, *sp = s + position * half;
                        float *gx = to[p] + row * part.columns;
                        const int64_t place = (b * at.length + position) * d;
                        norm_rotate_gradient(gx, weights, from[0] + place, x, part.query_norm, cp, sp, at.heads, at.width);
                        norm_rotate_gradient(
                            gx + d, weights + at.width, from[1] + place, x + d, part.key_norm, cp, sp, at.heads, at.width);
                        std::memcpy(gx + 2 * d, from[2] + place, sizeof(float) * static_cast<size_t>(d));
                        if (active) gelu_row_gradient(gx + 3 * d, active + row * rest, x + 3 * d, rest);
                    }
                }
            }
        });
        const auto sums = partial.sum(0);
        for (size_t p = 0; p < parts.size(); ++p)
            for (int64_t i = 0; i < 2; ++i)
                result[3 + 3 * p + static_cast<size_t>(i)] = sums[static_cast<int64_t>(p)][i];
        result.resize(result.size() + 2);
        return result;
    }
};

/// The same with libtorch's operators, for other devices and element types.
variable_list composed_heads(const variable_list &inputs, int64_t batch, int64_t heads) {
    const int64_t width = inputs[0].size(1) * 2, d = heads * width;
    const auto c = inputs[0].unsqueeze(1), s = inputs[1].unsqueeze(1);
    variable_list q, k, v;
    const auto normed = [&](const at::Tensor &x, const at::Tensor &w) {
        return x * (x.square().mean(-1, /*keepdim=*/true) + static_cast<double>(eps)).rsqrt() * w;
    };
    const auto split = [&](const at::Tensor &rows, int64_t which) {
        return rows.narrow(1, which * d, d).reshape({batch, -1, heads, width});
    };
    for (size_t i = 2; i < inputs.size(); i += 3) {
        q.push_back(normed(split(inputs[i], 0), inputs[i + 1]));
        k.push_back(normed(split(inputs[i], 1), inputs[i + 2]));
        v.push_back(split(inputs[i], 2));
    }
    const auto rotated = [&](const at::Tensor &x) {
        const auto pairs = x.unflatten(3, {width / 2, 2});
        const auto a = pairs.select(4, 0), b = pairs.select(4, 1);
        return at::stack({a * c - b * s, b * c + a * s}, 4).flatten(3).transpose(1, 2);
    };
    variable_list outputs{rotated(at::cat(q, 1)), rotated(at::cat(k, 1)), at::cat(v, 1).transpose(1, 2)};
    if (inputs[2].size(1) > 3 * d)
        outputs.push_back(at::gelu(inputs[2].narrow(1, 3 * d, inputs[2].size(1) - 3 * d), "tanh"));
    return outputs;
}

}  // namespace

ct_status ct_gelu_tanh(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return plain(ref(a)) ? GELU::apply(ref(a).contiguous()) : at::gelu(ref(a), "tanh"); });
}

ct_status ct_joint_heads(
    ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor *rest, const ct_tensor *streams, int32_t count, ct_tensor cosine,
    ct_tensor sine, int64_t batch, int64_t heads) {
    return guard([&] {
        variable_list inputs{ref(cosine).contiguous(), ref(sine).contiguous()};
        for (const auto &tensor : list(streams, 3 * count)) inputs.push_back(tensor.contiguous());
        const int64_t width = inputs[0].size(1) * 2;
        int64_t length = 0;
        TORCH_CHECK(count == 1 || (count == 2 && !rest), "expected one stream, or two without further columns");
        for (size_t i = 2; i < inputs.size(); i += 3) {
            const auto &x = inputs[i];
            TORCH_CHECK(
                x.dim() == 2 && x.size(0) % batch == 0 && (rest ? x.size(1) > 3 * heads * width : x.size(1) == 3 * heads * width),
                "expected packed projections whose width is three times that of all heads");
            length += x.size(0) / batch;
        }
        TORCH_CHECK(length == inputs[0].size(0), length, " places, but angles for ", inputs[0].size(0));
        auto outputs = plain(inputs[2]) ? JointHeads::apply(at::TensorList(inputs), batch, heads)
                                        : composed_heads(inputs, batch, heads);
        *q = give(outputs[0]);
        *k = give(outputs[1]);
        *v = give(outputs[2]);
        if (rest) *rest = give(outputs[3]);
    });
}

ct_status ct_attention(ct_tensor *out, ct_tensor q, ct_tensor k, ct_tensor v) {
    return result(out, [&] {
        const auto &a = ref(q);
        const auto y = at::scaled_dot_product_attention(a, ref(k), ref(v)).transpose(1, 2);
        return y.reshape({a.size(0) * a.size(2), a.size(1) * a.size(3)});
    });
}
