// Sums of gradients whose bits do not depend on the order of adding, nor on how many ranks add.
#include <cmath>

#include "ranks.hpp"

using namespace ct;

namespace {

// A float is split into two whole numbers of fixed units, 2^-20 and 2^-60, whose sums in 64 bits are exact: so they do not depend on
// which of them are added first, nor on who adds them. A shared exponent taken from the numbers themselves would have to be known
// before the first is added.
constexpr double coarse = 0x1p20, fine = 0x1p60;
/// Above this, four million of them could leave 64 bits.
constexpr double largest = 0x1p21;

struct ExactSums {
    /// [2, n] each: the coarse part and the fine one; undefined where nothing was added.
    std::vector<at::Tensor> sums;
};

ExactSums &ref(ct_exact_sums sums) { return *reinterpret_cast<ExactSums *>(sums); }

void add(at::Tensor &sums, const at::Tensor &gradient) {
    const auto own = gradient.contiguous();
    const int64_t count = own.numel();
    if (!sums.defined()) sums = at::zeros({2, count}, at::kLong);
    const float *from = own.const_data_ptr<float>();
    int64_t *high = sums.mutable_data_ptr<int64_t>(), *low = high + count;
    for (int64_t i = 0; i < count; ++i) {
        const double value = from[i];
        TORCH_CHECK(
            std::abs(value) <= largest, "a gradient of ", from[i],
            " is outside of what exact sums hold, numbers up to 2097152: clip or scale the loss, or leave out `reproducible`");
        const auto whole = static_cast<int64_t>(value * coarse);
        high[i] += whole;
        low[i] += std::llrint((value - static_cast<double>(whole) / coarse) * fine);
    }
}

at::Tensor total(const at::Tensor &sums, const at::Tensor &like) {
    auto gradient = at::empty(like.sizes(), at::kFloat);
    const int64_t count = gradient.numel();
    const int64_t *high = sums.const_data_ptr<int64_t>(), *low = high + count;
    float *to = gradient.mutable_data_ptr<float>();
    for (int64_t i = 0; i < count; ++i) {
        to[i] = static_cast<float>(static_cast<double>(high[i]) / coarse + static_cast<double>(low[i]) / fine);
    }
    return gradient;
}

}  // namespace

ct_exact_sums ct_exact_sums_create(int32_t count) {
    auto *sums = new ExactSums;
    sums->sums.resize(static_cast<size_t>(count));
    return reinterpret_cast<ct_exact_sums>(sums);
}

void ct_exact_sums_free(ct_exact_sums sums) { delete &ref(sums); }

ct_status ct_exact_sums_take(ct_exact_sums handle, const ct_tensor *parameters, int32_t count) {
    return guard([&] {
        const at::NoGradGuard none;
        auto &sums = ref(handle).sums;
        auto own = list(parameters, count);
        TORCH_CHECK(sums.size() == own.size(), "exact sums of ", sums.size(), " tensors were given ", own.size());
        for (size_t i = 0; i < own.size(); ++i) {
            auto &gradient = own[i].mutable_grad();
            if (!gradient.defined()) continue;
            add(sums[i], gradient);
            gradient.reset();
        }
    });
}

ct_status ct_exact_sums_give(
    ct_exact_sums handle, ct_ranks group, const char *name, const ct_tensor *parameters, int32_t count) {
    return guard([&] {
        const at::NoGradGuard none;
        auto &sums = ref(handle).sums;
        auto own = list(parameters, count);
        TORCH_CHECK(sums.size() == own.size(), "exact sums of ", sums.size(), " tensors were given ", own.size());
        std::vector<bool> there;
        for (const auto &sum : sums) there.push_back(sum.defined());
        if (group) {
            auto &ranks = ref(group);
            ranks.agree(Fingerprint::sum, name, numbers(own));
            there = ranks.any(there);
            std::vector<at::Tensor> flat;
            for (size_t i = 0; i < own.size(); ++i) {
                if (!there[i]) continue;
                if (!sums[i].defined()) sums[i] = at::zeros({2, own[i].numel()}, at::kLong);
                flat.push_back(sums[i]);
            }
            ranks.sum_in_buckets(flat);
        }
        for (size_t i = 0; i < own.size(); ++i) {
            if (there[i]) own[i].mutable_grad() = total(sums[i], own[i]);
            sums[i].reset();
        }
    });
}
