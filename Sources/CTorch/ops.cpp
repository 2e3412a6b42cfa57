#include "attention.hpp"
#include "half_weights.hpp"

using namespace ct;

ct_status ct_add(ct_tensor *out, ct_tensor a, ct_tensor b) {
    return result(out, [&] { return ref(a).add(ref(b)); });
}

ct_status ct_sub(ct_tensor *out, ct_tensor a, ct_tensor b) {
    return result(out, [&] { return ref(a).sub(ref(b)); });
}

ct_status ct_mul(ct_tensor *out, ct_tensor a, ct_tensor b) {
    return result(out, [&] { return ref(a).mul(ref(b)); });
}

ct_status ct_div(ct_tensor *out, ct_tensor a, ct_tensor b) {
    return result(out, [&] { return ref(a).div(ref(b)); });
}

ct_status ct_add_scalar(ct_tensor *out, ct_tensor a, double b) {
    return result(out, [&] { return ref(a).add(b); });
}

ct_status ct_mul_scalar(ct_tensor *out, ct_tensor a, double b) {
    return result(out, [&] { return ref(a).mul(b); });
}

ct_status ct_neg(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).neg(); });
}

ct_status ct_exp(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).exp(); });
}

ct_status ct_log(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).log(); });
}

ct_status ct_sqrt(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).sqrt(); });
}

ct_status ct_square(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).square(); });
}

ct_status ct_sigmoid(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).sigmoid(); });
}

ct_status ct_silu(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return at::silu(ref(a)); });
}

ct_status ct_tanh(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).tanh(); });
}

ct_status ct_matmul(ct_tensor *out, ct_tensor a, ct_tensor b) {
    return result(out, [&] { return ref(a).matmul(ref(b)); });
}

ct_status ct_linear(ct_tensor *out, ct_tensor input, ct_tensor weight, ct_tensor bias) {
    return result(out, [&] { return linear(ref(input), ref(weight), maybe(bias), std::nullopt); });
}

ct_status ct_add_linear(ct_tensor *out, ct_tensor residual, ct_tensor input, ct_tensor weight) {
    return result(out, [&] { return linear(ref(input), ref(weight), std::nullopt, ref(residual)); });
}

ct_status ct_sum(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).sum(); });
}

ct_status ct_mean(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).mean(); });
}

ct_status ct_sum_dim(ct_tensor *out, ct_tensor a, int64_t dim, bool keep) {
    return result(out, [&] { return ref(a).sum(dim, keep); });
}

ct_status ct_argmax(ct_tensor *out, ct_tensor a, int64_t dim) {
    return result(out, [&] { return ref(a).argmax(dim); });
}

ct_status ct_log_softmax(ct_tensor *out, ct_tensor a, int64_t dim) {
    return result(out, [&] { return ref(a).log_softmax(dim); });
}

ct_status ct_logsumexp(ct_tensor *out, ct_tensor a, int64_t dim, bool keep) {
    return result(out, [&] { return ref(a).logsumexp(dim, keep); });
}

ct_status ct_reshape(ct_tensor *out, ct_tensor a, const int64_t *shape, int32_t rank) {
    return result(out, [&] { return ref(a).reshape(ints(shape, rank)); });
}

ct_status ct_transpose(ct_tensor *out, ct_tensor a, int64_t dim0, int64_t dim1) {
    return result(out, [&] { return ref(a).transpose(dim0, dim1); });
}

ct_status ct_narrow(ct_tensor *out, ct_tensor a, int64_t dim, int64_t start, int64_t length) {
    return result(out, [&] { return ref(a).narrow(dim, start, length); });
}

ct_status ct_split_rows(ct_tensor *out, ct_tensor a, const int64_t *sizes, int32_t count) {
    return guard([&] {
        auto parts = ref(a).split_with_sizes(ints(sizes, count), 0);
        for (auto &part : parts) *out++ = give(std::move(part));
    });
}

ct_status ct_cat(ct_tensor *out, const ct_tensor *tensors, int32_t count, int64_t dim) {
    return result(out, [&] { return at::cat(list(tensors, count), dim); });
}

ct_status ct_index_select(ct_tensor *out, ct_tensor a, int64_t dim, ct_tensor index) {
    return result(out, [&] { return ref(a).index_select(dim, ref(index)); });
}

ct_status ct_gather(ct_tensor *out, ct_tensor a, int64_t dim, ct_tensor index) {
    return result(out, [&] { return ref(a).gather(dim, ref(index)); });
}

ct_status ct_segment_sum(ct_tensor *out, ct_tensor a, ct_tensor index, int64_t count) {
    return result(out, [&] {
        auto shape = ref(a).sizes().vec();
        TORCH_CHECK(!shape.empty(), "a scalar has no rows");
        shape[0] = count;
        return at::zeros(shape, ref(a).options()).index_add(0, ref(index), ref(a));
    });
}

ct_status ct_embedding(ct_tensor *out, ct_tensor table, ct_tensor index) {
    return result(out, [&] {
        auto rows = at::embedding(ref(table), ref(index));
        return is_half(rows) ? rows.to(at::kFloat) : rows;
    });
}

ct_status ct_layer_norm(ct_tensor *out, ct_tensor x, ct_tensor weight, ct_tensor bias, double eps) {
    return result(out, [&] { return at::layer_norm(ref(x), ref(weight).sizes(), ref(weight), ref(bias), eps); });
}

ct_status ct_causal_attention(
    ct_tensor *out, ct_tensor q, ct_tensor k, ct_tensor v, int64_t window, double scale, double cap) {
    return result(out, [&] {
        const auto &queries = ref(q);
        const int64_t length = queries.size(-2);
        if (window <= 0 || window >= length)
            return attention(queries, ref(k), ref(v), std::nullopt, /*is_causal=*/true, scale, cap);
        const auto place = at::arange(length, queries.options().dtype(at::kLong));
        const auto back = place.unsqueeze(1) - place.unsqueeze(0);
        const auto mask = at::zeros({length, length}, queries.options())
                              .masked_fill((back < 0).logical_or(back >= window), -std::numeric_limits<double>::infinity());
        return attention(queries, ref(k), ref(v), mask, /*is_causal=*/false, scale, cap);
    });
}

ct_status ct_split_columns(ct_tensor *out, ct_tensor a, const int64_t *sizes, int32_t count) {
    return guard([&] {
        auto parts = ref(a).split_with_sizes(ints(sizes, count), 1);
        for (auto &part : parts) *out++ = give(std::move(part));
    });
}
