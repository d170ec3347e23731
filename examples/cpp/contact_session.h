// One registration of a worker: a GetTask and its SendStatus, until either ends.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>

#include "contact/v1/contact.grpc.pb.h"
#include "line.h"

namespace contact_worker {

namespace pb = contact::v1;

class Worker;

class Session {
 public:
  explicit Session(Worker& worker);

  // Answers why it has ended.
  End Run();

  // Queues a message for SendStatus, and returns at once; what comes after HalfClose is left out.
  void Send(pb::SendStatusRequest message);
  // Ends SendStatus once what is queued was sent.
  void HalfClose();

  const std::string& id() const { return id_; }
  // Whether the server has answered.
  bool was_heard() const { return was_heard_; }

 private:
  using Up = grpc::ClientReaderWriter<pb::SendStatusRequest, pb::SendStatusResponse>;

  void Introduce(grpc::ClientContext& context) const;
  void WriteAll(Up& up);
  void ReadOutcomes(Up& up);
  void ReadEvent(const pb::GetTaskResponse& message);
  void Watch(grpc::ClientContext& up, grpc::ClientContext& down);

  Worker& worker_;
  const std::string id_;
  std::atomic<bool> was_heard_ = false;
  std::atomic<Clock::time_point> heard_at_ = Clock::now();
  std::atomic<Seconds> patience_ = Seconds(30);

  // Guards what follows. Nobody is called while it is held.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<pb::SendStatusRequest> queued_;
  bool is_closed_ = false;
  bool is_over_ = false;
};

}  // namespace contact_worker
