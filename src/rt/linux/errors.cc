#include "rt/linux/errors.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace semel::rt::linux_os {
namespace {

std::unexpected<Error> failure(ErrorCode code, Cause cause, int error, std::string_view what) {
  return fail(code, fmt::format("{}: {}", what, std::generic_category().message(error)), cause);
}

}  // namespace

Cause disk_cause(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Cause::kNoSpace;
    case ENOENT:
    case ENOTDIR:
      return Cause::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return Cause::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Cause::kPermission;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
      return Cause::kNone;
    default:
      return Cause::kIo;
  }
}

std::unexpected<Error> disk_failure(int error, std::string_view call, std::string_view path) {
  return failure(ErrorCode::kKafkaStorageError, disk_cause(error), error,
                 fmt::format("{} {}", call, path));
}

Cause network_cause(int error) {
  switch (error) {
    case ECONNREFUSED:
      return Cause::kRefused;
    case EADDRINUSE:
      return Cause::kInUse;
    case EACCES:
    case EPERM:
      return Cause::kPermission;
    case EADDRNOTAVAIL:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EAFNOSUPPORT:
      return Cause::kNotFound;
    default:
      return Cause::kClosed;
  }
}

std::unexpected<Error> network_failure(int error, std::string_view call, std::string_view where) {
  return failure(ErrorCode::kNetworkException, network_cause(error), error,
                 fmt::format("{} {}", call, where));
}

}  // namespace semel::rt::linux_os
