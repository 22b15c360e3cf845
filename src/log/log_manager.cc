#include "log/log_manager.h"

#include "log/log_manager_impl.h"

namespace semel::log {

LogManager::LogManager(rt::Runtime& runtime, LogManagerConfig config, LogManagerListener& listener)
    : impl_(std::make_shared<Impl>(runtime, std::move(config), listener)) {}

LogManager::~LogManager() { impl_->abandon(); }

void LogManager::start(rt::UniqueFunction<void(Result<LoadReport>)> done) {
  impl_->start(std::move(done));
}

void LogManager::stop(int64_t broker_epoch, rt::UniqueFunction<void(Result<void>)> done) {
  impl_->stop(broker_epoch, std::move(done));
}

std::shared_ptr<Log> LogManager::find(const TopicPartition& name) const {
  return impl_->find(name);
}

std::vector<std::shared_ptr<Log>> LogManager::logs() const { return impl_->logs(); }

std::vector<DirectoryFacts> LogManager::directories() const { return impl_->directory_facts(); }

DirectoryId LogManager::directory_of(const Log& log) const { return impl_->directory_of(log).id(); }

Result<std::shared_ptr<Log>> LogManager::create(const TopicPartition& name, const TopicId& topic_id,
                                                std::optional<DirectoryId> directory,
                                                bool may_exist) {
  return impl_->create(name, topic_id, directory, may_exist);
}

Result<void> LogManager::remove(const TopicPartition& name) {
  return impl_->retire(name, "-delete");
}

Result<void> LogManager::set_stray(const TopicPartition& name) {
  return impl_->retire(name, "-stray");
}

void LogManager::update_config(const std::string& topic, const LogConfig& config) {
  for (const auto& log : impl_->logs()) {
    if (log->name().topic == topic) log->update_config(config);
  }
}

void LogManager::set_producer_expiration(int64_t expiration_ms) {
  impl_->set_producer_expiration(expiration_ms);
}

Flusher& LogManager::flusher_of(const Log& log) { return impl_->flusher_of(log); }

}  // namespace semel::log
