// From errno to Error. The text says what failed, on what, and the system's own words.
#pragma once

#include <string_view>

#include "base/result.h"

namespace semel::rt::linux_os {

/// The cause that `error` (an errno value) stands for; kNone where the caller or a limit of
/// the process is at fault (EMFILE, EINVAL), kIo for everything else.
Cause disk_cause(int error);
/// "open /x/y: No such file or directory", kKafkaStorageError.
std::unexpected<Error> disk_failure(int error, std::string_view call, std::string_view path);

Cause network_cause(int error);
/// "connect 127.0.0.1:9: Connection refused", kNetworkException.
std::unexpected<Error> network_failure(int error, std::string_view call, std::string_view where);

}  // namespace semel::rt::linux_os
