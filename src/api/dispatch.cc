#include "api/dispatch.h"

#include "base/assert.h"
#include "bytes/reader.h"

namespace semel::api {

Progress TaskHandler::admit(RequestContext& context) {
  rt::spawn(drive(context));
  return Progress::kWaiting;
}

rt::Task<void> TaskHandler::drive(RequestContext& context) {
  const Progress progress = co_await run(context);
  SEMEL_ASSERT(progress != Progress::kWaiting);
  if (progress == Progress::kClose) context.response.fate = Response::Fate::kClose;
  context.finish();
}

void Dispatcher::add(ListenerKind kind, gen::ApiKey key, Order order,
                     std::unique_ptr<Handler> handler) {
  const gen::ApiInfo& info = gen::api_info(key);
  ApiRow row;
  row.key = static_cast<int16_t>(key);
  row.min_version = info.min_version;
  row.max_version = info.max_version;
  row.listed_from = info.min_version;
  for (const gen::ApiVersionRange& listed : gen::listed_apis(kind)) {
    if (listed.api_key == row.key) row.listed_from = listed.min_version;
  }
  row.flexible_from = info.first_flexible_version;
  row.overlaps = order == Order::kOverlaps;
  row.handler = std::move(handler);
  SEMEL_ASSERT(row.handler != nullptr && find(row.key) == nullptr);
  if (row.handler->gathers()) {
    SEMEL_ASSERT(gatherer_ == nullptr);
    gatherer_ = row.handler.get();
  }
  const size_t at = static_cast<size_t>(row.key);
  if (rows_.size() <= at) rows_.resize(at + 1);
  rows_[at] = std::move(row);
}

bool Dispatcher::route(RequestContext& context) const {
  bytes::Reader reader(context.frame());
  RequestHeader& header = context.header;
  header.key = reader.read_i16();
  header.version = reader.read_i16();
  header.correlation_id = reader.read_i32();
  const ApiRow* row = reader.ok() ? find(header.key) : nullptr;
  if (row == nullptr) return false;
  context.row = row;
  context.version_is_known =
      header.version >= row->min_version && header.version <= row->max_version;
  if (!context.version_is_known && header.key != kApiVersionsKey) return false;

  const int16_t client_id_size = reader.read_i16();
  if (client_id_size < -1) return false;
  header.client_id.assign(client_id_size > 0 ? reader.read_text(static_cast<size_t>(client_id_size))
                                             : std::string_view());
  if (row->is_flexible(header.version)) {
    uint32_t tags = reader.read_uvarint();
    for (; tags > 0 && reader.ok(); --tags) {
      reader.read_uvarint();
      reader.skip(reader.read_uvarint());
    }
  }
  context.body_at_ = reader.position();
  return reader.ok();
}

Progress Dispatcher::admit(RequestContext& context, bool follows_others) const {
  if (!context.claim(context.row->handler->memory_for(context.body_size())))
    return Progress::kNeedsMemory;
  if (follows_others && gatherer_ != nullptr && gatherer_ != context.row->handler.get())
    gatherer_->serve_gathered();
  return context.row->handler->admit(context);
}

void Dispatcher::relieve() const {
  for (const ApiRow& row : rows_)
    if (row.handler != nullptr) row.handler->relieve();
}

}  // namespace semel::api
