// The text format of Prometheus, version 0.0.4.
#pragma once

#include <string>

#include "metrics/registry.h"

namespace semel::metrics {

/// The content type to answer with.
inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

/// Appends all metrics of `registry` to `text`. Histograms come with one bound per power of two,
/// from 2^5 to 2^40 counted units; a bound counts the values below it.
void to_prometheus(const Registry& registry, std::string& text);

}  // namespace semel::metrics
