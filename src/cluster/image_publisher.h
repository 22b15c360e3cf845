// ImagePublisher: hands the newest image of this broker to everybody. One writer (the metadata
// follower, on executor 0); readers on any thread.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "cluster/image.h"
#include "rt/executor.h"
#include "rt/function.h"
#include "rt/task.h"

namespace semel::cluster {

/// What differs between two consecutive images. Topics are listed once, whatever changed in them.
struct ImageChange {
  ImagePtr before;
  ImagePtr after;
  std::vector<TopicId> topics_created;
  std::vector<TopicId> topics_changed;   // partitions, leaders, ISR; not the created ones
  std::vector<TopicPtr> topics_deleted;  // as they were
  std::vector<ConfigResource> configs_changed;
  std::vector<BrokerId> brokers_changed;  // registered, changed or gone
  bool features_changed = false;
  bool access_changed = false;
};

/// Told of every new image, on executor 0, in order, before readers can see the image: what a
/// listener prepares (a partition made leader) is there when a request finds it in the image.
class ImageListener {
 public:
  virtual ~ImageListener() = default;
  virtual void on_image(const ImageChange& change) = 0;
};

class ImagePublisher {
 public:
  ImagePublisher();

  /// Any thread; never null (an empty image before the first publish). Costs an atomic load and a
  /// reference count.
  ImagePtr current() const { return current_.load(std::memory_order_acquire); }

  /// Executor 0 only. A listener is told once at the next publish about everything that is there
  /// then if it is added before the first publish; later additions see changes only.
  void add_listener(ImageListener& listener);
  void remove_listener(ImageListener& listener);
  /// Executor 0 only: tells the listeners, then shows the image.
  void publish(const ImageChange& change);

  /// Executor 0 only. Runs `work` on executor 0 once `last_offset` of the current image is at least
  /// `offset` (at once if it is).
  void when_at(Offset offset, rt::UniqueFunction<void()> work);

 private:
  struct Waiter {
    Offset offset;
    rt::UniqueFunction<void()> work;
  };
  std::atomic<ImagePtr> current_;
  std::vector<ImageListener*> listeners_;
  std::vector<Waiter> waiters_;
};

}  // namespace semel::cluster
