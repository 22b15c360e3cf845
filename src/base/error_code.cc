#include "base/error_code.h"

namespace semel {

std::string_view error_name(ErrorCode code) {
  switch (code) {
#define SEMEL_X(name, number, text, retriable) \
  case ErrorCode::name:                        \
    return text;
    SEMEL_ERROR_CODES(SEMEL_X)
#undef SEMEL_X
  }
  return "UNKNOWN";
}

bool error_is_retriable(ErrorCode code) {
  switch (code) {
#define SEMEL_X(name, number, text, retriable) \
  case ErrorCode::name:                        \
    return retriable;
    SEMEL_ERROR_CODES(SEMEL_X)
#undef SEMEL_X
  }
  return false;
}

}  // namespace semel
