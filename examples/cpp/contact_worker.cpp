#include "contact_worker.h"

namespace contact_worker {

namespace {

// Two programs of one name replace each other, so that wait is longer.
Seconds PauseAfterReplaced(int replaced) { return std::min(Seconds(60), Seconds(1 << std::min(replaced, 6))); }

Key KeyOf(const pb::Delivery& delivery) { return {delivery.task_id(), delivery.delivery()}; }

}  // namespace

Worker::Worker(Options options) : options_(std::move(options)) {
  for (std::uint32_t n = 0; n < options_.credit; n += 1) threads_.emplace_back([this] { WorkOn(); });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    has_work_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void Worker::Run() {
  for (int failures = 0, replaced = 0;;) {
    const Clock::time_point began = Clock::now();
    Session session(*this);
    const End end = session.Run();
    {
      const std::lock_guard lock(mutex_);
      if (is_leaving_ && HoldsNothing()) return;
    }
    Say("lost " + end.reason + " " + end.details);
    if (end.retry == "never") throw std::runtime_error(end.reason + ": " + end.details);
    failures = session.was_heard() || Clock::now() - began > kLongestPause ? 0 : failures + 1;
    replaced = end.reason == "REPLACED" ? replaced + 1 : 0;
    std::this_thread::sleep_for(replaced > 0 ? PauseAfterReplaced(replaced) : PauseAfter(end, failures));
  }
}

void Worker::Leave() {
  const std::lock_guard lock(mutex_);
  is_leaving_ = true;
  pb::SendStatusRequest message;
  message.set_credit(0);
  Tell(std::move(message));
  EndIfDone();
}

void Worker::FillResume(pb::GetTaskRequest& request) {
  const std::lock_guard lock(mutex_);
  if (previous_.empty()) return;
  pb::Resume& resume = *request.mutable_resume();
  resume.set_previous_session(previous_);
  resume.set_complete(true);
  for (const auto& [key, task] : running_) Name(resume.add_holding(), key);
  for (const auto& [key, report] : reports_) Name(resume.add_holding(), key);
}

void Worker::Registered(Session& session, const pb::Registered& message) {
  const std::lock_guard lock(mutex_);
  previous_ = session.id();
  session_ = &session;
  for (const pb::Delivery& closed : message.closed()) {
    const auto found = running_.find(KeyOf(closed));
    if (found == running_.end()) continue;
    found->second->Stop("the delivery is closed");
    running_.erase(found);
  }
  Say(std::string("registered ") + (message.resumed() ? "resumed" : "anew"));
  for (const auto& [key, task] : running_) {
    task->SayAgain();
    TellStarted(*task);
  }
  for (const auto& [key, report] : reports_) {
    report.task->SayAgain();
    TellReport(report);
  }
  if (is_leaving_) {
    pb::SendStatusRequest nothing_more;
    nothing_more.set_credit(0);
    Tell(std::move(nothing_more));
  }
  EndIfDone();
}

void Worker::Accept(const pb::Tasks& tasks) {
  const std::lock_guard lock(mutex_);
  for (const pb::Assignment& assignment : tasks.tasks()) {
    auto task = std::make_shared<Task>(assignment);
    // A push that has crossed our report, or comes again: it is not run twice.
    if (reports_.count(task->key()) > 0 || !running_.emplace(task->key(), task).second) continue;
    waiting_.push_back(std::move(task));
    has_work_.notify_one();
  }
}

void Worker::Cancelled(const pb::Cancel& cancel) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find({cancel.task_id(), cancel.delivery()});
  if (found != running_.end()) found->second->Stop(cancel.reason().empty() ? "cancelled" : cancel.reason());
}

void Worker::Outcomes(const pb::SendStatusResponse& message) {
  const std::lock_guard lock(mutex_);
  for (const pb::Outcome& outcome : message.outcomes()) {
    const auto found = reports_.find({outcome.task_id(), outcome.delivery()});
    if (found == reports_.end()) continue;
    if (outcome.code() == pb::OUTCOME_CODE_RETRY_LATER) {
      found->second.again_at = Clock::now() + std::chrono::milliseconds(outcome.after_ms());
      continue;
    }
    Say("told " + pb::OutcomeCode_Name(outcome.code()));
    reports_.erase(found);
  }
  EndIfDone();
}

void Worker::Pump() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, task] : running_) Tell(task->TakeNews());
  for (auto& [key, report] : reports_) {
    if (!report.again_at || *report.again_at > Clock::now()) continue;
    report.again_at.reset();
    TellReport(report);
  }
}

void Worker::Lost() {
  const std::lock_guard lock(mutex_);
  session_ = nullptr;
}

void Worker::WorkOn() {
  for (;;) {
    std::unique_lock lock(mutex_);
    has_work_.wait(lock, [this] { return is_over_ || !waiting_.empty(); });
    if (is_over_) return;
    const std::shared_ptr<Task> task = std::move(waiting_.front());
    waiting_.pop_front();
    // Its delivery may have been closed meanwhile.
    if (running_.count(task->key()) == 0) continue;
    TellStarted(*task);
    lock.unlock();
    pb::SendStatusRequest message = ReportOf(*task);
    lock.lock();
    // Or now: then nobody wants to know.
    if (running_.erase(task->key()) == 0) continue;
    // Kept until there is an outcome.
    TellReport(reports_[task->key()] = Report{std::move(message), task, std::nullopt});
  }
}

pb::SendStatusRequest Worker::ReportOf(Task& task) {
  pb::SendStatusRequest report;
  try {
    task.Sleep();
    std::string result = options_.handle(task);
    Name(report.add_succeeded(), task.key())->set_result(std::move(result));
  } catch (const Stopped& stopped) {
    Say(std::string("stopped ") + stopped.what());
    Name(report.add_stopped(), task.key());
  } catch (const std::exception& error) {
    Name(report.add_failed(), task.key())->mutable_error()->set_message(error.what());
  }
  return report;
}

void Worker::Tell(pb::SendStatusRequest message) {
  if (session_ != nullptr && message.ByteSizeLong() > 0) session_->Send(std::move(message));
}

void Worker::TellStarted(const Task& task) {
  pb::SendStatusRequest message;
  Name(message.add_started(), task.key());
  Tell(std::move(message));
}

void Worker::TellReport(const Report& report) {
  Tell(report.task->TakeNews());
  Tell(report.message);
}

// Half-closes the session once nothing is held any more.
void Worker::EndIfDone() {
  if (is_leaving_ && HoldsNothing() && session_ != nullptr) session_->HalfClose();
}

}  // namespace contact_worker
