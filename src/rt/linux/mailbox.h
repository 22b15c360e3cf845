// Mailbox: mail from any thread to one reactor, first in, first out, without locks. It also knows
// whether the reactor sleeps, so that only the first letter to a sleeper costs a wake-up.
//
// Race: "empty" and "asleep" are two values of the same atomic word. The reactor goes to sleep by
// changing empty into asleep, a poster replaces the word by its letter; whoever comes second sees
// what the first did, so no letter is left with a sleeper that nobody wakes.
#pragma once

#include <atomic>
#include <cstdint>

#include "rt/executor.h"
#include "rt/task.h"

namespace semel::rt::linux_os {

/// Mail that deletes itself when it runs; a mailbox that will not run it deletes it. Its memory
/// comes from the cache of coroutine frames.
class SelfOwnedMail : public Mail {
 public:
  static void* operator new(size_t size) { return allocate_frame(size); }
  static void operator delete(void* place, size_t size) { free_frame(place, size); }
};

/// A singly linked list of mail in order.
struct MailQueue {
  Mail* first = nullptr;
  Mail* last = nullptr;

  bool empty() const { return first == nullptr; }
  void push(Mail& mail) {
    mail.next_in_mailbox = nullptr;
    (last != nullptr ? last->next_in_mailbox : first) = &mail;
    last = &mail;
  }
  /// Null if it is empty.
  Mail* pop() {
    Mail* mail = first;
    if (mail == nullptr) return nullptr;
    first = mail->next_in_mailbox;
    if (first == nullptr) last = nullptr;
    return mail;
  }
};

class Mailbox {
 public:
  enum class Pushed : uint8_t { kDone, kWakeOwner, kRefused };

  /// Any thread. kWakeOwner: the owner was asleep, and the caller must wake it.
  Pushed push(Mail& mail) {
    Mail* head = head_.load(std::memory_order_relaxed);
    do {
      if (head == closed()) return Pushed::kRefused;
      mail.next_in_mailbox = head == asleep() ? nullptr : head;
    } while (!head_.compare_exchange_weak(head, &mail, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return head == asleep() ? Pushed::kWakeOwner : Pushed::kDone;
  }
  /// Owner. Moves all mail behind that of `queue`.
  void take_into(MailQueue& queue) {
    if (head_.load(std::memory_order_relaxed) == nullptr) return;
    append(head_.exchange(nullptr, std::memory_order_acquire), queue);
  }
  /// Owner, once. As take_into, and refuses every later push.
  void close_into(MailQueue& queue) {
    append(head_.exchange(closed(), std::memory_order_acquire), queue);
  }
  /// Owner. False if there is mail; otherwise the next push asks for a wake-up, until take_into.
  bool fall_asleep() {
    Mail* empty = nullptr;
    return head_.compare_exchange_strong(empty, asleep(), std::memory_order_acq_rel);
  }

 private:
  Mail* asleep() { return reinterpret_cast<Mail*>(&head_); }
  Mail* closed() { return reinterpret_cast<Mail*>(this + 1); }

  void append(Mail* newest, MailQueue& queue) {
    if (newest == nullptr || newest == asleep()) return;
    Mail* oldest = nullptr;
    Mail* const last = newest;
    while (newest != nullptr) {
      Mail* const before = newest->next_in_mailbox;
      newest->next_in_mailbox = oldest;
      oldest = newest;
      newest = before;
    }
    (queue.last != nullptr ? queue.last->next_in_mailbox : queue.first) = oldest;
    queue.last = last;
  }

  std::atomic<Mail*> head_{nullptr};
};

}  // namespace semel::rt::linux_os
