#include "cluster/image_publisher.h"

#include <algorithm>

namespace semel::cluster {

ImagePublisher::ImagePublisher() : current_(std::make_shared<const MetadataImage>()) {}

void ImagePublisher::add_listener(ImageListener& listener) { listeners_.push_back(&listener); }

void ImagePublisher::remove_listener(ImageListener& listener) { std::erase(listeners_, &listener); }

void ImagePublisher::publish(const ImageChange& change) {
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->on_image(change);
  current_.store(change.after, std::memory_order_release);
  std::vector<Waiter> ready;
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    if (at->offset > change.after->last_offset) {
      ++at;
      continue;
    }
    ready.push_back(std::move(*at));
    at = waiters_.erase(at);
  }
  for (Waiter& waiter : ready) waiter.work();
}

void ImagePublisher::when_at(Offset offset, rt::UniqueFunction<void()> work) {
  if (current()->last_offset >= offset) {
    work();
    return;
  }
  waiters_.push_back({offset, std::move(work)});
}

}  // namespace semel::cluster
