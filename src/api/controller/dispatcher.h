// The controller listener's table of APIs.
#pragma once

#include <memory>

#include "api/dispatch.h"
#include "cluster/embedded_controller.h"

namespace semel::api::controller {

/// The dispatcher of one reactor for listeners of kind kController; on that reactor. `node`
/// outlives it.
std::unique_ptr<Dispatcher> make_dispatcher(cluster::EmbeddedController& node,
                                            rt::Executor& executor);

}  // namespace semel::api::controller
