// A full worker of contact.v1: one thread for each task that runs, four for each session.
//
// `ContactService` of proto/contact/v1/contact.proto is the specification, docs/protocol.md has a picture of each
// exchange. The parts here have the names of that page: receipts, started, results and outcomes, cancel, drain, moving,
// resume.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "contact_session.h"
#include "contact_task.h"

namespace contact_worker {

struct Options {
  std::string address;
  std::string client;
  std::vector<std::string> queues;
  // Tasks that run at once.
  std::uint32_t credit = 1;
  // The result of a task; what it throws is a failure.
  std::function<std::string(Task&)> handle;
  // Told of what happens, for people; from several threads.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

class Worker {
 public:
  explicit Worker(Options options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Until it has left; throws what the server refuses for good.
  void Run();
  // Takes nothing more, finishes what runs, and has Run return.
  void Leave();

  // What follows is for the session.
  const std::string& address() const { return options_.address; }
  const std::string& client() const { return options_.client; }
  const std::vector<std::string>& queues() const { return options_.queues; }
  std::uint32_t credit() const { return options_.credit; }
  void Say(const std::string& words) const { options_.say(words); }
  // What a registration says of the session before.
  void FillResume(pb::GetTaskRequest& request);
  // Goes on where the session before has ended.
  void Registered(Session& session, const pb::Registered& message);
  void Accept(const pb::Tasks& tasks);
  void Cancelled(const pb::Cancel& cancel);
  void Outcomes(const pb::SendStatusResponse& message);
  // Sends what handlers have said since it was called before, and results that were to be sent again.
  void Pump();
  // The session is over: what is said from now on is kept for the next one.
  void Lost();

 private:
  struct Report {
    pb::SendStatusRequest message;
    // Its lines are lost with the line as the result is.
    std::shared_ptr<Task> task;
    std::optional<Clock::time_point> again_at;
  };

  void WorkOn();
  pb::SendStatusRequest ReportOf(Task& task);

  // With the lock held.
  void Tell(pb::SendStatusRequest message);
  void TellStarted(const Task& task);
  void TellReport(const Report& report);
  bool HoldsNothing() const { return running_.empty() && reports_.empty(); }
  void EndIfDone();

  const Options options_;
  std::vector<std::thread> threads_;

  // Guards what follows; of a task and of a session what is called while it is held calls nobody.
  std::mutex mutex_;
  std::condition_variable has_work_;
  // What has been received and has no outcome yet: what a resume names as held.
  std::map<Key, std::shared_ptr<Task>> running_;
  std::map<Key, Report> reports_;
  // Of those that run, the ones that no thread has taken yet.
  std::deque<std::shared_ptr<Task>> waiting_;
  std::string previous_;
  Session* session_ = nullptr;
  bool is_leaving_ = false;
  bool is_over_ = false;
};

}  // namespace contact_worker
