// Names of threads, as `top -H` and debuggers show them.
#pragma once

#include <string>

#include <pthread.h>

namespace semel::rt::linux_os {

/// At most 15 characters; the rest is cut off.
inline void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace semel::rt::linux_os
