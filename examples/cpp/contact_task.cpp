#include "contact_task.h"

#include <google/protobuf/util/time_util.h>

namespace contact_worker {

namespace {

// Lines that are kept of a task until its result is acknowledged: the server keeps no more of an attempt.
constexpr std::size_t kKeptLines = 100;

}  // namespace

Task::Task(pb::Assignment assignment) : assignment_(std::move(assignment)) {}

void Task::Sleep(Seconds time) {
  std::unique_lock lock(mutex_);
  if (stopped_.wait_for(lock, time, [this] { return stop_reason_.has_value(); })) throw Stopped(*stop_reason_);
}

void Task::Progress(float fraction, const std::string& message) {
  const std::lock_guard lock(mutex_);
  progress_.emplace();
  Name(&*progress_, key());
  progress_->set_fraction(fraction);
  progress_->set_message(message);
}

void Task::Log(const std::string& text, pb::LogLevel level) {
  const std::lock_guard lock(mutex_);
  pb::LogLine& line = lines_.emplace_back();
  line.set_number(++line_count_);
  line.set_level(level);
  line.set_text(text);
  *line.mutable_at() = google::protobuf::util::TimeUtil::GetCurrentTime();
  if (lines_.size() > kKeptLines) lines_.pop_front();
}

void Task::SaveCheckpoint(std::string data) {
  const std::lock_guard lock(mutex_);
  last_checkpoint_ = std::move(data);
  new_checkpoint_ = last_checkpoint_;
}

void Task::Stop(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!stop_reason_) stop_reason_ = reason;
  stopped_.notify_all();
}

pb::SendStatusRequest Task::TakeNews() {
  const std::lock_guard lock(mutex_);
  pb::SendStatusRequest news;
  if (progress_) *news.add_progress() = *progress_;
  if (new_checkpoint_) Name(news.add_checkpoints(), key())->set_data(*new_checkpoint_);
  for (const pb::LogLine& line : lines_) {
    if (line.number() > sent_to_) *Name(news.add_logs(), key())->mutable_line() = line;
  }
  progress_.reset();
  new_checkpoint_.reset();
  sent_to_ = line_count_;
  return news;
}

void Task::SayAgain() {
  const std::lock_guard lock(mutex_);
  sent_to_ = 0;
  new_checkpoint_ = last_checkpoint_;
}

}  // namespace contact_worker
