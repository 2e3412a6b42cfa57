// The store of keys where ranks meet.
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <c10/util/Flags.h>

#include <optional>

#include "ranks.hpp"

// Of libtorch's own log.
C10_DECLARE_int(caffe2_log_level);

using namespace ct;

namespace {

/// Above its errors: what goes wrong between ranks is said by whoever calls, once.
constexpr int quiet = 3;
/// How long an answer of the store may take at most; usually it takes less than a thousandth of that.
constexpr std::chrono::milliseconds most_patient{30000};

}  // namespace

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
