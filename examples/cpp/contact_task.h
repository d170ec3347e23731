// A task as its handler sees it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "contact/v1/contact.pb.h"
#include "line.h"

namespace contact_worker {

namespace pb = contact::v1;

// What names a delivery in every message: the task id and the number.
using Key = std::pair<std::string, std::uint32_t>;

// Writes a key into a message that names a delivery.
template <class Message>
Message* Name(Message* message, const Key& key) {
  message->set_task_id(key.first);
  message->set_delivery(key.second);
  return message;
}

// Thrown in a handler whose task is cancelled, has run out of time, or is no longer ours.
struct Stopped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One delivery. Its handler has a thread of its own; the worker calls from others.
class Task {
 public:
  explicit Task(pb::Assignment assignment);

  const std::string& payload() const { return assignment_.payload(); }
  const std::string& checkpoint() const { return assignment_.checkpoint(); }
  std::uint32_t attempt() const { return assignment_.attempt(); }
  Key key() const { return {assignment_.task_id(), assignment_.delivery()}; }

  // Waits; throws Stopped as soon as there is nothing to work for any more.
  void Sleep(Seconds time = Seconds(0));
  // How far it is, 0 to 1: the newest is told, four times a second at most.
  void Progress(float fraction, const std::string& message = "");
  // A line that is kept with the attempt, the newest 100.
  void Log(const std::string& text, pb::LogLevel level = pb::LOG_LEVEL_INFO);
  // Bytes for the next attempt, if there is one: at most 64 KiB, the newest counts.
  void SaveCheckpoint(std::string data);

  // For the worker: has Sleep throw.
  void Stop(const std::string& reason);
  // For the worker: what the handler has said since this was called before.
  pb::SendStatusRequest TakeNews();
  // For the worker: nobody acknowledges lines and checkpoints, so they may be lost with the line, and are said again.
  void SayAgain();

 private:
  const pb::Assignment assignment_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::optional<std::string> stop_reason_;
  std::optional<pb::Progress> progress_;
  std::optional<std::string> new_checkpoint_, last_checkpoint_;
  std::deque<pb::LogLine> lines_;
  std::uint32_t line_count_ = 0, sent_to_ = 0;
};

}  // namespace contact_worker
