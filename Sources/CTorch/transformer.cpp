// The operators of a transformer block that libtorch has no fused CPU version of, each with its own backward pass.
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "few_rows.hpp"
#include "half_weights.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "support.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// --- RMSNorm -------------------------------------------------------------------------------------------------------

/// y = x r w with r = 1 / sqrt(mean(x²) + eps); returns r.
CT_KERNEL float norm_row(float *y, const float *x, const float *w, int64_t d, float eps) {
    const int64_t whole = d - d % lanes;
    floats squares = 0.0f, v, u;
    for (int64_t i = 0; i < whole; i += lanes) {
        load(v, x + i);
        squares += v * v;
    }
    float total = sum(squares);
    for (int64_t i = whole; i < d; ++i) total += x[i] * x[i];
    const float r = 1.0f / std::sqrt(total / static_cast<float>(d) + eps);
    for (int64_t i = 0; i < whole; i += lanes) {
        load(v, x + i);
        load(u, w + i);
        v = v * r * u;
        store(y + i, v);
    }
    for (int64_t i = whole; i < d; ++i) y[i] = x[i] * r * w[i];
    return r;
}

/// gx = r (g w - x r² mean(g w x)); gw += g x r.
CT_KERNEL void norm_row_gradient(float *gx, float *gw, const float *g, const float *x, const float *w, int64_t d, float r) {
    const int64_t whole = d - d % lanes;
    floats dots = 0.0f, a, b, c, e;
    for (int64_t i = 0; i < whole; i += lanes) {
        load(a, g + i);
        load(b, x + i);
        load(c, w + i);
        dots += a * b * c;
    }
    float dot = sum(dots);
    for (int64_t i = whole; i < d; ++i) dot += g[i] * x[i] * w[i];
    const float pull = dot * r * r / static_cast<float>(d);
    for (int64_t i = 0; i < whole; i += lanes) {
        load(a, g + i);
        load(b, x + i);
        load(c, w + i);
        load(e, gw + i);
        e += a * b * r;
        store(gw + i, e);
        a = r * (a * c - b * pull);
        store(gx + i, a);
    }
    for (int64_t i = whole; i < d; ++i) {
        gw[i] += g[i] * x[i] * r;
        gx[i] = r * (g[i] * w[i] - x[i] * pull);
    }
}

class RMSNorm : public torch::autograd::Function<RMSNorm> {
public:
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, double eps) {
        const int64_t d = x.size(-1), n = x.numel() / std::max<int64_t>(1, d);
        auto y = at::empty_like(x), scale = at::empty({n}, x.options());
        auto *py = y.mutable_data_ptr<float>(), *ps = scale.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>(), *pw = weight.const_data_ptr<float>();
        parallel(n, 64, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) ps[i] = norm_row(py + i * d, px + i * d, pw, d, static_cast<float>(eps));
        });
        context->save_for_backward({x, weight, scale});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1], &scale = saved[2];
        const auto g = gradients[0].contiguous();
        const int64_t d = x.size(-1), n = x.numel() / std::max<int64_t>(1, d);
        // One partial sum per block of rows, added up in order, so that the result does not depend on who ran first.
        const int64_t blocks = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), n / 64));
        const int64_t size = (n + blocks - 1) / blocks;
        auto gx = at::empty_like(x), partial = at::zeros({blocks, d}, x.options());
        auto *pgx = gx.mutable_data_ptr<float>(), *pgw = partial.mutable_data_ptr<float>();
        const auto *pg = g.const_data_ptr<float>(), *px = x.const_data_ptr<float>(), *pw = weight.const_data_ptr<float>(),
                   *ps = scale.const_data_ptr<float>();
        parallel(blocks, 1, [=](int64_t first, int64_t last) {
            for (int64_t block = first; block < last; ++block)
                for (int64_t i = block * size; i < std::min(n, (block + 1) * size); ++i)
                    norm_row_gradient(pgx + i * d, pgw + block * d, pg + i * d, px + i * d, pw, d, ps[i]);
        });
        return {gx, blocks == 1 ? partial.squeeze(0) : partial.sum(0), at::Tensor()};
    }
};

// --- SwiGLU --------------------------------------------------------------------------------------------------------

CT_KERNEL void swiglu_row(float *y, const float *gate, const float *up, int64_t d) {
    const int64_t whole = d - d % lanes;
    floats v, u, e;
    for (int64_t i = 0; i < d; i += lanes) {
        const bool tail = i >= whole;
        if (tail) {
            load_tail(v, gate + i, d - i, 0);
            load_tail(u, up + i, d - i, 0);
        } else {
            load(v, gate + i);
            load(u, up + i);
        }
        e = -v;
        exponential(e);
        v = v * u / (1.0f + e);
        if (tail) store_tail(y + i, v, d - i);
        else store(y + i, v);
    }
}

/// With s = sigmoid(gate): d gate = g up s (1 + gate (1 - s)), d up = g gate s.
CT_KERNEL void swiglu_row_gradient(float *d_gate, float *d_up, const float *g, const float *gate, const float *up, int64_t d) {
    const int64_t whole = d - d % lanes;
    floats a, v, u, e;
    for (int64_t i = 0; i < d; i += lanes) {
        const bool tail = i >= whole;
        if (tail) {
            load_tail(a, g + i, d - i, 0);
            load_tail(v, gate + i, d - i, 0);
            load_tail(u, up + i, d - i, 0);
        } else {
            load(a, g + i);
            load(v, gate + i);
            load(u, up + i);
        }
        e = -v;
        exponential(e);
        const floats s = 1.0f / (1.0f + e);
        u = a * u * s * (1.0f + v * (1.0f - s));
        a = a * v * s;
        if (tail) {
            store_tail(d_gate + i, u, d - i);
            store_tail(d_up + i, a, d - i);
        } else {
            store(d_gate + i, u);
            store(d_up + i, a);
        }
    }
}

class SwiGLU : public torch::autograd::Function<SwiGLU> {
public:
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x) {
        const int64_t n = x.size(0), d = x.size(1) / 2;
        auto y = at::empty({n, d}, x.options());
        auto *py = y.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>();
        parallel(n, 16, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) swiglu_row(py + i * d, px + 2 * i * d, px + (2 * i + 1) * d, d);
        });
        context->save_for_backward({x});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto x = context->get_saved_variables()[0];
        const auto g = gradients[0].contiguous();
        const int64_t n = x.size(0), d = x.size(1) / 2;
        auto gx = at::empty_like(x);
        auto *pgx = gx.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>(), *pg = g.const_data_ptr<float>();
        parallel(n, 16, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                swiglu_row_gradient(
                    pgx + 2 * i * d, pgx + (2 * i + 1) * d, pg + i * d, px + 2 * i * d, px + (2 * i + 1) * d, d);
        });
        return {gx};
    }
};

// --- Fused projections and distinct rows ---------------------------------------------------------------------------

/// One product for several projections whose weights share memory; the gradient is cut up along the same rows. Where `fused` is a copy
/// in 16 bits, numbers are rounded to those before each product, as in mixed-precision training (Micikevicius et al. 2018,
/// https://arxiv.org/abs/1710.03740, section 3); the parts and their gradients stay in float32.
class FusedLinear : public torch::autograd::Function<FusedLinear> {
public:
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &input, const at::Tensor &fused, at::TensorList parts,
        const std::optional<at::Tensor> &bias, at::TensorList bias_parts) {
        std::vector<int64_t> rows;
        for (const auto &part : parts) rows.push_back(part.size(0));
        const auto rounded = like(fused, input);
        context->save_for_backward({rounded, fused});
        context->saved_data["rows"] = rows;
        context->saved_data["weights"] = parts[0].requires_grad();
        context->saved_data["biases"] = !bias_parts.empty() && bias_parts[0].requires_grad();
        context->saved_data["bias_count"] = static_cast<int64_t>(bias_parts.size());
        if (!is_half(fused)) return at::linear(input, fused, bias);
        const auto product = at::linear(rounded, fused).to(at::kFloat);
        return bias ? product.add(*bias) : product;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &input = saved[0], &fused = saved[1];
        const auto g = like(fused, gradients[0]);
        const auto rows = context->saved_data["rows"].toIntVector();
        const auto biases = static_cast<size_t>(context->saved_data["bias_count"].toInt());
        // In the order of forward's arguments: input, fused, the parts, the bias, its parts.
        variable_list result(3 + rows.size() + biases);
        const auto spread = [&](const at::Tensor &whole, size_t first) {
            int64_t begin = 0;
            for (size_t i = 0; i < rows.size(); ++i) {
                result[first + i] = whole.narrow(0, begin, rows[i]);
                begin += rows[i];
            }
        };
        if (context->needs_input_grad(0)) result[0] = wide(g.mm(fused));
        if (context->saved_data["weights"].toBool()) spread(wide(g.t().mm(input)), 2);
        if (context->saved_data["biases"].toBool()) spread(gradients[0].sum(0), 3 + rows.size());
        return result;
    }

private:
    static at::Tensor like(const at::Tensor &fused, const at::Tensor &a) { return is_half(fused) ? a.to(fused.scalar_type()) : a; }
    static at::Tensor wide(const at::Tensor &a) { return is_half(a) ? a.to(at::kFloat) : a; }
};

class GatherRows : public torch::autograd::Function<GatherRows> {
public:
    static at::Tensor forward(AutogradContext *context, const at::Tensor &a, const at::Tensor &rows) {
        context->save_for_backward({rows});
        context->saved_data["count"] = a.size(0);
        return a.index_select(0, rows);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto rows = context->get_saved_variables()[0];
        const auto g = gradients[0].contiguous();
        const int64_t d = g.size(1);
        auto result = at::zeros({context->saved_data["count"].toInt(), d}, g.options());
        if (plain(g)) {
            const auto *from = g.const_data_ptr<float>();
            const auto *index = rows.const_data_ptr<int64_t>();
            auto *to = result.mutable_data_ptr<float>();
            parallel(rows.size(0), 256, [=](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i)
                    std::memcpy(to + index[i] * d, from + i * d, sizeof(float) * static_cast<size_t>(d));
            });
        } else {
            result.index_copy_(0, rows, g);
        }
        return {result, at::Tensor()};
    }
};

}  // namespace

ct_status ct_rms_norm(ct_tensor *out, ct_tensor x, ct_tensor weight, double eps) {
    return result(out, [&] {
        const auto &a = ref(x), &w = ref(weight);
        TORCH_CHECK(w.dim() == 1 && a.dim() >= 1 && a.size(-1) == w.size(0), "expected x [..., d] and weight [d]");
        if (plain(a) && plain(w)) return RMSNorm::apply(a.contiguous(), w.contiguous(), eps);
        return a * (a.square().mean(-1, /*keepdim=*/true) + eps).rsqrt() * w;
    });
}

ct_status ct_swiglu(ct_tensor *out, ct_tensor gate_up) {
    return result(out, [&] {
        const auto &a = ref(gate_up);
        TORCH_CHECK(a.dim() == 2 && a.size(1) % 2 == 0, "expected [n, 2 i]");
        if (plain(a)) return SwiGLU::apply(a.contiguous());
        const auto halves = a.chunk(2, 1);
        return at::silu(halves[0]) * halves[1];
    });
}

ct_status ct_fused_linear(
    ct_tensor *out, ct_tensor input, ct_tensor fused, const ct_tensor *parts, ct_tensor bias, const ct_tensor *bias_parts,
    int32_t count) {
    return result(out, [&] {
        TORCH_CHECK(count > 0, "no parts");
        TORCH_CHECK((bias == nullptr) == (bias_parts == nullptr), "a bias needs its parts");
        if (is_few_rows(ref(input), ref(fused), maybe(bias), std::nullopt))
            return few_rows(ref(input), ref(fused), maybe(bias), std::nullopt);
        return FusedLinear::apply(
            ref(input), ref(fused), at::TensorList(list(parts, count)), maybe(bias),
            at::TensorList(list(bias_parts, bias ? count : 0)));
    });
}

ct_status ct_gather_rows(ct_tensor *out, ct_tensor a, ct_tensor rows) {
    return result(out, [&] {
        TORCH_CHECK(ref(a).dim() == 2, "expected [n, d]");
        return GatherRows::apply(ref(a), ref(rows).contiguous());
    });
}
