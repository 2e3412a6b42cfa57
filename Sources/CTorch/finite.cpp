// Looks for NaN and infinite numbers in the bytes of a file, before a tensor is made of them.
#include <atomic>

#include "parallel.hpp"
#include "support.hpp"

using namespace ct;

namespace {

/// An IEEE number is NaN or infinite where every bit of its exponent is set.
template <class Bits>
int64_t count_non_finite(const char *data, int64_t count, Bits exponent) {
    constexpr int64_t block = 4096, grain = 1 << 18;
    std::atomic<int64_t> total{0};
    parallel(count, grain, [&](int64_t begin, int64_t end) {
        int64_t found = 0;
        for (int64_t start = begin; start < end; start += block) {
            const int64_t stop = std::min(end, start + block);
            const auto is_bad = [&](int64_t i) {
                Bits bits;
                std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof bits), sizeof bits);
                return (bits & exponent) == exponent;
            };
            Bits any = 0;
            for (int64_t i = start; i < stop; ++i) any |= static_cast<Bits>(is_bad(i));
            if (any == 0) continue;
            for (int64_t i = start; i < stop; ++i) found += is_bad(i);
        }
        total.fetch_add(found, std::memory_order_relaxed);
    });
    return total.load();
}

}  // namespace

int64_t ct_count_non_finite(const void *data, size_t bytes, int32_t type) {
    const auto start = static_cast<const char *>(data);
    const auto size = static_cast<int64_t>(bytes);
    switch (dtype(type)) {
    case at::kFloat: return count_non_finite<uint32_t>(start, size / 4, 0x7F800000u);
    case at::kDouble: return count_non_finite<uint64_t>(start, size / 8, 0x7FF0000000000000u);
    case at::kHalf: return count_non_finite<uint16_t>(start, size / 2, 0x7C00u);
    case at::kBFloat16: return count_non_finite<uint16_t>(start, size / 2, 0x7F80u);
    default: return 0;
    }
}
