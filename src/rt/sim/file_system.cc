#include "rt/sim/file_system.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

namespace semel::rt::sim {

namespace {

std::string to_text(const Path& path) {
  std::string text;
  for (const auto& part : path) text += "/" + part;
  return text.empty() ? "/" : text;
}

std::string_view name_of(DiskOp op) {
  constexpr std::array<std::string_view, 5> names{"read", "write", "sync", "change", "look"};
  return names[static_cast<size_t>(op)];
}

std::unexpected<Error> fail_at(const Path& path, Cause cause, std::string_view why) {
  return fail(ErrorCode::kKafkaStorageError, to_text(path) + ": " + std::string(why), cause);
}

}  // namespace

Path parse_path(std::string_view text) {
  Path path;
  while (!text.empty()) {
    const size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    text = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..")
      path.emplace_back(part);
    else if (!path.empty())
      path.pop_back();
  }
  return path;
}

SimFileSystem::SimFileSystem(uint64_t id, uint64_t seed, Trace& trace, DiskOptions options)
    : id_(id), random_(seed), trace_(trace), options_(options) {
  root_->is_directory = true;
}

uint64_t SimFileSystem::free_bytes() const {
  return used_ < options_.capacity ? options_.capacity - used_ : 0;
}

InodePtr SimFileSystem::find(const Path& path) const {
  InodePtr at = root_;
  for (const auto& part : path) {
    const auto found = at->entries.find(part);
    if (found == at->entries.end()) return nullptr;
    at = found->second;
  }
  return at;
}

InodePtr SimFileSystem::parent_of(const Path& path) const {
  if (path.empty()) return nullptr;
  InodePtr parent = find(Path(path.begin(), path.end() - 1));
  return parent != nullptr && parent->is_directory ? parent : nullptr;
}

void SimFileSystem::link(const InodePtr& directory, const std::string& name, InodePtr inode) {
  directory->entries[name] = inode;
  pending_.push_back({nullptr, {}, directory, name, std::move(inode)});
}

Result<InodePtr> SimFileSystem::open(const Path& path, OpenMode mode, int64_t now_ms) {
  InodePtr found = find(path);
  if (found != nullptr) {
    if (found->is_directory) return fail_at(path, Cause::kNone, "is a directory");
    if (mode == OpenMode::kCreateNew) return fail_at(path, Cause::kExists, "exists");
    return found;
  }
  if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite)
    return fail_at(path, Cause::kNotFound, "no such file");
  const InodePtr parent = parent_of(path);
  if (parent == nullptr) return fail_at(path, Cause::kNotFound, "no such directory");
  auto inode = std::make_shared<Inode>();
  inode->modified_ms = now_ms;
  link(parent, path.back(), inode);
  return inode;
}

Result<void> SimFileSystem::make_directories(const Path& path, int64_t now_ms) {
  InodePtr at = root_;
  for (const auto& part : path) {
    const auto found = at->entries.find(part);
    if (found != at->entries.end()) {
      at = found->second;
      if (!at->is_directory) return fail_at(path, Cause::kExists, "a file is in the way");
      continue;
    }
    auto inode = std::make_shared<Inode>();
    inode->is_directory = true;
    inode->modified_ms = now_ms;
    link(at, part, inode);
    at = inode;
  }
  return {};
}

Result<void> SimFileSystem::rename(const Path& from, const Path& to) {
  const InodePtr inode = find(from);
  if (inode == nullptr || from.empty()) return fail_at(from, Cause::kNotFound, "no such file");
  const InodePtr old_parent = parent_of(from);
  const InodePtr new_parent = parent_of(to);
  if (new_parent == nullptr) return fail_at(to, Cause::kNotFound, "no such directory");
  if (const InodePtr replaced = find(to); replaced != nullptr) {
    if (replaced == inode) return {};
    if (replaced->is_directory != inode->is_directory)
      return fail_at(to, Cause::kExists, "file and directory");
    if (replaced->is_directory && !replaced->entries.empty())
      return fail_at(to, Cause::kExists, "directory not empty");
    unlink_tree(*replaced);
  }
  old_parent->entries.erase(from.back());
  new_parent->entries[to.back()] = inode;
  pending_.push_back({old_parent, from.back(), new_parent, to.back(), inode});
  return {};
}

void SimFileSystem::unlink_tree(Inode& inode) {
  for (auto& [name, child] : inode.entries) unlink_tree(*child);
  if (!inode.is_directory && inode.is_linked) used_ -= inode.content.size();
  inode.is_linked = false;
}

Result<void> SimFileSystem::remove(const Path& path, bool with_content) {
  const InodePtr inode = find(path);
  if (inode == nullptr || path.empty()) return fail_at(path, Cause::kNotFound, "no such file");
  if (inode->is_directory && !inode->entries.empty()) {
    if (!with_content) return fail_at(path, Cause::kExists, "directory not empty");
    std::vector<std::string> names;
    for (const auto& [name, child] : inode->entries) names.push_back(name);
    for (const auto& name : names) {
      Path child = path;
      child.push_back(name);
      SEMEL_CHECK(remove(child, true));
    }
  }
  const InodePtr parent = parent_of(path);
  unlink_tree(*inode);
  parent->entries.erase(path.back());
  pending_.push_back({parent, path.back(), nullptr, {}, inode});
  return {};
}

Result<void> SimFileSystem::write(Inode& inode, uint64_t at, bytes::ByteSpan bytes) {
  if (random_.hits(options_.write_back_ppm)) inode.content.write_back(random_);
  const uint64_t old_size = inode.content.size();
  const uint64_t end = at + bytes.size();
  const uint64_t growth = end > old_size ? end - old_size : 0;
  trace_.add(Trace::Kind::kWrite, at, bytes.size());
  trace_.add_bytes(bytes);
  if (inode.is_linked && growth > free_bytes()) {
    trace_.probe("disk: no space");
    const uint64_t fits = bytes.size() - (growth - free_bytes());
    const uint64_t part = fits <= bytes.size() ? random_.between(0, fits) : 0;
    inode.content.write(at, bytes.first(part));
    used_ += inode.content.size() - old_size;
    return fail(ErrorCode::kKafkaStorageError, "no space left on device", Cause::kNoSpace);
  }
  inode.content.write(at, bytes);
  if (inode.is_linked) used_ += growth;
  return {};
}

Result<void> SimFileSystem::truncate(Inode& inode, uint64_t size) {
  const uint64_t old_size = inode.content.size();
  if (inode.is_linked && size > old_size && size - old_size > free_bytes())
    return fail(ErrorCode::kKafkaStorageError, "no space left on device", Cause::kNoSpace);
  trace_.add(Trace::Kind::kWrite, size, old_size);
  inode.content.truncate(size);
  if (inode.is_linked) used_ = used_ + size - old_size;
  return {};
}

void SimFileSystem::apply(const Change& change) {
  if (change.from_directory != nullptr) {
    auto& entries = change.from_directory->durable_entries;
    const auto found = entries.find(change.from_name);
    if (found != entries.end() && found->second == change.inode) entries.erase(found);
  }
  if (change.to_directory != nullptr)
    change.to_directory->durable_entries[change.to_name] = change.inode;
}

void SimFileSystem::sync_directory(const InodePtr& directory) {
  // A renaming between two folders is one step of the journal: it drags its other folder along.
  std::vector<const Inode*> folders{directory.get()};
  const auto has = [&folders](const InodePtr& inode) {
    return std::find(folders.begin(), folders.end(), inode.get()) != folders.end();
  };
  for (size_t known = 0; known != folders.size();) {
    known = folders.size();
    for (const Change& change : pending_) {
      if (change.from_directory == nullptr || change.to_directory == nullptr) continue;
      if (has(change.from_directory) && !has(change.to_directory))
        folders.push_back(change.to_directory.get());
      if (has(change.to_directory) && !has(change.from_directory))
        folders.push_back(change.from_directory.get());
    }
  }
  std::erase_if(pending_, [&has](const Change& change) {
    const InodePtr& place =
        change.to_directory != nullptr ? change.to_directory : change.from_directory;
    if (!has(place)) return false;
    apply(change);
    return true;
  });
}

void SimFileSystem::sync_all() {
  for (const Change& change : pending_) apply(change);
  pending_.clear();
  const std::function<void(Inode&)> walk = [&walk](Inode& inode) {
    if (!inode.is_directory) inode.content.sync();
    for (auto& [name, child] : inode.entries) walk(*child);
  };
  walk(*root_);
}

void SimFileSystem::fail_next(DiskOp op, std::string part, Cause cause, uint32_t skip) {
  faults_.push_back({op, std::move(part), cause, skip});
}

Cause SimFileSystem::draw_fault(DiskOp op, std::string_view path) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->op != op || path.find(fault->part) == std::string_view::npos) continue;
    if (fault->skip > 0) {
      --fault->skip;
      continue;
    }
    const Cause cause = fault->cause;
    faults_.erase(fault);
    trace_.probe(
        std::string(cause == Cause::kNoSpace ? "disk: no space at a " : "disk: error at a ") +
        std::string(name_of(op)));
    trace_.add(Trace::Kind::kFault, static_cast<uint64_t>(op), static_cast<uint64_t>(cause));
    return cause;
  }
  uint32_t ppm = 0;
  if (op == DiskOp::kRead) ppm = options_.read_error_ppm;
  if (op == DiskOp::kWrite || op == DiskOp::kChange) ppm = options_.write_error_ppm;
  if (op == DiskOp::kSync) ppm = options_.sync_error_ppm;
  return random_.hits(ppm) ? Cause::kIo : Cause::kNone;
}

bool SimFileSystem::take_lock(const std::string& path, uint64_t owner) {
  return locks_.emplace(path, owner).second;
}

void SimFileSystem::drop_locks_of(uint64_t owner) {
  std::erase_if(locks_, [owner](const auto& lock) { return lock.second == owner; });
}

void SimFileSystem::settle(Inode& inode) {
  inode.is_linked = true;
  if (inode.is_directory) {
    inode.entries = inode.durable_entries;
    for (auto& [name, child] : inode.entries) settle(*child);
  } else if (inode.content.crash(random_)) {
    trace_.probe("disk: unsynced bytes lost at a power cut");
  }
}

uint64_t SimFileSystem::used_by(const Inode& inode) const {
  uint64_t sum = inode.content.size();
  for (const auto& [name, child] : inode.entries) sum += used_by(*child);
  return sum;
}

void SimFileSystem::crash() {
  trace_.add(Trace::Kind::kCrash, pending_.size());
  const bool is_prefix = random_.below(2) == 0;
  const uint64_t prefix = random_.between(0, pending_.size());
  std::set<const Inode*> stuck;  // changes of one file stay in their order
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Inode* inode = pending_[i].inode.get();
    const bool survives = is_prefix ? i < prefix : random_.below(2) == 0 && !stuck.contains(inode);
    if (survives) {
      apply(pending_[i]);
      continue;
    }
    stuck.insert(inode);
    trace_.probe("disk: unsynced directory change lost at a power cut");
  }
  pending_.clear();
  locks_.clear();
  settle(*root_);
  used_ = used_by(*root_);
}

void SimFileSystem::collect_files(const InodePtr& inode, std::string_view suffix,
                                  std::vector<InodePtr>& into) const {
  for (const auto& [name, child] : inode->entries) {
    if (child->is_directory)
      collect_files(child, suffix, into);
    else if (name.ends_with(suffix) && child->content.size() > 0)
      into.push_back(child);
  }
}

bool SimFileSystem::flip_bit(std::string_view suffix) {
  std::vector<InodePtr> files;
  collect_files(root_, suffix, files);
  if (files.empty()) return false;
  FileContent& content = files[random_.below(files.size())]->content;
  content.flip_bit(random_.below(content.size()), static_cast<uint32_t>(random_.below(8)));
  trace_.probe("disk: bit flipped");
  return true;
}

std::map<std::string, std::vector<std::byte>> SimFileSystem::contents() const {
  std::map<std::string, std::vector<std::byte>> all;
  const std::function<void(const Inode&, const std::string&)> walk = [&](const Inode& inode,
                                                                         const std::string& path) {
    for (const auto& [name, child] : inode.entries) {
      const std::string full = path + name;
      if (child->is_directory) {
        all[full + "/"];
        walk(*child, full + "/");
      } else {
        const bytes::ByteSpan span = child->content.bytes();
        all[full].assign(span.begin(), span.end());
      }
    }
  };
  walk(*root_, "/");
  return all;
}

}  // namespace semel::rt::sim
