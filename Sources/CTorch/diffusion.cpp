// The row-wise operators of a diffusion transformer (Peebles & Xie 2023; FLUX), each with its own backward pass.
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "parallel.hpp"
#include "simd.hpp"
#include "support.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// --- LayerNorm under a modulation ----------------------------------------------------------------------------------

struct Moments {
    float mean, scale;
};

CT_INLINE Moments moments(const float *x, int64_t d, float eps) {
    float total = 0, squares = 0;
    for (int64_t i = 0; i < d; ++i) total += x[i];
    const float mean = total / static_cast<float>(d);
    for (int64_t i = 0; i < d; ++i) squares += (x[i] - mean) * (x[i] - mean);
    return {mean, 1.0f / std::sqrt(squares / static_cast<float>(d) + eps)};
}

CT_KERNEL void modulate_rows(
    float *y, const float *x, const float *shift, const float *scale, int64_t rows, int64_t d, float eps) {
    for (int64_t row = 0; row < rows; ++row, x += d, y += d) {
        const auto [mean, r] = moments(x, d, eps);
        for (int64_t i = 0; i < d; ++i) y[i] = (x[i] - mean) * r * (1.0f + scale[i]) + shift[i];
    }
}

/// With h = (x - mean) r and u = g (1 + scale): gx = r (u - mean(u) - h mean(u h)).
CT_KERNEL void modulate_rows_gradient(
    float *gx, float *d_shift, float *d_scale, const float *g, const float *x, const float *scale, int64_t rows, int64_t d,
    float eps) {
    const float part = 1.0f / static_cast<float>(d);
    for (int64_t row = 0; row < rows; ++row, x += d, g += d, gx += d) {
        const auto [mean, r] = moments(x, d, eps);
        float sum = 0, dot = 0;
        for (int64_t i = 0; i < d; ++i) {
            const float h = (x[i] - mean) * r, u = g[i] * (1.0f + scale[i]);
            sum += u;
            dot += u * h;
            d_shift[i] += g[i];
            d_scale[i] += g[i] * h;
            gx[i] = u;
        }
        for (int64_t i = 0; i < d; ++i) gx[i] = r * (gx[i] - sum * part - (x[i] - mean) * r * dot * part);
    }
}

/// Columns `shift` and `scale` of a modulation [batch, m], one row for each `n / batch` rows of x [n, d].
class ModulatedNorm : public torch::autograd::Function<ModulatedNorm> {
public:
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &modulation, int64_t shift, int64_t scale, double eps) {
        const int64_t d = x.size(1), batch = modulation.size(0), rows = x.size(0) / batch, stride = modulation.stride(0);
        auto y = at::empty_like(x);
        auto *py = y.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>(), *pm = modulation.const_data_ptr<float>();
        parallel(batch, 1, [=](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b)
                modulate_rows(
                    py + b * rows * d, px + b * rows * d, pm + b * stride + shift, pm + b * stride + scale, rows, d,
                    static_cast<float>(eps));
        });
        context->save_for_backward({x, modulation});
        context->saved_data["columns"] = std::vector<int64_t>{shift, scale};
        context->saved_data["eps"] = eps;
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &modulation = saved[1];
        const auto columns = context->saved_data["columns"].toIntVector();
        const int64_t shift = columns[0], scale = columns[1];
        const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
        const auto g = gradients[0].contiguous();
        const int64_t d = x.size(1), batch = modulation.size(0), rows = x.size(0) / batch, width = modulation.size(1),
                      stride = modulation.stride(0);
        auto gx = at::empty_like(x), gm = at::zeros({batch, width}, x.options());
        auto *pgx = gx.mutable_data_ptr<float>(), *pgm = gm.mutable_data_ptr<float>();
        const auto *pg = g.const_data_ptr<float>(), *px = x.const_data_ptr<float>(), *pm = modulation.const_data_ptr<float>();
        parallel(batch, 1, [=](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b)
                modulate_rows_gradient(
                    pgx + b * rows * d, pgm + b * width + shift, pgm + b * width + scale, pg + b * rows * d, px + b * rows * d,
                    pm + b * stride + scale, rows, d, eps);
        });
        return {gx, gm, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

// --- A gated residual ----------------------------------------------------------------------------------------------

CT_KERNEL void gate_rows(float *y, const float *x, const float *h, const float *gate, int64_t rows, int64_t d) {
    for (int64_t row = 0; row < rows; ++row, x += d, y += d, h += d)
        for (int64_t i = 0; i < d; ++i) y[i] = x[i] + gate[i] * h[i];
}

CT_KERNEL void gate_rows_gradient(
    float *gh, float *d_gate, const float *g, const float *h, const float *gate, int64_t rows, int64_t d) {
    for (int64_t row = 0; row < rows; ++row, g += d, h += d, gh += d)
        for (int64_t i = 0; i < d; ++i) {
            d_gate[i] += g[i] * h[i];
            gh[i] = g[i] * gate[i];
        }
}

class GatedAdd : public torch::autograd::Function<GatedAdd> {
public:
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &h, const at::Tensor &modulation, int64_t gate) {
        const int64_t d = x.size(1), batch = modulation.size(0), rows = x.size(0) / batch, stride = modulation.stride(0);
        auto y = at::empty_like(x);
        auto *py = y.mutable_data_ptr<float>();
        const auto *px = x.const_data_ptr<float>(), *ph = h.const_data_ptr<float>(), *pm = modulation.const_data_ptr<float>();
        parallel(batch, 1, [=](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b)
                gate_rows(py + b * rows * d, px + b * rows * d, ph + b * rows * d, pm + b * stride + gate, rows, d);
        });
        context->save_for_backward({h, modulation});
        context->saved_data["gate"] = gate;
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &h = saved[0], &modulation = saved[1];
        const int64_t gate = context->saved_data["gate"].toInt();
        const auto g = gradients[0].contiguous();
        const int64_t d = h.size(1), batch = modulation.size(0), rows = h.size(0) / batch, width = modulation.size(1),
                      stride = modulation.stride(0);
        auto gh = at::empty_like(h), gm = at::zeros({batch, width}, h.options());
        auto *pgh = gh.mutable_data_ptr<float>(), *pgm = gm.mutable_data_ptr<float>();
        const auto *pg = g.const_data_ptr<float>(), *ph = h.const_data_ptr<float>(), *pm = modulation.const_data_ptr<float>();
        parallel(batch, 1, [=](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b)
                gate_rows_gradient(
                    pgh + b * rows * d, pgm + b * width + gate, pg + b * rows * d, ph + b * rows * d, pm + b * stride + gate, rows,
                    d);
        });
        return {g, gh, gm, at::Tensor()};
    }
};

void check_modulation(const at::Tensor &x, const at::Tensor &modulation, std::initializer_list<int64_t> columns) {
    TORCH_CHECK(x.dim() == 2 && modulation.dim() == 2, "expected rows [n, d] and a modulation [batch, m]");
    TORCH_CHECK(
        modulation.size(0) > 0 && x.size(0) % modulation.size(0) == 0, x.size(0), " rows cannot be shared by ",
        modulation.size(0), " modulations");
    for (const auto column : columns)
        TORCH_CHECK(column >= 0 && column + x.size(1) <= modulation.size(1), "column ", column, " lies outside the modulation");
}

/// `x` [n, d] and columns of `modulation` as [batch, rows, d] and [batch, 1, d].
at::Tensor by_batch(const at::Tensor &x, int64_t batch) { return x.reshape({batch, -1, x.size(1)}); }

at::Tensor columns(const at::Tensor &modulation, int64_t begin, int64_t count) {
    return modulation.narrow(1, begin, count).unsqueeze(1);
}

at::Tensor with_plain_rows(const at::Tensor &a) { return a.stride(1) == 1 ? a : a.contiguous(); }

}  // namespace

ct_status ct_modulated_norm(ct_tensor *out, ct_tensor x, ct_tensor modulation, int64_t shift, int64_t scale, double eps) {
    return result(out, [&] {
        const auto &a = ref(x), &m = ref(modulation);
        check_modulation(a, m, {shift, scale});
        if (plain(a) && plain(m)) return ModulatedNorm::apply(a.contiguous(), with_plain_rows(m), shift, scale, eps);
        const int64_t d = a.size(1);
        const auto normed = by_batch(at::layer_norm(a, {d}, {}, {}, eps), m.size(0));
        return (normed * (columns(m, scale, d) + 1) + columns(m, shift, d)).reshape(a.sizes());
    });
}

ct_status ct_gated_add(ct_tensor *out, ct_tensor x, ct_tensor h, ct_tensor modulation, int64_t gate) {
    return result(out, [&] {
        const auto &a = ref(x), &b = ref(h), &m = ref(modulation);
        check_modulation(a, m, {gate});
        TORCH_CHECK(a.sizes() == b.sizes(), "expected two tensors of one shape");
        if (plain(a) && plain(m)) return GatedAdd::apply(a.contiguous(), b.contiguous(), with_plain_rows(m), gate);
        return (by_batch(a, m.size(0)) + by_batch(b, m.size(0)) * columns(m, gate, a.size(1))).reshape(a.sizes());
    });
}
