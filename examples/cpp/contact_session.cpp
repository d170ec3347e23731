#include "contact_session.h"

#include <future>

#include "contact_worker.h"

namespace contact_worker {

namespace {

// Between two messages of progress and logs.
constexpr Seconds kPace(0.25);
// Bytes a second below which a line is taken for dead, as the server does.
constexpr double kSlowest = 8 * 1024;

}  // namespace

Session::Session(Worker& worker) : worker_(worker), id_(DrawSession()) {}

End Session::Run() {
  const auto stub = pb::ContactService::NewStub(OpenLine(worker_.address()));
  grpc::ClientContext up_context, down_context;
  Introduce(up_context);
  Introduce(down_context);
  pb::GetTaskRequest request;
  request.set_revision(1);
  request.set_max_in_flight(worker_.credit());
  request.set_agent("contact example, C++");
  for (const std::string& queue : worker_.queues()) request.add_queues(queue);
  worker_.FillResume(request);

  // SendStatus first: then the session is full from its start.
  const auto up = stub->SendStatus(&up_context);
  const auto down = stub->GetTask(&down_context, request);
  auto writer = std::async(std::launch::async, [&] { WriteAll(*up); });
  auto reader = std::async(std::launch::async, [&] { ReadOutcomes(*up); });
  auto watcher = std::async(std::launch::async, [&] { Watch(up_context, down_context); });
  pb::GetTaskResponse message;
  while (down->Read(&message)) ReadEvent(message);
  const grpc::Status down_status = down->Finish();
  // The other stream may know why: it gets a second.
  reader.wait_for(std::chrono::seconds(1));
  worker_.Lost();
  HalfClose();
  up_context.TryCancel();
  reader.wait();
  writer.wait();
  const grpc::Status up_status = up->Finish();
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  watcher.wait();

  // By whichever stream has it.
  const End down_end = EndOf(down_context, down_status);
  const End up_end = EndOf(up_context, up_status);
  return up_end.is_told && !down_end.is_told ? up_end : down_end;
}

void Session::Send(pb::SendStatusRequest message) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return;
  queued_.push_back(std::move(message));
  changed_.notify_all();
}

void Session::HalfClose() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

void Session::Introduce(grpc::ClientContext& context) const {
  context.AddMetadata("contact-client", worker_.client());
  context.AddMetadata("contact-session", id_);
}

void Session::WriteAll(Up& up) {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_closed_ || !queued_.empty(); });
    if (queued_.empty()) break;
    const pb::SendStatusRequest message = std::move(queued_.front());
    queued_.pop_front();
    lock.unlock();
    // What could not be written is known by the end of the call, and said again over the next one.
    if (!up.Write(message)) return;
  }
  up.WritesDone();
}

void Session::ReadOutcomes(Up& up) {
  pb::SendStatusResponse message;
  while (up.Read(&message)) {
    heard_at_ = Clock::now();
    worker_.Outcomes(message);
  }
}

void Session::ReadEvent(const pb::GetTaskResponse& message) {
  heard_at_ = Clock::now();
  // At once, not when the tasks are done: what is not receipted holds back further ones.
  pb::SendStatusRequest receipt;
  receipt.set_receipt(message.seq());
  Send(std::move(receipt));
  switch (message.event_case()) {
    case pb::GetTaskResponse::kRegistered: {
      const pb::Registered& registered = message.registered();
      was_heard_ = true;
      patience_ = 3 * Seconds(registered.intervals().ping_interval_ms() / 1000.0) +
                  Seconds(registered.limits().max_payload_bytes() / kSlowest);
      return worker_.Registered(*this, registered);
    }
    case pb::GetTaskResponse::kTasks:
      return worker_.Accept(message.tasks());
    case pb::GetTaskResponse::kCancel:
      return worker_.Cancelled(message.cancel());
    case pb::GetTaskResponse::kDrain:
      // We are given nothing, and stay.
      return worker_.Say("drain");
    case pb::GetTaskResponse::kMoving:
      // This server goes, and we come again when it has.
      return worker_.Say("moving");
    default:
      return;
  }
}

void Session::Watch(grpc::ClientContext& up, grpc::ClientContext& down) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kPace, [this] { return is_over_; })) return;
    }
    worker_.Pump();
    if (Clock::now() - heard_at_.load() <= patience_.load()) continue;
    worker_.Say("silence");
    up.TryCancel();
    down.TryCancel();
  }
}

}  // namespace contact_worker
