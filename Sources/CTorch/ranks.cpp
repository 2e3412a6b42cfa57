// What ranks do together: gathers, sums, shares, moves.
#include "ranks.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <dlfcn.h>

using namespace ct;

namespace {

std::vector<bool> have_gradients(const std::vector<at::Tensor> &parameters) {
    std::vector<bool> flags;
    for (const auto &parameter : parameters) flags.push_back(parameter.grad().defined());
    return flags;
}

}  // namespace

ct_status ct_ranks_join(ct_ranks *out, ct_store store, int32_t rank, int32_t size, double timeout, const char *address) {
    return guard([&] {
        auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout));
        const std::string given = address ? address : "";
        const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
        options->devices.push_back(
            interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                      : given.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                                      : c10d::ProcessGroupGloo::createDeviceForHostname(given));
        options->threads = 1;
        auto named = c10::make_intrusive<c10d::PrefixStore>("gloo", ref(store).keys);
        named->setTimeout(milliseconds(timeout));
        auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(std::move(named), rank, size, std::move(options));
        *out = reinterpret_cast<ct_ranks>(new Ranks{std::move(group), rank, size, 0, {}});
    });
}

void ct_ranks_leave(ct_ranks ranks) { delete &ref(ranks); }

ct_status ct_ranks_gather(ct_ranks handle, const char *name, const void *data, size_t bytes, void **out, size_t *sizes) {
    return guard([&] {
        auto &ranks = ref(handle);
        const auto found = ranks.agree(Fingerprint::gather, name, static_cast<int64_t>(bytes));
        int64_t most = 0, sum = 0;
        for (const auto &own : found) {
            most = std::max(most, own.size);
            sum += own.size;
        }
        std::unique_ptr<char, void (*)(void *)> whole(
            static_cast<char *>(std::malloc(static_cast<size_t>(std::max<int64_t>(1, sum)))), std::free);
        TORCH_CHECK(whole, "no memory for ", sum, " bytes");
        if (most > 0) {
            auto padded = at::zeros({most}, at::kByte);
            if (bytes > 0) std::memcpy(padded.data_ptr(), data, bytes);
            char *place = whole.get();
            size_t index = 0;
            for (const auto &other : ranks.all(padded)) {
                const auto size = static_cast<size_t>(found[index++].size);
                std::memcpy(place, other.const_data_ptr(), size);
                place += size;
            }
        }
        for (size_t i = 0; i < found.size(); ++i) sizes[i] = static_cast<size_t>(found[i].size);
        *out = whole.release();
    });
}

ct_status ct_ranks_sum_gradients(ct_ranks handle, const char *name, const ct_tensor *parameters, int32_t count) {
    return guard([&] {
        const at::NoGradGuard none;
        auto &ranks = ref(handle);
        auto own = list(parameters, count);
        ranks.agree(Fingerprint::sum, name, numbers(own));
        const auto there = ranks.any(have_gradients(own));
        std::vector<at::Tensor> flat;
        for (size_t i = 0; i < own.size(); ++i) {
            if (!there[i]) continue;
            auto &gradient = own[i].mutable_grad();
            gradient = gradient.defined() ? gradient.contiguous() : at::zeros_like(own[i]);
            flat.push_back(gradient);
        }
        ranks.sum_in_buckets(flat);
    });
}

ct_status ct_ranks_share(ct_ranks handle, const char *name, const ct_tensor *tensors, const int32_t *owners, int32_t count) {
    return guard([&] {
        const at::NoGradGuard none;
        auto &ranks = ref(handle);
        auto own = list(tensors, count);
        ranks.agree(Fingerprint::share, name, numbers(own));
        for (int owner = 0; owner < ranks.size; ++owner) {
            std::vector<at::Tensor> parts;
            for (size_t i = 0; i < own.size(); ++i) {
                if (owners[i] == owner) parts.push_back(own[i]);
            }
            ranks.in_buckets(parts, [&](const at::Tensor &flat) { ranks.share(flat, owner); });
        }
    });
}

ct_status ct_ranks_move(ct_ranks handle, const char *name, const ct_tensor *tensors, int32_t count, int32_t from, int32_t to) {
    return guard([&] {
        const at::NoGradGuard none;
        auto &ranks = ref(handle);
        auto own = list(tensors, count);
        ranks.agree(Fingerprint::move, name, 0);
        if (from == to || (ranks.rank != from && ranks.rank != to)) return;
        for (const auto &tensor : own) {
            std::vector<at::Tensor> sent{tensor.cpu().contiguous()};
            if (ranks.rank == from) {
                ranks.group->send(sent, to, 0)->wait();
            } else {
                ranks.group->recv(sent, from, 0)->wait();
                if (!sent[0].is_same(tensor)) tensor.copy_(sent[0]);
            }
        }
    });
}

ct_status ct_ranks_use_devices(ct_ranks handle, ct_store store, const char *library, int32_t device, double timeout) {
    return guard([&] {
        auto &ranks = ref(handle);
        void *opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        TORCH_CHECK(opened, "cannot be opened: ", dlerror());
        using Join = c10d::Backend *(*)(c10d::Store *, int, int, int, int64_t);
        const auto join = reinterpret_cast<Join>(dlsym(opened, "zoo_nccl_join"));
        TORCH_CHECK(join, "has no zoo_nccl_join: it is not what `make nccl` builds");
        auto named = c10::make_intrusive<c10d::PrefixStore>("nccl", ref(store).keys);
        ranks.devices = c10::intrusive_ptr<c10d::Backend>::reclaim(
            join(named.get(), ranks.rank, ranks.size, device, milliseconds(timeout).count()));
    });
}
