// ImageWriter: copies what a crash left on a simulated disk into a real folder, for whoever wants
// to recover it: this broker's release build, Apache Kafka.
#pragma once

#include <string>

#include "rt/disk.h"
#include "rt/sim/node.h"

namespace semel::sim {

class ImageWriter {
 public:
  /// Images go to `folder`/NAME-1 … NAME-`most` of the real `disk`, which outlives this; null
  /// switches it off.
  ImageWriter(rt::Disk* disk, std::string folder, std::string name, int most)
      : disk_(disk),
        folder_(std::move(folder)),
        name_(std::move(name)),
        left_(disk == nullptr ? 0 : most) {}

  /// Writes what lies on the node's disk now, unless it is the first boot or after a clean stop, or
  /// enough images are there. Call it before the node boots.
  void take(rt::sim::Node& node);

 private:
  Result<void> write(const std::string& path, bytes::ByteSpan content);

  rt::Disk* disk_;
  const std::string folder_;
  const std::string name_;
  int left_;
  int taken_ = 0;
};

}  // namespace semel::sim
