// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the SDK's reader in C against the reference reader. See README.md.

#include "../JSONFuzz/reference.h"

#include <cstdlib>
#include <cstring>
#include <memory>

extern "C" uint64_t sdk_json_values(const uint8_t *bytes, uint64_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // An exact copy, so that AddressSanitizer sees every byte too far.
    std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
    if (size) std::memcpy(copy.get(), data, size);
    reference_reader reference({reinterpret_cast<const char *>(data), size}, 24);
    const uint64_t expected = reference.accepts() ? reference.values.size() : 0;
    if (sdk_json_values(copy.get(), size) != expected) std::abort();
    return 0;
}
