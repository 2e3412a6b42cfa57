// Processes that work on one run together, over c10d: a store of keys that all of them see, and sums and gathers over Gloo.
#define USE_C10D_GLOO

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <c10/util/Flags.h>

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "support.hpp"

// Of libtorch's own log.
C10_DECLARE_int(caffe2_log_level);

using namespace ct;

namespace {

/// Above its errors: what goes wrong between ranks is said by whoever calls, once.
constexpr int quiet = 3;
/// How long an answer of the store may take at most; usually it takes less than a thousandth of that.
constexpr std::chrono::milliseconds most_patient{30000};

struct Store {
    c10::intrusive_ptr<c10d::Store> keys;
    /// How long an answer may take.
    std::chrono::milliseconds patience{};
    /// Whether one took longer; then none is waited for again.
    std::atomic<bool> isLost = false;

    /// What `body` makes of the keys, in a thread of its own: c10d waits without end for a server that is cut off.
    template <typename Answer, typename Body>
    Answer asked(Body body) {
        auto promise = std::make_shared<std::promise<Answer>>();
        auto answer = promise->get_future();
        if (!isLost) {
            std::thread([promise, body = std::move(body), keys = keys] {
                try {
                    promise->set_value(body(*keys));
                } catch (...) {
                    promise->set_exception(std::current_exception());
                }
            }).detach();
        }
        if (isLost || answer.wait_for(patience) != std::future_status::ready) {
            isLost = true;
            throw std::runtime_error("no answer within " + std::to_string(patience.count() / 1000) + " s");
        }
        return answer.get();
    }
};

/// What a rank is about to do; all ranks compare theirs before they do it. c10d itself adds an array to whichever one another rank
/// has next, and ends the process where their sizes differ.
struct Fingerprint {
    int64_t sequence = 0;
    int64_t operation = 0;
    /// Numbers in a sum; of a gather, this rank's bytes, which need not be the same.
    int64_t size = 0;
    std::array<char, 104> name{};

    bool operator==(const Fingerprint &other) const {
        return sequence == other.sequence && operation == other.operation && name == other.name &&
               (operation == gather || size == other.size);
    }

    bool operator<(const Fingerprint &other) const {
        const auto own = operation == gather ? 0 : size, others = other.operation == gather ? 0 : other.size;
        return std::tie(sequence, operation, own, name) < std::tie(other.sequence, other.operation, others, other.name);
    }

    std::string words() const {
        static constexpr const char *kinds[] = {"the gather", "the sum", "the share", "the move"};
        std::string text = "call " + std::to_string(sequence) + ", " + kinds[operation - gather] + " '" + name.data() + "'";
        return operation == gather || operation == move ? text : text + " of " + std::to_string(size) + " numbers";
    }

    static constexpr int64_t gather = 1, sum = 2, share = 3, move = 4;
};
static_assert(sizeof(Fingerprint) == 128);

struct Ranks {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
    int rank = 0, size = 1;
    int64_t sequence = 0;
    /// Between GPUs; without it their tensors go by way of the host's memory.
    c10::intrusive_ptr<c10d::Backend> devices;

    std::vector<at::Tensor> all(const at::Tensor &own) {
        std::vector<std::vector<at::Tensor>> outputs(1);
        for (int i = 0; i < size; ++i) outputs[0].push_back(at::empty_like(own));
        std::vector<at::Tensor> inputs{own};
        group->allgather(outputs, inputs)->wait();
        return outputs[0];
    }

    /// Every rank's fingerprint, the same but for the sizes of a gather.
    std::vector<Fingerprint> agree(int64_t operation, const char *name, int64_t numbers) {
        Fingerprint own;
        own.sequence = ++sequence;
        own.operation = operation;
        own.size = numbers;
        std::strncpy(own.name.data(), name, own.name.size() - 1);
        auto bytes = at::empty({static_cast<int64_t>(sizeof own)}, at::kByte);
        std::memcpy(bytes.data_ptr(), &own, sizeof own);
        std::vector<Fingerprint> found;
        for (const auto &other : all(bytes)) {
            Fingerprint theirs;
            std::memcpy(&theirs, other.const_data_ptr(), sizeof theirs);
            found.push_back(theirs);
        }
        std::map<Fingerprint, int> votes;
        for (const auto &other : found) ++votes[other];
        if (votes.size() == 1) return found;
        auto usual = found[0];
        for (const auto &[other, count] : votes) {
            if (count > votes[usual]) usual = other;
        }
        std::string text = "the ranks have come apart: ";
        for (int i = 0; i < size; ++i) {
            if (!(found[static_cast<size_t>(i)] == usual)) {
                text += "rank " + std::to_string(i) + " is at " + found[static_cast<size_t>(i)].words() + "; ";
            }
        }
        throw std::runtime_error(text + "the others are at " + usual.words());
    }

    c10d::Backend &backend(const at::Tensor &tensor) {
        if (tensor.is_cuda() && devices) return *devices;
        return *group;
    }

    void sum(at::Tensor flat) {
        std::vector<at::Tensor> tensors{std::move(flat)};
        backend(tensors[0]).allreduce(tensors)->wait();
    }

    /// Makes a tensor what it is on the rank `from`.
    void share(at::Tensor flat, int from) {
        c10d::BroadcastOptions options;
        options.rootRank = from;
        std::vector<at::Tensor> tensors{std::move(flat)};
        backend(tensors[0]).broadcast(tensors, options)->wait();
    }

    /// Calls `body` with tensors of one type in one row, a bucket of some 16 MiB at a time, and puts what it makes of them back.
    template <typename Body>
    void in_buckets(const std::vector<at::Tensor> &parts, const Body &body) {
        constexpr int64_t most = 16 << 20;
        size_t first = 0;
        while (first < parts.size()) {
            int64_t bytes = 0;
            std::vector<at::Tensor> bucket;
            size_t next = first;
            while (next < parts.size() && (bucket.empty() || bytes + static_cast<int64_t>(parts[next].nbytes()) <= most)) {
                bytes += static_cast<int64_t>(parts[next].nbytes());
                bucket.push_back(parts[next++].reshape(-1));
            }
            auto flat = at::cat(bucket);
            if (flat.is_cuda() && !devices) flat = flat.cpu();
            body(flat);
            int64_t place = 0;
            for (; first < next; ++first) {
                parts[first].copy_(flat.narrow(0, place, parts[first].numel()).view(parts[first].sizes()));
                place += parts[first].numel();
            }
        }
    }

    /// Adds up tensors over all ranks, in place.
    void sum_in_buckets(const std::vector<at::Tensor> &parts) {
        in_buckets(parts, [&](const at::Tensor &flat) { sum(flat); });
    }

    /// Which of some flags are set on any rank.
    std::vector<bool> any(const std::vector<bool> &flags) {
        auto counts = at::zeros({static_cast<int64_t>(flags.size())}, at::kLong);
        auto *values = counts.mutable_data_ptr<int64_t>();
        for (size_t i = 0; i < flags.size(); ++i) values[i] = flags[i] ? 1 : 0;
        sum(counts);
        std::vector<bool> found;
        for (size_t i = 0; i < flags.size(); ++i) found.push_back(values[i] > 0);
        return found;
    }
};

Store &ref(ct_store store) { return *reinterpret_cast<Store *>(store); }
Ranks &ref(ct_ranks ranks) { return *reinterpret_cast<Ranks *>(ranks); }

std::chrono::milliseconds milliseconds(double seconds) {
    return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

std::vector<bool> have_gradients(const std::vector<at::Tensor> &parameters) {
    std::vector<bool> flags;
    for (const auto &parameter : parameters) flags.push_back(parameter.grad().defined());
    return flags;
}

int64_t numbers(const std::vector<at::Tensor> &tensors) {
    int64_t count = 0;
    for (const auto &tensor : tensors) count += tensor.numel();
    return count;
}

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

// --- The store -----------------------------------------------------------------------------------------------------

ct_status ct_store_open(
    ct_store *out, int32_t *port, const char *host, bool serves, const char *prefix, double timeout) {
    return guard([&] {
        if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = quiet;
        c10d::TCPStoreOptions options;
        options.port = static_cast<std::uint16_t>(*port);
        options.isServer = serves;
        options.waitWorkers = false;
        options.timeout = milliseconds(timeout);
        auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
        *port = store->getPort();
        auto named = c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store));
        *out = reinterpret_cast<ct_store>(new Store{std::move(named), std::min(milliseconds(timeout), most_patient)});
    });
}

void ct_store_close(ct_store store) { delete &ref(store); }

ct_status ct_store_set(ct_store store, const char *key, const char *text) {
    return guard([&] {
        ref(store).asked<bool>([key = std::string(key), bytes = std::vector<uint8_t>(text, text + std::strlen(text))](
                                   c10d::Store &keys) {
            keys.set(key, bytes);
            return true;
        });
    });
}

ct_status ct_store_get(ct_store store, const char *key, char **text) {
    return guard([&] {
        using Found = std::optional<std::vector<uint8_t>>;
        const auto found = ref(store).asked<Found>([key = std::string(key)](c10d::Store &keys) -> Found {
            if (!keys.check({key})) return std::nullopt;
            return keys.get(key);
        });
        *text = found ? strndup(reinterpret_cast<const char *>(found->data()), found->size()) : nullptr;
    });
}

// --- The group -----------------------------------------------------------------------------------------------------

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

// --- Exact sums ----------------------------------------------------------------------------------------------------

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
