// From packed projections to attention's layout: split into heads, rotate, pad, and back again, in one pass.
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "parallel.hpp"
#include "rotation.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

CT_KERNEL void rotate(
    float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t heads, const float *c, const float *s,
    int64_t half, int64_t width, float sign) {
    rotate_heads(to, to_stride, from, from_stride, heads, c, s, half, width, sign);
}

CT_KERNEL void add_to(float *to, const float *from, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

struct Layout {
    int64_t batch, length, heads, kv_heads, width;
    int64_t row() const { return (heads + 2 * kv_heads) * width; }
    int64_t repeats() const { return heads / kv_heads; }
};

/// The places of each row, in order. A row that several sequences begin with lies at several, all of one position.
class Places {
public:
    Places(const at::Tensor &rows, int64_t count, int64_t length) {
        if (!rows.defined()) return;
        const auto *index = rows.const_data_ptr<int64_t>();
        const int64_t places = rows.numel();
        first_.assign(static_cast<size_t>(count), -1);
        next_.assign(static_cast<size_t>(places), -1);
        std::vector<int64_t> last(static_cast<size_t>(count), -1);
        for (int64_t place = 0; place < places; ++place) {
            if (index[place] < 0) continue;
            const auto row = static_cast<size_t>(index[place]);
            if (last[row] < 0) {
                first_[row] = place;
            } else {
                TORCH_CHECK(last[row] % length == place % length, "a row lies at two positions");
                next_[static_cast<size_t>(last[row])] = place;
            }
            last[row] = place;
        }
    }
    int64_t first(int64_t row) const { return first_.empty() ? row : first_[static_cast<size_t>(row)]; }
    int64_t next(int64_t place) const { return next_.empty() ? -1 : next_[static_cast<size_t>(place)]; }

private:
    std::vector<int64_t> first_, next_;  // empty: every row lies at the place of its number
};

/// The sum of each group's heads; where `is_first`, in place of what is there.
CT_KERNEL void add_groups(float *to, const float *from, const Layout &at, bool is_first) {
    const int64_t repeats = at.heads / at.kv_heads;
    for (int64_t g = 0; g < at.kv_heads; ++g) {
        float *sum = to + g * at.width;
        for (int64_t r = 0; r < repeats; ++r) {
            const float *head = from + (g * repeats + r) * at.width;
            if (is_first && r == 0) std::memcpy(sum, head, sizeof(float) * static_cast<size_t>(at.width));
            else
                for (int64_t i = 0; i < at.width; ++i) sum[i] += head[i];
        }
    }
}

class RotaryHeads : public torch::autograd::Function<RotaryHeads> {
public:
    static variable_list forward(
        AutogradContext *context, const at::Tensor &qkv, const std::optional<at::Tensor> &packed_rows,
        const at::Tensor &cosine, const at::Tensor &sine, int64_t batch, int64_t length, int64_t heads, int64_t kv_heads) {
        const auto rows = packed_rows.value_or(at::Tensor());
        const Layout at{batch, length, heads, kv_heads, qkv.size(1) / (heads + 2 * kv_heads)};
        variable_list outputs;
        for (int i = 0; i < 3; ++i) outputs.push_back(at::empty({batch, length, heads, at.width}, qkv.options()));
        float *to[3];
        for (size_t i = 0; i < 3; ++i) to[i] = outputs[i].mutable_data_ptr<float>();
        const auto *from = qkv.const_data_ptr<float>(), *c = cosine.const_data_ptr<float>(), *s = sine.const_data_ptr<float>();
        const auto *index = rows.defined() ? rows.const_data_ptr<int64_t>() : nullptr;
        const size_t bytes = sizeof(float) * static_cast<size_t>(at.width);
        const int64_t half = cosine.size(1);
        parallel(batch * length, 32, [=](int64_t begin, int64_t end) {
            const int64_t repeats = at.repeats(), whole = at.heads * at.width;
            for (int64_t place = begin; place < end; ++place) {
                const int64_t row = index ? index[place] : place, position = place % at.length;
                if (row < 0) {
                    for (auto *output : to) std::memset(output + place * whole, 0, sizeof(float) * static_cast<size_t>(whole));
                    continue;
                }
                const float *cp = c + position * half, *sp = s + position * half, *q = from + row * at.row(),
                            *k = q + whole, *v = k + at.kv_heads * at.width;
                const int64_t first = place * whole;
                rotate(to[0] + first, at.width, q, at.width, at.heads, cp, sp, half, at.width, 1);
                rotate(to[1] + first, repeats * at.width, k, at.width, at.kv_heads, cp, sp, half, at.width, 1);
                for (int64_t h = 0; h < at.heads; ++h) {
                    const int64_t offset = first + h * at.width, group = h / repeats;
                    if (h % repeats) std::memcpy(to[1] + offset, to[1] + first + group * repeats * at.width, bytes);
                    std::memcpy(to[2] + offset, v + group * at.width, bytes);
                }
            }
        });
        context->save_for_backward({rows, cosine, sine});
        context->saved_data["layout"] = std::vector<int64_t>{batch, length, heads, kv_heads, at.width, qkv.size(0)};
        for (auto &output : outputs) output = output.transpose(1, 2);
        return outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &rows = saved[0], &cosine = saved[1], &sine = saved[2];
        const auto sizes = context->saved_data["layout"].toIntVector();
        const Layout at{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]};
        const int64_t count = sizes[5];
        auto result = at::empty({count, at.row()}, cosine.options());
        const float *from[3];
        for (size_t i = 0; i < 3; ++i) {
            gradients[i] = gradients[i].transpose(1, 2).contiguous();
            from[i] = gradients[i].const_data_ptr<float>();
        }
        auto *to = result.mutable_data_ptr<float>();
        const auto *c = cosine.const_data_ptr<float>(), *s = sine.const_data_ptr<float>();
        const int64_t half = cosine.size(1);
        const Places places(rows, count, at.length);
        parallel(count, 32, [&places, at, from, to, c, s, half](int64_t begin, int64_t end) {
            const int64_t whole = at.heads * at.width;
            for (int64_t row = begin; row < end; ++row) {
                float *q = to + row * at.row(), *k = q + whole, *v = k + at.kv_heads * at.width;
                int64_t place = places.first(row);
                if (place < 0) {
                    std::memset(q, 0, sizeof(float) * static_cast<size_t>(at.row()));
                    continue;
                }
                const float *cp = c + place % at.length * half, *sp = s + place % at.length * half;
                std::memcpy(q, from[0] + place * whole, sizeof(float) * static_cast<size_t>(whole));
                add_groups(k, from[1] + place * whole, at, true);
                add_groups(v, from[2] + place * whole, at, true);
                while ((place = places.next(place)) >= 0) {
                    add_to(q, from[0] + place * whole, whole);
                    add_groups(k, from[1] + place * whole, at, false);
                    add_groups(v, from[2] + place * whole, at, false);
                }
                rotate(q, at.width, q, at.width, at.heads + at.kv_heads, cp, sp, half, at.width, -1);
            }
        });
        return {result, {}, {}, {}, {}, {}, {}, {}};
    }
};

/// The same with libtorch's operators, for other devices and element types.
variable_list composed_heads(
    const at::Tensor &qkv, const at::Tensor &rows, const at::Tensor &cosine, const at::Tensor &sine, const Layout &at) {
    auto packed = qkv;
    if (rows.defined()) packed = qkv.index_select(0, rows.clamp_min(0)) * (rows >= 0).unsqueeze(1).to(qkv.scalar_type());
    const auto heads = packed.view({at.batch, at.length, at.heads + 2 * at.kv_heads, at.width}).transpose(1, 2);
    const auto parts = heads.split_with_sizes({at.heads, at.kv_heads, at.kv_heads}, 1);
    const auto c = cosine.narrow(0, 0, at.length), s = sine.narrow(0, 0, at.length);
    return {
        rotated(parts[0], c, s), rotated(parts[1], c, s).repeat_interleave(at.repeats(), 1),
        parts[2].repeat_interleave(at.repeats(), 1)};
}

}  // namespace

ct_status ct_rotary_heads(
    ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor qkv, ct_tensor rows, ct_tensor cosine, ct_tensor sine,
    int64_t batch, int64_t length, int64_t heads, int64_t kv_heads) {
    return guard([&] {
        const auto &x = ref(qkv), &c = ref(cosine), &s = ref(sine);
        const auto index = rows ? ref(rows).contiguous() : at::Tensor();
        const Layout at{batch, length, heads, kv_heads, x.size(-1) / (heads + 2 * kv_heads)};
        TORCH_CHECK(
            x.dim() == 2 && x.size(1) == at.row() && heads % kv_heads == 0 && 2 * c.size(1) <= at.width,
            "expected packed projections of width (heads + 2 kv_heads) · width");
        TORCH_CHECK(length <= c.size(0), "a sequence of ", length, " steps is longer than the ", c.size(0), " positions");
        TORCH_CHECK(
            (index.defined() ? index.numel() : x.size(0)) == batch * length, "the rows do not fill batch · length places");
        auto outputs = plain(x)
            ? RotaryHeads::apply(
                  x.contiguous(), index.defined() ? std::optional<at::Tensor>(index) : std::nullopt, c.contiguous(), s.contiguous(), batch, length, heads, kv_heads)
            : composed_heads(x, index, c, s, at);
        *q = give(outputs[0]);
        *k = give(outputs[1]);
        *v = give(outputs[2]);
    });
}
